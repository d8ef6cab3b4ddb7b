"""The command `exchange`: options before the command, the commands' places, and how errors end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from exchange_node import __version__
from exchange_node.errors import ExchangeError, Kind, mistake

from . import agreements, audits, choices, doctor, keys, manifests, nodes, policies, requests, trial, users
from .errors import CliError
from .output import show_error
from .session import Session

HELP = """Lawful questions between agencies, answered without handing identities over.

\b
Administrators   init, serve, doctor, manifest, key, user
Analysts         request
Officers         approve, agreement, choice, policy
Everyone         audit, trial (no node needed)

\b
Exit codes:
  0  it worked            1  tried and failed, or a check found something
  2  wrong command line   3  refused: by policy, an agreement or a role
  4  a file or field breaks a rule
  5  a signature, certificate, manifest or log does not hold
  6  a node, engine or disk cannot be reached or is full; try again
  7  it contradicts what is recorded   8  not found
  70 our own mistake, with a reference   130  interrupted
"""
INTERRUPTED = 130

app = typer.Typer(
    help=HELP,
    epilog="\b\nExamples:\n"
    "  exchange --home /srv/exchange doctor\n"
    "  export EXCHANGE_HOME=/srv/exchange\n"
    "  exchange request submit question.yaml --wait",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"exchange {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(envvar="EXCHANGE_HOME", help="The node's home, or a user's folder made by `user add --out`."),
    ] = None,
    user: Annotated[
        str | None, typer.Option(envvar="EXCHANGE_USER", help="As whom, where the home holds several users.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    ctx.obj = Session(home, user)


nodes.add_to(app)
doctor.add_to(app)
trial.add_to(app)
requests.add_approve_to(app)
for name, module in {
    "manifest": manifests,
    "key": keys,
    "user": users,
    "request": requests,
    "policy": policies,
    "agreement": agreements,
    "choice": choices,
    "audit": audits,
}.items():
    app.add_typer(module.app, name=name)


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line; its exit code. Nothing leaves as a traceback."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in arguments
    try:
        ended = get_command(app).main(arguments, prog_name="exchange", standalone_mode=not as_json)
        return ended if isinstance(ended, int) else 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except TyperException as error:  # for people, typer has shown it already and ended
        return _failed(CliError("usage", error.format_message()), as_json)
    except ExchangeError as error:
        return _failed(error, as_json)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except OSError as error:
        told = error.strerror or type(error).__name__
        return _failed(CliError("system", f"{error.filename}: {told}" if error.filename else told), as_json)
    except Exception as error:
        return _failed(CliError("mistake", f"reference {mistake(error)} {uuid4().hex[:12]}"), as_json)


def _failed(error: ExchangeError, as_json: bool) -> int:
    with suppress(OSError):  # where what is wrong is the output itself, the exit code must tell it
        show_error(error, as_json)
    return error.kind.value


def main() -> None:
    """The console script."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  (closed by who called us)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    code = run()
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        code = code or (1 if isinstance(error, BrokenPipeError) else Kind.UNAVAILABLE.value)
    sys.exit(code)


if __name__ == "__main__":
    main()
