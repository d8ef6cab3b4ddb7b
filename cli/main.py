"""The command `exchange`: options before the command, the commands' places, and how errors end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from typer.main import get_command

from exchange_node import __version__
from exchange_node.errors import ExchangeError

from . import agreements, audits, choices, doctor, keys, manifests, nodes, policies, requests, users
from .output import err, show_error
from .session import Session

HELP = """Lawful questions between agencies, answered without handing identities over.

\b
Administrators   init, serve, doctor, manifest, key, user
Analysts         request
Officers         approve, agreement, choice, policy
Everyone         audit

\b
Exit codes:
  0  it worked            1  it was tried and failed, or a check found something
  2  wrong command line   3  refused: by policy, an agreement or a role
  4  a file or field breaks a rule
  5  a signature, certificate, manifest or log does not hold
  6  a node, engine or disk cannot be reached or is full; try again
  7  it contradicts what is recorded   8  not found
  70 our own mistake, with a reference   130  interrupted
"""
INTERNAL, INTERRUPTED = 70, 130

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
    try:
        get_command(app).main(arguments, prog_name="exchange")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except ExchangeError as error:
        show_error(error, "--json" in arguments)
        return error.kind.value
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception as error:
        # The text of an unforeseen error may hold anything, so only its kind, its place and a reference are told.
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        console = err()
        console.print("The command made a mistake of its own.")
        console.print(f"What to do: report this reference: {type(error).__name__} {place} {uuid4().hex[:12]}")
        return INTERNAL
    return 0


def main() -> None:
    """The console script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
