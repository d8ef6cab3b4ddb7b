"""`exchange audit`: verify a log offline, tell the story of a request, compare two sides' stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exchange_node.errors import Kind

from .errors import CliError
from .output import Json, examples, number, say, show, table
from .session import call, read_file, session, write_file

if TYPE_CHECKING:
    from exchange_node.audit.entry import Entry

app = typer.Typer(
    help="The node's append-only log, and what it says of a request.", no_args_is_help=True, rich_markup_mode=None
)


@app.command(
    epilog=examples(
        "exchange audit verify                                        # our own log",
        "exchange audit verify ./their-audit --key 'castle-nhs.node.exchange.internal/log+1a2b3c4d+AQ...'",
    )
)
def verify(
    ctx: typer.Context,
    directory: Annotated[Path | None, typer.Argument(help="A log's folder; HOME/audit if left out.")] = None,
    key: Annotated[str, typer.Option(help="The log's public key as `exchange audit key` prints it.")] = "",
    as_json: Json = False,
) -> None:
    """Check a whole log on its bytes alone: signature, every entry, every tile. No node is asked."""
    from exchange_node.audit.verify import verify_directory

    if directory is not None and not key:
        raise CliError("bad-argument", "--key: whoever runs the log prints it with `exchange audit key`")
    folder = directory or session(ctx).home.audit
    if not folder.is_dir():
        raise CliError("no-log", str(folder))
    report = verify_directory(folder, key or _own_key(ctx))
    document = {
        "holds": True, "origin": report.origin, "size": report.size, "root": report.root.hex(), "kinds": report.kinds,
        "beyond": report.beyond, "files": report.files, "findings": list(report.findings),
    }  # fmt: skip

    def draw() -> None:
        kinds = ", ".join(number(count, kind) for kind, count in sorted(report.kinds.items()))
        size, files = number(report.size, "entry", "entries"), number(report.files, "file")
        say(f"The log {report.origin} holds: {size} ({kinds}), {files} compared.")
        say(f"Root {report.root.hex()}")
        for finding in report.findings:
            say(f"Note: {finding}")

    show(document, as_json, draw)


@app.command("key", epilog=examples("exchange audit key"))
def key_(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the log's public key, by which anybody can verify it."""
    vkey = _own_key(ctx)
    show({"key": vkey}, as_json, lambda: say(vkey))


@app.command(
    "show",
    epilog=examples(
        "exchange audit show 0123456789abcdef0123456789abcdef",
        "exchange audit show 0123456789abcdef0123456789abcdef --export ours.json",
        "exchange audit show 0123456789abcdef0123456789abcdef --compare theirs.json",
    ),
)
def show_(
    ctx: typer.Context,
    request: str,
    export: Annotated[
        Path | None, typer.Option(help="Write what may be shown to the other side: the entries alone, nothing opened.")
    ] = None,
    compare: Annotated[Path | None, typer.Option(help="Another side's exported story, laid beside ours.")] = None,
    as_json: Json = False,
) -> None:
    """Tell the story of a request in plain words, from our log. --json holds what is opened, for us only."""
    answer = call(ctx, "ShowAudit", {"request": request})
    if export is not None:
        told = {name: answer[name] for name in ("request", "organisation", "log", "checkpoint", "entries")}
        write_file(export, json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n")
    differences = _compared(answer, compare) if compare else []
    document = answer | ({"differences": differences} if compare else {})

    def draw() -> None:
        for line in answer["lines"]:
            say(line["text"])
            for value in line["opened"].values():
                _draw_opened(value)
        if export is not None:
            say(f"Exported to {export}.")
        if compare:
            say("The two logs agree." if not differences else "The two logs do not agree:")
        if differences:
            table(("What", "Only ours", "Only theirs"), [(d["sentence"], d["ours"], d["theirs"]) for d in differences])

    show(document, as_json, draw)
    if differences:
        raise typer.Exit(Kind.UNTRUSTED.value)


_UNTOLD = ("decisions", "rows")  # `policy explain` tells decisions; rows are the people who have a released value
_OPENED = {
    "people_encoded": "people encoded",
    "encoded": "rows sent, filled up to a size class",
    "thin": "people left out, too little is known of them to compare",
    "left_out": "people left out, each by their first reason",
    "unreadable": "rows of the register that could not be read",
    "linked": "people linked",
    "people_released": "people with a released value",
    "people_denied": "people linked, nothing released",
    "values": "values released",
    "denied": "values held back",
    "reasons": "values held back, by each of their reasons",
    "precision_bp": "estimated precision",
}


def _draw_opened(value: Any) -> None:
    """What stands behind a commitment, indented; decisions are for `policy explain`."""
    if not isinstance(value, dict):
        return
    if "decision_id" in value:
        say(f"      decision {value['decision_id']}; `exchange policy explain` tells it")
        return
    for name, part in value.items():
        if name in _UNTOLD:
            continue
        told = ", ".join(f"{code}: {count}" for code, count in part.items()) if isinstance(part, dict) else part
        if name == "precision_bp":
            told = f"{part / 100:.2f} %" if part else "not told"
        say(f"      {_OPENED.get(name, name.replace('_', ' '))}: {told if told not in ('', None) else 'none'}")


def _compared(answer: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    from exchange_node.audit.story import compare

    try:
        theirs = json.loads(read_file(path))
        them, entries = str(theirs["organisation"]), _entries(theirs)
    except (ValueError, KeyError, TypeError):
        raise CliError("bad-file", f"{path}: not what `exchange audit show --export` writes") from None
    us = str(answer["organisation"])
    if us == them:
        raise CliError("bad-file", f"{path}: it is our own export; the other side's is needed")
    found = compare(_entries(answer), entries, us=us, them=them)
    return [
        {"name": d.name, "sentence": d.sentence, "ours": ", ".join(d.ours), "theirs": ", ".join(d.theirs)}
        for d in found
    ]


def _entries(document: dict[str, Any]) -> list[Entry]:
    from exchange_node.audit.canonical import canonical
    from exchange_node.audit.entry import Entry

    return [Entry.decode(canonical(item["entry"])) for item in document["entries"]]


def _own_key(ctx: typer.Context) -> str:
    """From the home's own key, or from the node where this is a user's folder."""
    home = session(ctx).home
    if not home.config_file.exists() and (home.path / "client.toml").exists():
        return str(call(ctx, "NodeStatus")["log"]["key"])
    from exchange_node.homes import log_signer
    from exchange_node.trust.keys import HomeKeys

    return log_signer(HomeKeys.open(home.path), home.load().node.organisation).vkey
