"""`exchange policy`: what would be decided, what was decided and why, and an officer's own cases."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from exchange_node.errors import Kind

from .asking import Asked, body_of
from .output import Json, examples, number, reasons_of, say, show, show_reasons, table, working
from .session import call, read_file

app = typer.Typer(help="What policy decides, and why.", no_args_is_help=True, rich_markup_mode=None)
_NOTHING = Asked("", "", [], [], "", None, [], "", 0, False)


@app.command(epilog=examples("exchange policy check question.yaml"))
def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A request file.")],
    as_json: Json = False,
) -> None:
    """Try a request: what would be decided for each provider and attribute, and why. Nothing is sent."""
    with working("Asking policy"):
        answer = call(ctx, "CheckRequest", {"draft": body_of(ctx, file, _NOTHING)})

    def draw() -> None:
        people = number(answer["cohort"], "person", "people")
        say(f"{people} in the cohort, under {answer['agreement']} version {answer['version']}.")
        rows = []
        for leg in answer["legs"]:
            for name, found in sorted(leg["decision"]["attributes"].items()):
                effect = "may be asked for" if found["effect"] != "deny" else "denied"
                leaves = found["transform"] if found["effect"] == "transform" else ""
                rows.append((leg["provider"], name, effect, leaves, found["gateway"], ", ".join(found["basis"])))
        table(("Provider", "Attribute", "Decision", "Leaves as", "Gateway", "Basis"), rows)
        reasons = [reason for leg in answer["legs"] for reason in reasons_of(leg["decision"])]
        if reasons:
            show_reasons(reasons)
        say("This is your own node's answer; each provider decides again, for each person.")

    show(answer, as_json, draw)
    if not answer["allow"]:
        raise typer.Exit(Kind.DENIED.value)


@app.command(epilog=examples("exchange policy test cases/asthma-mould.yaml --agreements agreements/"))
def test(
    files: Annotated[list[Path], typer.Argument(help="Files of cases; each names its agreement.")],
    agreements: Annotated[
        Path | None, typer.Option(help="The folder of the agreements that are named; else beside the file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run an officer's own cases through the policy of this release. Offline; exit code 1 if one differs."""
    from exchange_node.policy.bundle import bundle_digest, packaged_bundle
    from exchange_node.policy.cases import load_cases, run_cases
    from exchange_node.policy.embedded import EmbeddedEngine
    from exchange_node.policy.policy import Policy

    now, bundle = int(time.time()), packaged_bundle()
    policy = Policy(EmbeddedEngine.from_bundle(bundle, {bundle_digest(bundle): now + 3600}, now))
    found: list[dict[str, Any]] = []
    for file in files:
        cases = load_cases(read_file(file), partial(_named, agreements or file.parent))
        found += [
            {
                "file": str(file),
                "case": outcome.name,
                "passed": outcome.passed,
                "differences": [*outcome.differences],
            }
            for outcome in run_cases(policy, cases)
        ]
    failed = [case for case in found if not case["passed"]]

    def draw() -> None:
        for case in failed:
            say(f"{case['file']}: {case['case']}")
            for difference in case["differences"]:
                say(f"    {difference}")
        say(f"{len(found) - len(failed)} of {number(len(found), 'case')} as expected.")

    show({"cases": found, "failed": len(failed)}, as_json, draw)
    if failed:
        raise typer.Exit(1)


def _named(folder: Path, name: str) -> bytes:
    """The agreement that a file of cases names, with or without its ending."""
    path = folder / name
    return read_file(path if path.exists() else path.with_name(path.name + ".yaml"))


@app.command(epilog=examples("exchange policy explain 0123456789abcdef0123456789abcdef"))
def explain(ctx: typer.Context, request: str, as_json: Json = False) -> None:
    """Every decision that this node took about a request, in plain words, and what would change it."""
    answer = call(ctx, "ExplainDecision", {"request": request})

    def draw() -> None:
        for alike in _grouped(answer["decisions"]):
            first, more = alike[0], len(alike) - 1
            people = sum(decision["people"] or 0 for decision in alike)
            about = "" if first["people"] is None else ", " + number(people, "person", "people")
            say(f"{first['leg']}, step {first['step']}{about}")
            for line in first["explained"]:
                say(f"  {line}")
            if more:
                say(f"  and {number(more, 'more decision')} with the same words; --json lists each")

    show(answer, as_json, draw)


def _grouped(decisions: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Decisions with the same words together. The last line names the one decision, so it does not count."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for decision in decisions:
        alike = (decision["leg"], decision["step"], decision["people"] is None, *decision["explained"][:-1])
        groups.setdefault(alike, []).append(decision)
    return list(groups.values())
