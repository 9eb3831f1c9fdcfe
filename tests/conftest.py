"""What tests of several folders share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `import tiny_model`


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of tiny_model.py."""
    import tiny_model

    return tiny_model.write(tmp_path_factory.mktemp("model") / "tiny.odp")
