"""The command line: `densepose COMMAND ...`; one file per command, imported when it is used."""

from __future__ import annotations

from importlib import import_module

import click

from opendensepose import __version__
from opendensepose.cli.common import one_line
from opendensepose.io.files import InputError

COMMANDS = {
    "predict": "opendensepose.cli.predict",
    "atlas": "opendensepose.cli.atlas",
    "synth": "opendensepose.cli.synth",
    "train": "opendensepose.cli.train",
}


class _Commands(click.Group):
    """A group that imports a command's module when the command is called or described."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return getattr(import_module(COMMANDS[cmd_name]), cmd_name) if cmd_name in COMMANDS else None

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error that a user can cause becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except ModuleNotFoundError as error:
            text = f"{error.name}: expected this package, got none; pip install 'opendensepose[train]' has it"
            code = 1
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            usage = isinstance(error, (ValueError, FileNotFoundError)) and not isinstance(error, InputError)
            text, code = one_line(error), 2 if usage else 1
        click.echo(f"Error: {text}", err=True)
        ctx.exit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="densepose")
def main() -> None:
    """Dense human pose estimation: every human pixel mapped to the surface of the body."""
