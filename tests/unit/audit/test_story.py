from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from exchange_node.audit.entry import Entry, commit, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.phrases import PHRASES
from exchange_node.audit.story import Opening, compare, tell
from exchange_node.errors import Says

REQUEST = "0123456789abcdef" * 2
NAMES = {"": "Castle NHS Trust", "northgate-homes": "Northgate Homes"}
AT = 1_790_000_000


def entry(
    action: str,
    facts: dict[str, Any] | None = None,
    kind: str = "fact",
    commitments: dict[str, str] | None = None,
    *,
    role: str = "provider",
    peer: str = "northgate-homes",
    request: str = REQUEST,
) -> Entry:
    name = entry_id(request, "castle-nhs", 8, role, peer, f"{action}.{kind}")
    return Entry(name, kind, AT, 8, request, role, peer, action, facts or {}, commitments or {})


def test_a_story_in_plain_words() -> None:
    salt = b"\x01" * 32
    reasons = commit({"row": 3}, salt)
    entries = [
        entry("request.received"),
        entry("decision.release", {"basis": ["UK GDPR Art 6(1)(e)"], "reason": {"code": "consent"}}),
        entry("release.sent", kind="intent", commitments={"reasons": reasons, "counts": "c" * 64}),
        entry("release.sent", {"done": False}, kind="outcome"),
        entry("keys.destroyed", peer=""),
        entry("moon.landed", kind="intent"),
    ]
    lines = tell(list(enumerate(entries, 40)), {reasons: Opening({"row": 3}, salt)}, names=NAMES)
    when = "2026-09-21 14:13:20 UTC"
    because = "because of consent; UK GDPR Art 6(1)(e)"
    assert [str(line) for line in lines] == [
        f"{when}  #40  Castle NHS Trust received a request from Northgate Homes.",
        f"{when}  #41  Castle NHS Trust decided what may be released, {because}.",
        f"{when}  #42  Castle NHS Trust was about to send the release to Northgate Homes. [sealed: counts]",
        f"{when}  #43  Castle NHS Trust tried to send the release to Northgate Homes and did not succeed.",
        f"{when}  #44  Castle NHS Trust destroyed the keys of the request.",
        f"{when}  #45  Castle NHS Trust announced “moon landed” (with Northgate Homes).",
    ]
    assert (lines[2].opened, lines[2].sealed) == ({"reasons": {"row": 3}}, ("counts",))


def test_a_false_opening_is_not_told() -> None:
    salt = b"\x01" * 32
    commitment = commit(7, salt)
    with pytest.raises(AuditError, match=r"audit\.commitment-mismatch"):
        opening = {commitment: Opening(8, salt)}
        tell([(0, entry("release.sent", commitments={"count": commitment}))], opening, names={})
    assert "\\x01" not in repr(Opening(8, salt))


@pytest.mark.parametrize("action", sorted(PHRASES))
def test_every_phrase_reads(action: str) -> None:
    for kind in ("intent", "fact"):
        (line,) = tell([(0, entry(action, kind=kind))], {}, names=NAMES)
        assert "{" not in str(line)
        assert re.fullmatch(r"[A-Za-z' ]+", line.what)


def digests(**named: str) -> dict[str, str]:
    return {f"{name}_digest": digest * 64 for name, digest in named.items()}


def test_two_stories_that_agree() -> None:
    ours = [
        entry(
            "request.sent",
            digests(request="a", agreement="b", message="c"),
            role="requester",
            peer="castle-nhs",
        ),
        entry("order.sent", digests(order="d", message="e"), role="requester", peer="neutral-linkage"),
        entry("release.received", digests(release="f", message="1"), role="requester", peer="castle-nhs"),
    ]
    theirs = [
        entry("request.received", digests(request="a", agreement="b", message="c")),
        entry("release.sent", digests(release="f", message="1")),
        entry("links.received", digests(message="2"), peer="neutral-linkage"),
        entry("request.decided", {"own": "matter"}, peer=""),
    ]
    assert compare(ours, theirs, us="northgate-homes", them="castle-nhs") == []
    names = [difference.name for difference in compare(ours, theirs)]
    assert names == ["order_digest", "message_digest"]  # third parties, told apart by the organisations only


def test_two_stories_that_differ() -> None:
    ours = [entry("release.received", digests(request="a", release="f", receipt="9"))]
    theirs = [entry("release.sent", digests(request="a", release="e"))]
    release, receipt = compare(ours, theirs)
    assert (release.name, release.ours, release.theirs) == ("release_digest", ("f" * 64,), ("e" * 64,))
    assert release.sentence == "The two logs do not agree on the release."
    assert receipt.sentence == "Only our log records the receipt."
    (request,) = compare(ours, [entry("release.sent", request="f" * 32)])
    assert request.sentence == "The two logs do not agree on the request's id."
    assert [difference.name for difference in compare([], [])] == ["request"]


def test_every_error_says_what_to_do() -> None:
    """And every code that is raised is in the catalogue, and every one in the catalogue is raised."""
    package = Path(__file__).parents[3] / "exchange_node" / "audit"
    source = "".join(path.read_text() for path in package.glob("*.py") if path.name != "errors.py")
    used = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', source)) & AuditError.catalogue.keys()
    assert used == AuditError.catalogue.keys()
    assert set(re.findall(r'AuditError\("([a-z-]+)"', source)) <= AuditError.catalogue.keys()
    for says in AuditError.catalogue.values():
        assert isinstance(says, Says)
        assert says.sentence.endswith(".")
        assert says.mend.endswith(".")
