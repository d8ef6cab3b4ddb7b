"""Plain words for what a node does: for each action what it was about to do, and what it did."""

from __future__ import annotations

from collections.abc import Mapping

# `{peer}` is the other organisation's name. An action that is missing here is told by its slug.
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
    "checkpoint.kept": ("keep the checkpoint of {peer}", "kept the checkpoint of {peer}"),
    "peer.refused": ("refuse a message from {peer}", "refused a message from {peer}"),
    # 1 and 2: a question is asked
    "request.asked": ("take an analyst's question", "took an analyst's question"),
    "request.decided": ("decide on the request", "decided on the request"),
    "request.denied": ("deny the request", "denied the request"),
    "request.sent": ("send the request to {peer}", "sent the request to {peer}"),
    "order.sent": ("send a linkage order to {peer}", "sent a linkage order to {peer}"),
    # 3: it is answered
    "request.received": ("take a request from {peer}", "received a request from {peer}"),
    "order.received": ("take a linkage order from {peer}", "received a linkage order from {peer}"),
    "approval.asked": ("ask a person for approval", "asked a person for approval"),
    "approval.given": ("record an approval", "recorded that a person approved"),
    "approval.withheld": ("record a withheld approval", "recorded that a person withheld approval"),
    "request.accepted": ("accept the request of {peer}", "accepted the request of {peer}"),
    "request.refused": ("refuse the request of {peer}", "refused the request of {peer}"),
    "acceptance.received": ("take the acceptance of {peer}", "received the acceptance of {peer}"),
    "refusal.received": ("take the refusal of {peer}", "received the refusal of {peer}"),
    # 4: a key for this request alone
    "contribution.sent": (
        "send its contribution to the linkage key to {peer}",
        "sent its contribution to the linkage key to {peer}",
    ),
    "contribution.received": (
        "take the contribution of {peer} to the linkage key",
        "received the contribution of {peer} to the linkage key",
    ),
    "key.derived": ("derive the linkage key with {peer}", "derived the linkage key with {peer}"),
    # 5 to 7: records are encoded and linked
    "records.selected": ("select the records that may be linked", "selected the records that may be linked"),
    "chunk.sent": ("send encodings to {peer}", "sent encodings to {peer}"),
    "chunk.received": ("take encodings from {peer}", "received encodings from {peer}"),
    "encodings.sent": ("send its encodings to {peer}", "sent all its encodings to {peer}"),
    "encodings.received": ("take the encodings of {peer}", "received all the encodings of {peer}"),
    "encodings.refused": ("refuse the encodings of {peer}", "refused the encodings of {peer}"),
    "linkage.done": ("link the encodings", "linked the encodings"),
    "linkage.refused": ("refuse the linkage", "refused the linkage"),
    "links.sent": ("send links to {peer}", "sent links to {peer}"),
    "links.received": ("take links from {peer}", "received links from {peer}"),
    "links.refused": ("refuse the links of {peer}", "refused the links of {peer}"),
    # 8 and 9: what may be known is released
    "decision.release": ("decide what may be released", "decided what may be released"),
    "release.fixed": ("fix the release", "fixed the release"),
    "release.sent": ("send the release to {peer}", "sent the release to {peer}"),
    "release.received": ("take the release of {peer}", "received the release of {peer}"),
    "release.refused": ("refuse the release of {peer}", "refused the release of {peer}"),
    "receipt.sent": ("send a receipt to {peer}", "sent a receipt to {peer}"),
    "receipt.received": ("take the receipt of {peer}", "received the receipt of {peer}"),
    "results.exported": ("hand the results to the analyst", "handed the results to the analyst"),
    # 10: nothing stays that is not needed
    "request.cancelled": ("cancel the request", "cancelled the request"),
    "request.expired": ("end the request at its deadline", "ended the request at its deadline"),
    "request.ended": ("end the request", "ended the request"),
    "keys.destroyed": ("destroy the keys of the request", "destroyed the keys of the request"),
    "encodings.destroyed": ("destroy the encodings of the request", "destroyed the encodings of the request"),
}
