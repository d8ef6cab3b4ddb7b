"""The last chapters: both sides' stories laid side by side, every log verified on its bytes, everything stopped."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from demo.federation import OFFICER, reader_of
from demo.processes import exchange
from demo.story import Story


def compare_stories(story: Story) -> None:
    """Every pair of logs that know the request must tell the same of it."""
    screen, federation = story.screen, story.federation
    screen.step(
        "Do the logs tell the same story?",
        "Each agency writes down what it is about to do before it does it. What two agencies said to one another must "
        "stand in both logs. Each exports what it may show of this request, and the other compares.",
    )

    def export(org: str) -> None:
        if not (file := federation.folder / org / "story.json").exists():
            federation.at(org, reader_of(org), "audit", "show", story.request, "--export", file)

    def differences(pair: tuple[str, str]) -> int:
        ours, theirs = pair
        file = federation.folder / theirs / "story.json"
        words: list[str | Path] = ["audit", "show", story.request, "--compare", file, "--json"]
        return len(federation.at(ours, reader_of(ours), *words).document["differences"])

    federation.each(export)
    providers = set(story.question.providers)
    pairs = [pair for pair in combinations(federation.orgs, 2) if not providers.issuperset(pair)]  # those never talk
    screen.command(
        f"{OFFICER} at {pairs[0][0]}", ["audit", "show", story.request, "--compare", f"{pairs[0][1]}/story.json"]
    )
    found = dict(zip(pairs, federation.map(differences, pairs), strict=True))
    for ours, theirs in found:
        screen.good(f"the logs of {ours} and {theirs} agree")
    story.summary["stories"] = {f"{ours} {theirs}": number for (ours, theirs), number in found.items()}


def stop_and_verify(story: Story) -> None:
    """Stop every node, then verify every log from its files alone, with the key that the signed manifest lists."""
    screen, federation = story.screen, story.federation
    screen.step(
        "Is every log whole?",
        "All nodes are stopped. Then each log is checked from its files alone: nothing changed, nothing taken out, "
        "nothing put in later. The key to check with comes from the signed list of members, not from the log's owner.",
    )
    federation.stop()
    manifest = federation.folder / "federation-office" / "manifest.json"
    members = exchange(["manifest", "show", manifest, "--json"]).document["manifest"]["organisations"]
    keys = {member["id"]: member["log_vkeys"][0] for member in members}

    def verify(org: str) -> int:
        words = ["audit", "verify", federation.folder / org / "audit", "--key", keys[org], "--json"]
        return int(exchange(words).document["size"])

    screen.command("anybody", ["audit", "verify", f"{federation.orgs[0]}/audit", "--key", "..."])
    sizes = dict(zip(federation.orgs, federation.each(verify), strict=True))
    for org, size in sizes.items():
        screen.good(f"{org}: all {size} entries hold")
    story.summary["logs"] = sizes
