"""The one exception root, and the catalogue of everything that can be said to a person or a peer.

Every package has one subclass of `ExchangeError` and lists its codes there. A code has a fixed sentence, safe to show
to anyone, and what to do next. The detail is for the node's own log and its own users and never goes to a peer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar


class Kind(Enum):
    """What sort of failure it is; the value is the command line's exit code."""

    FAILED = 1  # it was tried and did not work; look at the sentence
    USAGE = 2  # the command line itself was wrong
    DENIED = 3  # policy, an agreement or a role says no
    INVALID = 4  # a file, field or message breaks a rule
    UNTRUSTED = 5  # a signature, certificate, manifest or log does not hold
    UNAVAILABLE = 6  # a node, engine or disk cannot be reached or is full; try again
    CONFLICT = 7  # it contradicts something already recorded
    NOT_FOUND = 8
    INTERNAL = 70  # our own mistake


@dataclass(frozen=True, slots=True)
class Says:
    """A catalogue row: the sentence anyone may read, and what its reader can do next."""

    kind: Kind
    sentence: str
    mend: str


class ExchangeError(Exception):
    """Root of all errors of the node.

    `code` is stable (`<prefix>.<name>`), `detail` may name a field, a rule, a row number or a path, never a value.
    """

    request_id = ""  # the request under which the log tells of it, where it does

    prefix: ClassVar[str] = "exchange"
    catalogue: ClassVar[dict[str, Says]] = {
        "internal": Says(
            Kind.INTERNAL, "The node made a mistake of its own.", "Look up the reference in the node's log."
        ),
    }

    def __init__(self, name: str, detail: str = "") -> None:
        self.says = self.catalogue[name]
        self.code = f"{self.prefix}.{name}"
        self.detail = detail
        super().__init__(f"{self.code}: {self.says.sentence}" + (f" ({detail})" if detail else ""))

    @property
    def kind(self) -> Kind:
        """The sort of failure, from which exit codes and gRPC statuses follow."""
        return self.says.kind


def mistake(error: BaseException) -> str:
    """Kind and place of an unforeseen error, such as `KeyError casework.py:97`. Its text may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"


def full_catalogue() -> dict[str, Says]:
    """Every code of every loaded package with its sentence; codes are unique because prefixes are."""
    rows: dict[str, Says] = {}
    pending: list[type[ExchangeError]] = [ExchangeError]
    while pending:
        error = pending.pop()
        rows.update({f"{error.prefix}.{name}": says for name, says in error.catalogue.items()})
        pending.extend(error.__subclasses__())
    return rows
