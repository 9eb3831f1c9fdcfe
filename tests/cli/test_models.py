"""`densepose models --card`."""

from __future__ import annotations

from click.testing import CliRunner

import opendensepose as odp
from opendensepose.cli import main


def test_the_card_of_the_packaged_model_tells_its_input_and_licence() -> None:
    done = CliRunner().invoke(main, ["models", "--card", "small"])
    meta = odp.load("small").meta
    assert done.exit_code == 0
    assert f"short side {meta['input']['short']}" in done.output
    assert f"at most {meta['input']['long']} pixels" in done.output
    assert meta["licence"] in done.output


def test_no_card_for_a_path_or_an_unknown_name() -> None:
    for name in ("../small", "large", "small.odp"):
        done = CliRunner().invoke(main, ["models", "--card", name])
        assert done.exit_code != 0
        assert "expected a packaged model with a card (small)" in done.output
        assert "Traceback" not in done.output
