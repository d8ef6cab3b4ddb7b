"""Who may call what: one table. What is not in it is denied, and a test walks over every method of the contract."""

from __future__ import annotations

from enum import Enum


class Who(Enum):
    """Kinds of callers, by their certificate."""

    NODE = "node"  # another organisation's node, pinned in the federation manifest
    ANALYST = "analyst"
    OFFICER = "officer"
    ADMINISTRATOR = "administrator"


_PROVIDER = "/exchange.v1.Provider/"
_LINKAGE = "/exchange.v1.LinkageUnit/"
_DESK = "/exchange.v1.Desk/"
_NODES = frozenset({Who.NODE})
_EVERYONE_HERE = frozenset({Who.ANALYST, Who.OFFICER, Who.ADMINISTRATOR})
_ASKING = frozenset({Who.ANALYST})
_FOLLOWING = frozenset({Who.ANALYST, Who.OFFICER})
_GOVERNING = frozenset({Who.OFFICER})
_RUNNING = frozenset({Who.ADMINISTRATOR})

ACCESS: dict[str, frozenset[Who]] = {
    _PROVIDER + "SubmitRequest": _NODES,
    _PROVIDER + "ExchangeKeys": _NODES,
    _PROVIDER + "CollectRelease": _NODES,
    _PROVIDER + "FetchReleaseChunk": _NODES,
    _PROVIDER + "SendReceipt": _NODES,
    _PROVIDER + "CancelRequest": _NODES,
    _LINKAGE + "SubmitOrder": _NODES,
    _LINKAGE + "OfferEncodings": _NODES,
    _LINKAGE + "PutChunk": _NODES,
    _LINKAGE + "CollectLinks": _NODES,
    _LINKAGE + "FetchLinkChunk": _NODES,
    _LINKAGE + "AcknowledgeLinks": _NODES,
    _LINKAGE + "CancelOrder": _NODES,
    _DESK + "NodeStatus": _EVERYONE_HERE,
    _DESK + "CheckRequest": _FOLLOWING,
    _DESK + "SubmitRequest": _ASKING,
    _DESK + "ListRequests": _EVERYONE_HERE,
    _DESK + "ShowRequest": _EVERYONE_HERE,
    _DESK + "WatchRequest": _EVERYONE_HERE,
    _DESK + "FetchResults": _ASKING,
    _DESK + "CancelRequest": _FOLLOWING,
    _DESK + "ApproveRequest": _GOVERNING,
    _DESK + "SignAgreement": _GOVERNING,
    _DESK + "ListAgreements": _EVERYONE_HERE,
    _DESK + "ShowAgreement": _EVERYONE_HERE,
    _DESK + "AddChoices": _GOVERNING,
    _DESK + "WithdrawChoice": _GOVERNING,
    _DESK + "ListChoices": _GOVERNING,
    _DESK + "AddUser": _RUNNING,
    _DESK + "RevokeUser": _RUNNING,
    _DESK + "ListUsers": _RUNNING,
    _DESK + "AcceptManifest": _RUNNING,
    _DESK + "ShowManifest": _EVERYONE_HERE,
    _DESK + "ExplainDecision": _FOLLOWING,
    _DESK + "ShowAudit": _EVERYONE_HERE,
}


def may_call(who: Who, method: str) -> bool:
    """Whether callers of a kind may call a method (`/package.Service/Method`)."""
    return who in ACCESS.get(method, frozenset())
