"""A question that policy refused, on its way to the person who asked it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says
from exchange_node.policy.decision import Decision


class Refusal(ExchangeError):
    """The decisions that deny, with their reasons; the request id under which the log tells of it."""

    prefix = "request"
    catalogue: ClassVar[dict[str, Says]] = {
        "refused": Says(
            Kind.DENIED,
            "Policy does not allow this question.",
            "Each reason says what would change it; `exchange audit show REQUEST` has the decision.",
        ),
    }

    def __init__(self, request_id: str, decisions: Sequence[Decision]) -> None:
        codes = [decision.all_reasons()[0].code for decision in decisions]
        super().__init__("refused", ", ".join(codes))
        self.request_id = request_id
        self.decisions = tuple(decisions)
