"""Every folder of tests is in one of the groups that `make test` runs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_groups_hold_every_folder_of_tests() -> None:
    line = re.search(r"^TEST_GROUPS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert line is not None
    named = line[1].replace(",", " ").split()
    folders = {
        path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")
    }
    assert sorted(named) == sorted(folders | {"test_*.py"})
