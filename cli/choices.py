"""`exchange choice`: consents, objections, opt-outs and restrictions of the people whose records the agency holds."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from exchange_node.errors import Kind

from .errors import CliError
from .output import Json, err, examples, number, say, show, table
from .session import call, read_file

app = typer.Typer(
    help="What people want to happen with their data. People are named by the register's own ids, which go to the"
    " node and are kept there as keyed references only.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
COLUMNS = ("local_id", "kind", "scope", "purposes", "valid_from", "valid_to", "ref")
Person = Annotated[
    str, typer.Option("--local-id", help="The register's id of the person; - reads it from standard input.")
]
Scope = Annotated[
    list[str] | None, typer.Option(help="An organisation it concerns; may be repeated; all if none (not a consent).")
]
_KIND = "consent, objection, opt-out or restriction."
CHUNK = 3_000_000  # bytes of one call, below what a message may hold


@app.command(
    epilog=examples(
        "exchange choice add --local-id P1001 --kind consent --scope northgate-homes --purpose repairs",
        "echo P1001 | exchange choice add --local-id - --kind opt-out    # keeps the id out of the shell's history",
    )
)
def add(
    ctx: typer.Context,
    local_id: Person,
    kind: Annotated[str, typer.Option(help=_KIND)],
    scope: Scope = None,
    purpose: Annotated[
        list[str] | None, typer.Option(help="A purpose; may be repeated; all if none (not a consent).")
    ] = None,
    valid_from: Annotated[str, typer.Option(help="First day, YYYY-MM-DD; today if left out.")] = "",
    valid_to: Annotated[str, typer.Option(help="Last day; until withdrawn if left out.")] = "",
    ref: Annotated[str, typer.Option(help="Where the paper is.")] = "",
    as_json: Json = False,
) -> None:
    """Record one person's choice."""
    row = {"local_id": _person(local_id), "kind": kind, "scope": scope or [], "purposes": purpose or [], "ref": ref}
    row |= {name: value for name, value in (("valid_from", valid_from), ("valid_to", valid_to)) if value}
    _record(ctx, [row], False, as_json)


