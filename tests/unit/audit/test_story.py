from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from exchange_node.audit.entry import Entry, commit, entry_id
from exchange_node.audit.errors import AuditError
from exchange_node.audit.phrases import known_actions
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
    leg: str = "castle-nhs",
) -> Entry:
    name = entry_id(request, leg, 8, role, peer, f"{action}.{kind}")
    return Entry(name, kind, AT, 8, request, role, peer, action, facts or {}, commitments or {})


def test_a_story_in_plain_words() -> None:
    salt = b"\x01" * 32
    reasons = commit({"row": 3}, salt)
    entries = [
        entry("submit-request.received"),
        entry("decision.ask", {"allow": False, "basis": ["UK GDPR Art 6(1)(e)"], "reason": {"code": "consent"}}),
        entry("release.sealed", kind="intent", commitments={"reasons": reasons, "counts": "c" * 64}, peer=""),
        entry("send-receipt.replied"),
        entry("keys.destroyed", {"outcome": "done"}, peer=""),
        entry("moon.landed", kind="intent"),
    ]
    lines = tell(list(enumerate(entries, 40)), {reasons: Opening({"row": 3}, salt)}, names=NAMES)
    when = "2026-09-21 14:13:20 UTC"
    because = "because of consent; UK GDPR Art 6(1)(e)"
    assert [str(line) for line in lines] == [
        f"{when}  #40  Castle NHS Trust received the request from Northgate Homes.",
        f"{when}  #41  Castle NHS Trust decided whether this may be asked, and denied it, {because}.",
        f"{when}  #42  Castle NHS Trust was about to hand out the sealed release. [sealed: counts]",
        f"{when}  #43  Castle NHS Trust answered the receipt for the release of Northgate Homes.",
        f"{when}  #44  Castle NHS Trust destroyed the keys of the request (done).",
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


@pytest.mark.parametrize("action", known_actions())
def test_every_phrase_reads(action: str) -> None:
    for kind in ("intent", "fact"):
        (line,) = tell([(0, entry(action, kind=kind))], {}, names=NAMES)
        assert "{" not in str(line)
        assert re.fullmatch(r"[A-Za-z', ]+", line.what)


def digests(**named: str) -> dict[str, str]:
    return {name: digest * 64 for name, digest in named.items()}


def test_two_stories_that_agree() -> None:
    by_us: dict[str, Any] = {"role": "requester", "peer": "castle-nhs"}
    ours = [
        entry("request.signed", digests(request="a", agreement="b"), role="requester", peer=""),
        entry("submit-request.sent", digests(request="a", message="c"), kind="intent", **by_us),
        entry("submit-order.sent", digests(message="e"), role="requester", peer="neutral-linkage"),
        entry("collect-release.answered", digests(message="1"), **by_us),
        entry("release.opened", digests(release="f"), role="requester", peer=""),
    ]
    theirs = [
        entry("submit-request.received", digests(request="a", message="c")),
        entry("offer-encodings.sent", digests(message="2"), peer="neutral-linkage"),
        entry("release.sealed", digests(release="f"), kind="intent", peer=""),
        entry("collect-release.replied", digests(message="1"), kind="intent"),
    ]
    assert compare(ours, theirs, us="northgate-homes", them="castle-nhs") == []
    third_parties = compare(ours, theirs)  # not told apart
    assert [(one.name, one.ours, one.theirs) for one in third_parties] == [("message", ("e" * 64,), ("2" * 64,))]
    other_leg = entry("release.sealed", digests(release="0"), leg="riverside-care", peer="")
    assert compare([*ours, other_leg], theirs, us="northgate-homes", them="castle-nhs") == []


def test_two_stories_that_differ() -> None:
    ours = [entry("release.opened", digests(request="a", release="f", message="9"))]
    theirs = [entry("release.sealed", digests(request="a", release="e"))]
    release, message = compare(ours, theirs)
    assert (release.name, release.ours, release.theirs) == ("release", ("f" * 64,), ("e" * 64,))
    assert release.sentence == "The two logs do not agree on the release."
    assert message.sentence == "Something is missing: only our log has all of the messages between the two."
    (request,) = compare(ours, [entry("release.sealed", request="f" * 32)])
    assert request.sentence == "The two logs do not agree on the request's id."
    assert [difference.name for difference in compare([], [])] == ["request"]


@pytest.mark.parametrize("theirs", [[], [entry("release.sealed", leg="riverside-care")]], ids=["empty", "another leg"])
def test_two_stories_with_nothing_in_common_do_not_agree(theirs: list[Entry]) -> None:
    (found,) = compare([entry("release.opened", digests(release="f"))], theirs, us="northgate-homes", them="castle-nhs")
    assert found.name == "leg" and "nothing could be compared" in found.sentence


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
