"""What `exchange doctor` looks at."""

from __future__ import annotations

from dataclasses import dataclass

from .session import Session


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    told: str
    mend: str = ""


def examine(here: Session) -> list[Finding]:
    """Everything, in the order in which it matters."""
    return []
