"""Everything that is printed: documents as JSON or for people, tables, errors, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exchange_node.errors import ExchangeError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text for people.")]


def examples(*lines: str) -> str:
    """The end of a command's --help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def out() -> Console:
    """Standard output. Markup is off: what is printed may hold brackets."""
    return Console(markup=False, highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Standard error, for progress and problems."""
    return Console(stderr=True, markup=False, highlight=False, soft_wrap=not sys.stderr.isatty())


def show(document: Any, as_json: bool, draw: Callable[[], None]) -> None:
    """Print a document, as JSON to standard output or as `draw` does it."""
    if as_json:
        json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        draw()


def number(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 person`, `2 people`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def say(text: str = "") -> None:
    """One line for people."""
    out().print(text)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """A table for people. Cells are text, never markup; on a pipe nothing is cut.

    Where a terminal is too narrow for its longest words, an id for instance, each row is told as lines of its own.
    """
    rows = list(rows)
    drawn = Table(title=title or None, title_justify="left", show_edge=False)
    for name in columns:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = out()
    if not console.is_terminal:
        console.width = 200
    words = [max((len(word) for row in rows for word in str(row[at]).split()), default=0) for at in range(len(columns))]
    if not rows or sum(width + 3 for width in words) <= console.width:
        console.print(drawn)
        return
    widest = max(map(len, columns))
    for row in rows:
        console.print()
        for name, cell in zip(columns, row, strict=True):
            if cell not in (None, ""):
                console.print(f"{name:{widest}}  {cell}", soft_wrap=True)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """A sign of life on a terminal's standard error; nothing anywhere else."""
    console = err()
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(what) as status:
        yield status.update


def show_error(error: ExchangeError, as_json: bool) -> None:
    """What went wrong, why, and what to do next."""
    decisions: list[dict[str, Any]] = getattr(error, "decisions", None) or []
    reasons = [reason for decision in decisions for reason in reasons_of(decision)]
    reasons = reasons or list(getattr(error, "reasons", None) or [])
    request = str(getattr(error, "request", "") or "")
    if as_json:
        document = {
            "error": {
                "code": error.code, "kind": error.kind.value, "sentence": error.says.sentence, "mend": error.says.mend,
                "detail": error.detail, "request": request, "reasons": reasons, "decisions": decisions,
            }
        }  # fmt: skip
        json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return
    if reasons:
        say(f"Refused. {error.says.sentence}" + (f" Request {request}." if request else ""))
        show_reasons(reasons)
        return
    console = err()
    detail = f" ({error.detail})" if error.detail else ""
    console.print(f"{error.says.sentence}{detail}" + (f" Request {request}." if request else ""))
    console.print(f"What to do: {error.says.mend}")
    console.print(f"Code: {error.code}")


def reasons_of(decision: dict[str, Any]) -> list[dict[str, str]]:
    """Every reason of a decision once, the question's before the attributes'."""
    found = list(decision.get("reasons", []))
    for _, answer in sorted(decision.get("attributes", {}).items()):
        found += [reason for reason in answer.get("reasons", []) if reason not in found]
    return found


def show_reasons(reasons: Iterable[dict[str, str]]) -> None:
    """Why not, under which law, and what would change it."""
    unique = {reason.get("code", ""): reason for reason in reasons}
    rows = [
        (r.get("sentence") or r.get("condition") or code, r.get("statute"), r.get("mend"), code)
        for code, r in unique.items()
    ]
    table(("Why not", "Law or clause", "What would change it", "Code"), rows)
