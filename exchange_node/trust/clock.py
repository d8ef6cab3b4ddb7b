"""Time that can be relied on: a clock set back or far off would make what is expired valid again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol

from exchange_node.trust.errors import TrustError

BUILT_AT: Final = 1_793_491_200  # 2026-11-01; moved forward with each release
MAX_SKEW: Final = 120  # seconds
MAX_JUMP: Final = 400 * 86_400  # seconds
_SAVE_EVERY: Final = 30  # seconds; well below the tolerance, so that a restart loses nothing that counts


class Clock(Protocol):
    """What tells the time, in epoch seconds UTC."""

    def now(self) -> int:
        """The time. Raises TrustError rather than tell one that cannot be relied on."""
        ...


class GuardedClock:
    """A clock that compares the system's time with the latest it has seen, across restarts too.

    Within the tolerance the time stands still instead of going back. Safe for threads. A node that was off
    for more than 400 days, or whose first start had a wrong clock, refuses until the saved mark is removed.
    """

    def __init__(
        self,
        time_source: Callable[[], float],
        load_high_water: Callable[[], int | None],
        save_high_water: Callable[[int], None],
        max_back: int = MAX_SKEW,
    ) -> None:
        """`save_high_water` must be durable when it returns; what it raises reaches the caller of `now`."""
        self._time_source = time_source
        self._save = save_high_water
        self._max_back = max_back
        self._saved = load_high_water()
        self._latest = self._saved
        self._lock = threading.Lock()

    def now(self) -> int:
        """Epoch seconds, never less than before.

        Raises:
            TrustError: `clock-implausible` before this release was built, or over 400 days after the mark;
                `clock-set-back` more than `max_back` seconds before it.
        """
        with self._lock:
            found = int(self._time_source())
            if found < BUILT_AT:
                raise TrustError("clock-implausible", "before this release was built")
            if self._latest is not None:
                if found < self._latest - self._max_back:
                    raise TrustError("clock-set-back", f"by {self._latest - found} seconds")
                if found > self._latest + MAX_JUMP:
                    raise TrustError("clock-implausible", "more than 400 days after the node last ran")
                found = max(found, self._latest)
            if self._saved is None or found >= self._saved + _SAVE_EVERY:
                self._save(found)
                self._saved = found
            self._latest = found
            return found


def check_skew(sent_at: int, now: int, limit: int = MAX_SKEW) -> None:
    """Return if a message's time is within `limit` seconds of ours. Raises TrustError `clock-skew`."""
    if abs(now - sent_at) > limit:
        raise TrustError("clock-skew", f"by {abs(now - sent_at)} seconds")