@app.command("import", epilog=examples("exchange choice import consents.csv --dry-run"))
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help=f"A CSV file with the columns {', '.join(COLUMNS)}.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row and record nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Record the choices of a file: all of them, or none and a list of the rows that break a rule.

    Several scopes or purposes in one cell are separated by semicolons.
    """
    _record(ctx, _rows(file), dry_run, as_json)


def _record(ctx: typer.Context, rows: list[dict[str, Any]], dry_run: bool, as_json: bool) -> None:
    answer: dict[str, Any] = {
        "rows": 0, "added": 0, "known": 0, "problems": [], "notes": [], "dry_run": dry_run, "choices": []
    }  # fmt: skip
    batches = _batches(rows)
    # Where one call cannot hold a file, everything is tried first, so that it is still all or nothing.
    for trying in [True, False] if len(batches) > 1 and not dry_run else [dry_run]:
        parts = [call(ctx, "AddChoices", {"rows": batch, "dry_run": trying}) for batch in batches]
        answer = {
            **answer,
            **{name: sum(part[name] for part in parts) for name in ("rows", "added", "known")},
            **{name: [item for part in parts for item in part[name]] for name in ("problems", "choices")},
            "notes": [note for part in parts for note in part.get("notes", [])],  # not from a node of an older release
        }
        if answer["problems"]:
            break

    def draw() -> None:
        if answer["problems"]:
            say(f"{number(len(answer['problems']), 'row')} of {answer['rows']} against a rule; nothing was recorded.")
            table(("Line", "Rule"), [(problem["line"], problem["rule"]) for problem in answer["problems"]])
        elif dry_run:
            say(f"{number(answer['rows'], 'row')} checked, no rule broken; nothing was recorded (--dry-run).")
        else:
            say(f"{number(answer['added'], 'choice')} recorded; {answer['known']} recorded before.")
        if answer["notes"]:
            say("Is this meant? As things are, it counts for nothing:")
            rows = [(note["rule"], note["rows"], note["line"]) for note in answer["notes"]]
            table(("Rule", "Rows", "First line"), rows)

    show(answer, as_json, draw)
    if answer["problems"]:
        raise typer.Exit(Kind.INVALID.value)


@app.command(
    epilog=examples(
        "exchange choice withdraw 0123456789abcdef0123456789abcdef",
        "exchange choice withdraw --local-id P1001 --kind consent --scope northgate-homes",
    )
)
def withdraw(
    ctx: typer.Context,
    choice: Annotated[str, typer.Argument(help="A choice's id from `choice list`.")] = "",
    local_id: Person = "",
    kind: Annotated[str, typer.Option(help=_KIND)] = "",
    scope: Scope = None,
    as_json: Json = False,
) -> None:
    """Record that a choice no longer holds; releases that are not sealed yet respect it."""
    body: dict[str, Any] = {"choice": choice} if choice else {}
    if local_id:
        body |= {"local_id": _person(local_id), "scope": scope or []}
    if kind:
        body["kind"] = kind
    answer = call(ctx, "WithdrawChoice", body)
    show(answer, as_json, lambda: say(f"{len(answer['withdrawn'])} withdrawn at {answer['at']}."))


@app.command("list", epilog=examples("exchange choice list --limit 20", "exchange choice list --local-id P1001"))
def list_(
    ctx: typer.Context,
    local_id: Person = "",
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
    offset: Annotated[int, typer.Option(help="How many to leave out first.")] = 0,
    as_json: Json = False,
) -> None:
    """Choices by reference; those of one person with --local-id."""
    body: dict[str, Any] = {"limit": limit, "offset": offset}
    if local_id:
        body["local_id"] = _person(local_id)
    answer = call(ctx, "ListChoices", body)
    rows = [
        (c["id"], c["person"][:12], c["kind"], ", ".join(c["scope"]) or "all", ", ".join(c["purposes"]) or "all",
         c["valid_from"][:10], c["withdrawn_at"] or "")
        for c in answer["choices"]
    ]  # fmt: skip
    columns = ("Choice", "Person", "Kind", "Organisations", "Purposes", "From", "Withdrawn")
    show(answer, as_json, lambda: table(columns, rows))


def _rows(file: Path) -> list[dict[str, Any]]:
    """The file's rows with their line numbers; rules of single cells are the node's to check."""
    try:
        text = read_file(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CliError("bad-file", f"{file}: not in UTF-8; save it as CSV UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = reader.fieldnames or []
        if len(set(names)) != len(names) or not {"local_id", "kind"} <= set(names) <= set(COLUMNS):
            raise CliError("bad-file", f"{file}, line 1: the columns may be {', '.join(COLUMNS)}, parted by commas")
        rows = [_row(cells, reader.line_num, file) for cells in reader]
    except csv.Error:
        raise CliError("bad-file", f"{file}, line {reader.line_num + 1}: quotes that do not fit") from None
    if not rows:
        raise CliError("bad-file", f"{file}: no rows")
    return rows


def _row(cells: dict[str, Any], line: int, file: Path) -> dict[str, Any]:
    if None in cells or None in cells.values():
        raise CliError("bad-file", f"{file}, line {line}: more or fewer cells than columns")
    row: dict[str, Any] = {"line": line, "local_id": cells["local_id"].strip(), "kind": cells["kind"].strip()}
    for name in ("scope", "purposes"):
        row[name] = [part.strip() for part in cells.get(name, "").split(";") if part.strip()]
    for name in ("valid_from", "valid_to", "ref"):
        if text := cells.get(name, "").strip():
            row[name] = text
    return row


def _batches(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    import json

    batches: list[list[dict[str, Any]]] = [[]]
    size = 0
    for row in rows:
        size += len(json.dumps(row)) + 2
        if size > CHUNK:
            batches.append([])
            size = 0
        batches[-1].append(row)
    return batches


def _person(text: str) -> str:
    if text != "-":
        return text
    if sys.stdin.isatty():
        err().print("The register's id:")
    return sys.stdin.readline().strip()
