"""`exchange request` and `exchange approve`: asking, following, fetching results, and an officer's yes or no."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from exchange_node.errors import ExchangeError, Kind

from .asking import Asked, body_of, template
from .output import Json, err, examples, number, say, show, show_reasons, table, working
from .session import call, desk, write_file

app = typer.Typer(help="Ask other agencies, under an agreement.", no_args_is_help=True, rich_markup_mode=None)

Agreement = Annotated[str, typer.Option(help="The agreement's id.")]
Purpose = Annotated[str, typer.Option(help="One of the agreement's purposes.")]
Provider = Annotated[list[str] | None, typer.Option(help="Who is asked; may be repeated.")]
Attribute = Annotated[
    list[str] | None, typer.Option(help="PROVIDER:NAME, or NAME where one provider is asked; may be repeated.")
]
Condition = Annotated[str, typer.Option("--cohort", help="A condition on your own attributes.")]
CohortFile = Annotated[Path | None, typer.Option(help="A file of your own ids, one on a line or a CSV column.")]
Assert = Annotated[
    list[str] | None, typer.Option("--assert", help="CONDITION:ROLE:REFERENCE that you vouch for; may be repeated.")
]
Unit = Annotated[str, typer.Option(help="The linkage unit; the agreement's first if left out.")]
Hours = Annotated[int, typer.Option(help="After how many hours it ends, if not finished; 0: as configured.")]
Emergency = Annotated[bool, typer.Option("--emergency", help="Marked as an emergency, and reviewed afterwards.")]
REQUEST = Annotated[str, typer.Argument(help="The request's id, as `request submit` and `request list` print it.")]
_ENDS = {"done": 0, "refused": Kind.DENIED.value, "open": 0}


@app.command(
    epilog=examples(
        "exchange request new --agreement asthma-mould --purpose damp-repair-prioritisation \\",
        "    --provider castle-nhs --attribute castle-nhs:repair_priority \\",
        "    --cohort 'damp_reported = yes' -o question.yaml",
    )
)
def new(
    agreement: Agreement,
    purpose: Purpose,
    provider: Provider = None,
    attribute: Attribute = None,
    cohort: Condition = "",
    cohort_file: CohortFile = None,
    assertion: Assert = None,
    linkage_unit: Unit = "",
    hours: Hours = 0,
    emergency: Emergency = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path("question.yaml"),
    as_json: Json = False,
) -> None:
    """Write a request file that explains itself; nothing is sent."""
    asked = Asked(
        agreement, purpose, provider or [], attribute or [], cohort, cohort_file, assertion or [], linkage_unit,
        hours, emergency,
    )  # fmt: skip
    write_file(out, template(asked).encode())
    show({"file": str(out)}, as_json, lambda: say(f"Wrote {out}. Next: exchange policy check {out}"))


@app.command(
    epilog=examples(
        "exchange request submit question.yaml --wait",
        "exchange request submit --agreement asthma-mould --purpose damp-repair-prioritisation \\",
        "    --provider castle-nhs --attribute repair_priority --cohort 'damp_reported = yes'",
    )
)
def submit(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A request file; or give the same by options.")] = None,
    agreement: Agreement = "",
    purpose: Purpose = "",
    provider: Provider = None,
    attribute: Attribute = None,
    cohort: Condition = "",
    cohort_file: CohortFile = None,
    assertion: Assert = None,
    linkage_unit: Unit = "",
    hours: Hours = 0,
    emergency: Emergency = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Ask. A question that policy refuses is not sent to anybody, and ends with exit code 3."""
    asked = Asked(
        agreement, purpose, provider or [], attribute or [], cohort, cohort_file, assertion or [], linkage_unit,
        hours, emergency,
    )  # fmt: skip
    with working("Reading the register and asking policy"):
        answer = call(ctx, "SubmitRequest", {"draft": body_of(ctx, file, asked)})
    if wait:
        if not as_json:
            say(f"Request {answer['request']}: {number(answer['cohort'], 'person', 'people')} in the cohort.")
        _follow(ctx, answer["request"], as_json)
        return
    show(answer, as_json, lambda: _draw_submitted(answer))


def _draw_submitted(answer: dict[str, Any]) -> None:
    given = answer.get("given")
    known = f" of the {number(given, 'id')} given" if given not in (None, answer["cohort"]) else ""
    say(
        f"Request {answer['request']}: {number(answer['cohort'], 'person', 'people')}{known} in the cohort;"
        f" it ends by {answer['deadline']}."
    )
    say(f"Follow it: exchange request watch {answer['request']}")


@app.command("list", epilog=examples("exchange request list", "exchange request list --state open --waiting"))
def list_(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(help="open, done, refused, cancelled, expired or failed.")] = "",
    role: Annotated[str, typer.Option(help="requester, provider or linkage: what we are in it.")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for an approval here.")] = False,
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 100,
    as_json: Json = False,
) -> None:
    """Requests you may see: an analyst their own; officers and administrators all, those of others too."""
    body = {"limit": limit} | ({"state": state} if state else {}) | ({"role": role} if role else {})
    answer = call(ctx, "ListRequests", body)
    if waiting:
        answer["requests"] = [r for r in answer["requests"] if r["waiting_for_approval"]]
    rows = [
        (r["request"], r["role"], r["requester"], ", ".join(r["providers"]), r["agreement"], r["purpose"],
         "waits for approval here" if r["waiting_for_approval"] else r["state"], r["created_at"])
        for r in answer["requests"]
    ]  # fmt: skip
    columns = ("Request", "We are", "Requester", "Providers", "Agreement", "Purpose", "State", "Asked")
    show(answer, as_json, lambda: table(columns, rows))


