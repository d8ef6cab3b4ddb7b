"""Plain words for what a node does. An action without words here is told by its slug."""

from __future__ import annotations

from collections.abc import Mapping

# For each action what a node was about to do, and what it did; `{peer}` is the other organisation.
PHRASES: Mapping[str, tuple[str, str]] = {
    # the node's own matters
    "node.started": ("start", "started"),
    "node.stopped": ("stop", "stopped"),
    "manifest.accepted": ("accept a federation manifest", "accepted a federation manifest"),
    "manifest.refused": ("refuse a federation manifest", "refused a federation manifest"),
    "agreement.accepted": ("accept an agreement", "accepted an agreement"),
    "agreement.signed": ("sign an agreement", "signed an agreement"),
    "bundle.loaded": ("load a policy bundle", "loaded a policy bundle"),
    "choice.recorded": ("record a person's choice", "recorded a person's choice"),
    "choice.withdrawn": ("record a withdrawal", "recorded that a person withdrew a choice"),
    "clock.refused": ("stop because of its clock", "stopped because its clock cannot be trusted"),
    "key.rotated": ("change a key", "changed a key"),
    "user.added": ("let a user in", "let a user in"),
    "user.revoked": ("shut a user out", "shut a user out"),
    "peer.refused": ("refuse a message from {peer}", "refused a message from {peer}"),
    # a request's steps
    "decision.ask": ("decide whether this may be asked", "decided whether this may be asked"),
    "question.refused": ("refuse the question", "refused the question before anybody else saw it"),
    "request.signed": ("sign and send the request", "signed the request"),
    "approval.given": ("record an approval", "recorded what an officer decided"),
    "people.encoded": ("encode the records that may be linked", "encoded the records that may be linked"),
    "linkage.started": ("link the encodings", "linked the encodings"),
    "linkage.done": ("finish the linkage", "finished the linkage"),
    "decision.release": ("decide what may be released", "decided what may be released"),
    "release.sealed": ("hand out the sealed release", "sealed the release"),
    "release.opened": ("open the release", "verified and opened the release"),
    "results.exported": ("hand the results to the analyst", "handed the results to the analyst"),
    "keys.destroyed": ("destroy the keys of the request", "destroyed the keys of the request"),
    "encodings.destroyed": ("destroy the encodings of the request", "destroyed the encodings of the request"),
}

# Signed messages, by the method that carries them.
_MESSAGES: Mapping[str, str] = {
    "submit-request": "the request",
    "submit-order": "the linkage order",
    "exchange-keys": "a contribution to the linkage key",
    "offer-encodings": "the signed list of encodings",
    "collect-links": "the question for links",
    "acknowledge-links": "the receipt for the links",
    "collect-release": "the question for the release",
    "send-receipt": "the receipt for the release",
    "cancel-request": "the end of the request",
    "cancel-order": "the end of the linkage order",
}
_VERBS: Mapping[str, tuple[str, str]] = {
    "sent": ("send {message} to {{peer}}", "sent {message} to {{peer}}"),
    "received": ("take {message} from {{peer}}", "received {message} from {{peer}}"),
    "replied": ("answer {message} of {{peer}}", "answered {message} of {{peer}}"),
    "answered": ("take the answer of {{peer}} to {message}", "received the answer of {{peer}} to {message}"),
}


def phrase(action: str) -> tuple[str, str] | None:
    """What a node was about to do, and what it did, with `{peer}` to fill in; None for an unknown action."""
    method, _, verb = action.partition(".")
    if method in _MESSAGES and verb in _VERBS:
        to_do, done = _VERBS[verb]
        return to_do.format(message=_MESSAGES[method]), done.format(message=_MESSAGES[method])
    return PHRASES.get(action)


def known_actions() -> list[str]:
    """Every action that has words."""
    return [*PHRASES, *(f"{method}.{verb}" for method in _MESSAGES for verb in _VERBS)]
