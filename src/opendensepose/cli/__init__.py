"""The command line: `densepose COMMAND ...`; one file per command, imported when it is used."""

from __future__ import annotations

from importlib import import_module

import click

from opendensepose import __version__
from opendensepose.cli.common import FAILURES, one_line
from opendensepose.io.files import InputError

COMMANDS = {  # name, also of the module and its function -> line in the help
    "predict": "Map people in photos and videos to the surface of the body.",
    "eval": "Score results against annotations: GPS, GPSm and mask AP and AR.",
    "atlas": "Draw the charts and the coloured body.",
    "data": "Tell what an annotation file holds, and what is wrong with it.",
    "show": "Draw annotations on their images, on the 3D body, or as video.",
    "synth": "Make pictures of synthetic people with exact ground truth.",
    "train": "Train a net on them, or on your own data.",
    "inpaint": "Fill people from their annotated points, with a trained teacher.",
    "export": "Make a model file of a trained net.",
    "annotate": "Annotate photos in the browser.",
    "convert": "Make a model file of official weights.",
    "models": "List models: ours, and the official ones to convert.",
}


_EXTRA = {"plotly": "viz", "matplotlib": "viz", "igl": "eval", "scipy": "eval"} | dict.fromkeys(
    ("fastapi", "sqlalchemy", "uvicorn", "pydantic"), "annotate"
)


class _Commands(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error that a user can cause becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except ModuleNotFoundError as error:
            extra = _EXTRA.get(error.name or "", "train")
            text = (
                f"{error.name}: expected this package, got none; pip install 'opendensepose[{extra}]' has it"
            )
            code = 1
        except FAILURES as error:
            usage = isinstance(error, (ValueError, FileNotFoundError)) and not isinstance(error, InputError)
            text, code = one_line(error), 2 if usage else 1
        click.echo(f"Error: {text}", err=True)
        ctx.exit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="densepose")
def main() -> None:
    """Dense human pose estimation: every human pixel mapped to the surface of the body."""
