"""`exchange doctor`."""

from __future__ import annotations

import typer

from .output import Json, examples, number, say, show, table
from .session import session


def add_to(app: typer.Typer) -> None:
    """Put the command in its place."""
    app.command(epilog=examples("exchange --home /srv/exchange doctor"))(doctor)


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Say what is wrong with this node and how to mend it. Exit code 1 if anything is."""
    from .checks import examine

    findings = examine(session(ctx))
    wrong = [finding for finding in findings if not finding.good]
    rows = [(("ok" if f.good else "WRONG"), f.what, f.told, f.mend) for f in findings]
    document = {
        "findings": [{"what": f.what, "good": f.good, "told": f.told, "mend": f.mend} for f in findings],
        "wrong": len(wrong),
    }

    def draw() -> None:
        table(("", "What", "Found", "How to mend it"), rows)
        say("Nothing is wrong." if not wrong else f"{number(len(wrong), 'thing is', 'things are')} wrong.")

    show(document, as_json, draw)
    if wrong:
        raise typer.Exit(1)
