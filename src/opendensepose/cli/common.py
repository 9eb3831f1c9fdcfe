"""What the commands share: `--json [FILE]`."""

from __future__ import annotations

import json
from typing import Any

import click

from opendensepose.io.files import atomic

FAILURES = (ValueError, OSError, RuntimeError, MemoryError)  # whose text is written for users


def one_line(error: BaseException) -> str:
    """The text of an error without line breaks; its kind where it has no text."""
    return " ".join(str(error).split()) or type(error).__name__


class JsonCommand(click.Command):
    """A command with `--json [FILE]`: FILE must end in .json, so that inputs may follow a bare `--json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        following = [*args[1:], ""]
        alone = [
            a == "--json" and not b.lower().endswith(".json")
            for a, b in zip(args, following, strict=False)  # no arguments: nothing follows
        ]
        return super().parse_args(
            ctx, ["--json=-" if bare else a for a, bare in zip(args, alone, strict=True)]
        )


json_option = click.option(
    "--json",
    "json_file",
    metavar="[FILE.json]",
    help="Write a summary as JSON, to standard output without FILE.",
)


def write_summary(summary: dict[str, Any], json_file: str | None) -> None:
    """Write the summary where `--json` says: to a file, to standard output ("-"), or nowhere (None)."""
    text = json.dumps(summary, indent=1)
    if json_file == "-":
        click.echo(text)
    elif json_file is not None:
        with atomic(json_file) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
