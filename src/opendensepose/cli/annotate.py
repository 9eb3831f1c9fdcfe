"""`densepose annotate`: the annotation tool in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command(cls=JsonCommand)
@click.option(
    "--project", required=True, metavar="FOLDER", help="Everything is kept there; made when it is absent."
)
@click.option("--images", metavar="DIR|ANN.json", help="Photos to add, or a DensePose-COCO file with photos.")
@click.option(
    "--boxes",
    default="detect",
    show_default=True,
    metavar="detect|draw|FILE",
    help="Where people are: found by the shipped model, drawn in the page, or a file of boxes.",
)
@click.option("--gold", type=click.IntRange(0), default=0, help="Synthetic people of known truth to mix in.")
@click.option("--add-user", "users", multiple=True, metavar="NAME:ROLE", help="annotator, reviewer or admin.")
@click.option("--export", "exported", metavar="DIR|ANN.json", help="Write the annotations, and do not serve.")
@click.option("--database", metavar="URL", help="A database instead of SQLite in the project.")
@click.option(
    "--double", type=click.FloatRange(0, 1), help="Share of people that two annotate. [default: 0.1]"
)
@click.option("--gold-share", type=click.FloatRange(0, 1), help="Share of gold people. [default: 0.1]")
@click.option(
    "--hours", type=click.FloatRange(0.01), help="After which an idle assignment expires. [default: 4]"
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--unencrypted", is_flag=True, help="Needed with another --host: what is sent can be read on the way."
)
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def annotate(project: str, json_file: str | None, **options: Any) -> None:
    """Open the annotation tool: part outlines and surface points for any photos, by one or many people."""
    if options["host"] not in LOOPBACK and not options["unencrypted"]:
        raise click.UsageError(
            f"--host: expected a loopback address ({', '.join(LOOPBACK)}), got {options['host']}; others can "
            "then read what is sent: add --unencrypted if you accept that, or put a TLS proxy before it"
        )
    from opendensepose.annotate import run

    summary, problems = run.prepare(Path(project), tell=_teller(options["quiet"]), **options)
    write_summary(summary, json_file)
    for line in problems:
        click.echo(f"Error: {line}", err=True)
    if not summary["serves"]:
        raise SystemExit(1 if problems else 0)
    run.serve(Path(project), options["database"], options["host"], options["port"], tell=_teller(False))


def _teller(quiet: bool) -> Any:
    return (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))
