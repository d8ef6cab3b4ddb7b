"""`exchange agreement`: data sharing agreements, written as YAML, signed by every party, then in force."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .output import Json, examples, number, say, show, table
from .session import call, read_file, write_file

app = typer.Typer(
    help="Data sharing agreements: in force once every party has signed the same text.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(
    epilog=examples(
        "exchange agreement sign asthma-mould.yaml --out asthma-mould.signed.json",
        "exchange agreement sign asthma-mould.signed.json --out asthma-mould.signed-2.json    # the next party",
    )
)
def sign(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A draft (YAML), or the file that other parties have signed.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where the signed file goes.")] = None,
    as_json: Json = False,
) -> None:
    """Sign for your agency and keep the agreement; the next party signs the file that this writes."""
    _bring(ctx, file, out, as_json, True)


@app.command(epilog=examples("exchange agreement load asthma-mould.signed-2.json"))
def load(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file with the other parties' signatures.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where all signatures known here go.")] = None,
    as_json: Json = False,
) -> None:
    """Take in signatures of others, without signing."""
    _bring(ctx, file, out, as_json, False)


def _bring(ctx: typer.Context, file: Path, out: Path | None, as_json: bool, ours: bool) -> None:
    text = read_file(file).decode("utf-8", "replace")
    answer = call(ctx, "SignAgreement", {"text": text, "sign": ours})
    if out is not None:
        write_file(out, answer["envelope"].encode(), overwrite=True)

    def draw() -> None:
        say(f"{answer['id']} version {answer['version']}: signed by {', '.join(answer['signed_by'])}.")
        if answer["in_force"]:
            say("Every party has signed; each loads this file, and it is in force there.")
        else:
            say(f"Yet to sign: {', '.join(answer['missing'])}.")
        _caution(answer["cautions"])
        if out is not None:
            say(f"Send {out} to the " + ("other parties." if answer["in_force"] else "next party."))

    show(answer, as_json, draw)


@app.command("list", epilog=examples("exchange agreement list"))
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """Every agreement at this node, who has yet to sign, and what runs out soon."""
    answer = call(ctx, "ListAgreements")
    rows = [
        (a["id"], a["version"], a["title"], a["status"] if a["in_force"] else _waiting(a), a["valid_to"],
         "; ".join(a["reminders"]))
        for a in answer["agreements"]
    ]  # fmt: skip
    columns = ("Agreement", "Version", "Title", "Status", "Valid to", "Reminders")
    show(answer, as_json, lambda: table(columns, rows))


@app.command("show", epilog=examples("exchange agreement show asthma-mould", "exchange agreement show draft.yaml"))
def show_(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="An agreement's id, or a file.")],
    version: Annotated[int, typer.Option(help="An earlier version.")] = 0,
    as_json: Json = False,
) -> None:
    """Print an agreement for people. A file is checked for its form; nothing is signed or sent."""
    if Path(what).is_file() or Path(what).suffix in (".yaml", ".yml", ".json") or "/" in what:
        text, found = _of_file(Path(what))

        def draw_file() -> None:
            _draw(text)
            _caution(found)

        show({"text": text, "cautions": found}, as_json, draw_file)
        return
    answer = call(ctx, "ShowAgreement", {"id": what} | ({"version": version} if version else {}))

    def draw() -> None:
        _draw(answer["text"])
        say(
            f"Signed by {', '.join(answer['signed_by']) or 'nobody'}"
            + ("" if answer["in_force"] else f"; {_waiting(answer)}")
        )
        for reminder in answer["reminders"]:
            say(f"Reminder: {reminder}")
        _caution(answer["cautions"])

    show(answer, as_json, draw)


def _waiting(answer: dict[str, Any]) -> str:
    return f"waiting for signatures of {', '.join(answer['missing'])}"


def _caution(cautions: list[str]) -> None:
    for caution in cautions:
        say(f"Look twice: {caution}")


def _of_file(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The text, and what to look at twice; whom the manifest lists is known to a node alone."""
    import json

    from exchange_node.methods import linkage_methods
    from exchange_node.policy.agreement import canonical, parse_agreement
    from exchange_node.policy.cautions import cautions
    from exchange_node.trust.signing import Envelope

    data = read_file(path)
    if data.lstrip().startswith(b"{") and b'"payloadType"' in data:
        data = Envelope.parse(data).payload
    agreement = parse_agreement(data)
    text: dict[str, Any] = json.loads(canonical(agreement))
    return text, list(cautions(agreement, linkage_methods()))


def _draw(text: dict[str, Any]) -> None:
    say(f"{text['title']} ({text['id']}, version {text['version']}, {text['status']})")
    say(f"Valid {text['valid_from']} to {text['valid_to']}; review by {text['review_by']}")
    table(("Party", "Type", "Role", "Regime"), [(p["org"], p["type"], p["role"], p["regime"]) for p in text["parties"]])
    table(("Purpose", "Title"), [(p["id"], p["title"]) for p in text["purposes"]])
    rows = [
        (f"{flow['from']} to {flow['to']}", ", ".join(flow["purposes"]), a["name"], a["transform"],
         number(a["retention_days"], "day"), ", ".join(flow["gateways"]))
        for flow in text["flows"]
        for a in flow["attributes"]
    ]  # fmt: skip
    table(("Flow", "Purposes", "Attribute", "Leaves as", "Kept", "Gateways"), rows)
    linkage = text["linkage"]
    say(f"Linked by {', '.join(linkage['methods'])} at {', '.join(text['linkage_units'])};"
        f" precision at least {linkage['minimum_precision_bp'] / 100:.2f} %")  # fmt: skip
    say(f"Approval by a person: {text.get('approval', 'none')}; onward sharing: {text['onward_sharing']}")