@app.command(epilog=examples("exchange request status 0123456789abcdef0123456789abcdef"))
def status(ctx: typer.Context, request: REQUEST, as_json: Json = False) -> None:
    """Where a request stands with each provider: what comes next, when, and what went wrong last."""
    answer = call(ctx, "ShowRequest", {"request": request})
    show(answer, as_json, lambda: draw_status(answer))


@app.command(epilog=examples("exchange request watch 0123456789abcdef0123456789abcdef"))
def watch(ctx: typer.Context, request: REQUEST, as_json: Json = False) -> None:
    """Follow a request until it has ended; the exit code says how: 0 done, 3 refused, 1 otherwise."""
    _follow(ctx, request, as_json)


@app.command(epilog=examples("exchange request results 0123456789abcdef0123456789abcdef --out results/"))
def results(
    ctx: typer.Context,
    request: REQUEST,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("."),
    provider: Annotated[str, typer.Option(help="Only of this provider.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch the table as CSV and Parquet, with a provenance file beside them."""
    from .fetching import fetch

    with desk(ctx) as client, working("Fetching results"):
        files = fetch(client, request, provider, out, overwrite)

    def draw() -> None:
        for found in files:
            say(f"{found['provider']}: {number(found['rows'], 'row')}, {found['with_values']} with a released value")
            for path in found["files"]:
                say(f"  {path}")
        say("An empty cell says only that no value was released, never why.")

    show({"request": request, "results": files}, as_json, draw)


@app.command(epilog=examples("exchange request cancel 0123456789abcdef0123456789abcdef"))
def cancel(ctx: typer.Context, request: REQUEST, as_json: Json = False) -> None:
    """End a request of your agency; keys and encodings are destroyed on all sides."""
    answer = call(ctx, "CancelRequest", {"request": request})
    show(answer, as_json, lambda: draw_status(answer))


def approve(
    ctx: typer.Context,
    request: REQUEST,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse instead; needs a reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for your own agency's record.")] = "",
    as_json: Json = False,
) -> None:
    """Approve or refuse a request that waits for it here; nobody approves their own."""
    body = {"request": request, "decision": "refuse" if refuse else "approve", "reason": reason}
    answer = call(ctx, "ApproveRequest", body)

    def draw() -> None:
        say(f"Request {answer['request']}: {'refused' if refuse else 'approved'}. This is recorded, and stays so.")
        ours = answer["role"] == "requester"
        say("The node goes on with it now." if ours else f"{answer['requester']} hears of it when it asks next.")

    show(answer, as_json, draw)


def add_approve_to(root: typer.Typer) -> None:
    """`exchange approve` stands at the top, where officers look for it."""
    root.command(
        epilog=examples(
            "exchange request list --waiting",
            "exchange approve 0123456789abcdef0123456789abcdef",
            "exchange approve 0123456789abcdef0123456789abcdef --refuse --reason 'no DPIA yet'",
        )
    )(approve)


def _follow(ctx: typer.Context, request: str, as_json: bool) -> None:
    last: dict[str, Any] = {}
    try:
        with desk(ctx) as client, working("Waiting") as update:
            for last in client.stream("WatchRequest", {"request": request}):
                update("; ".join(f"{leg['provider']}: {leg['step_words'] or leg['outcome']}" for leg in last["legs"]))
    except KeyboardInterrupt:
        err().print(f"The request goes on. Follow it again: exchange request watch {request}")
        raise
    if not last:
        raise ExchangeError("internal", "the node ended the stream")
    show(last, as_json, lambda: draw_status(last))
    if code := _ENDS.get(last["state"], 1):
        raise typer.Exit(code)


def draw_status(answer: dict[str, Any]) -> None:
    """A request as a table of its legs, and why any of them was refused."""
    state = answer["state"] + (f" ({answer['reason']})" if answer["reason"] and answer["state"] != "done" else "")
    say(f"Request {answer['request']}: {state}")
    say(f"{answer['requester']} asks under {answer['agreement']} for {answer['purpose'] or 'a purpose not shown here'}")
    rows = []
    for leg in answer["legs"]:
        where = (
            leg["step_words"] if leg["state"] != "ended" else leg["outcome"] + (", results" if leg["results"] else "")
        )
        error = leg["last_error"]
        trouble = f"{error['sentence'] or error['code']} (tried {number(leg['attempts'], 'time')})" if error else ""
        rows.append((leg["provider"], f"{leg['step']}", where, leg["next_at"], trouble))
    table(("Provider", "Step", "Where it stands", "Next try", "Last trouble"), rows)
    for leg in answer["legs"]:
        if leg["reasons"]:
            say(f"\n{leg['provider']}: refused")
            show_reasons(leg["reasons"])
    if answer["state"] == "done" and answer["role"] == "requester":
        say(f"\nFetch the results: exchange request results {answer['request']} --out DIR")
