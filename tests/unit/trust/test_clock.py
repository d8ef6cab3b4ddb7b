"""A clock that was set back, or is far off, is noticed, across restarts too."""

from __future__ import annotations

import pytest

from exchange_node.trust.clock import BUILT_AT, MAX_JUMP, GuardedClock, check_skew
from exchange_node.trust.errors import TrustError

NOW = 1_800_000_000


class Machine:
    """The system's time and the mark on its disk."""

    def __init__(self, time: float = NOW) -> None:
        self.time = time
        self.mark: int | None = None
        self.saves = 0

    def save(self, mark: int) -> None:
        self.mark = mark
        self.saves += 1

    def clock(self) -> GuardedClock:
        return GuardedClock(lambda: self.time, lambda: self.mark, self.save)


def test_time_goes_on_and_is_saved_now_and_then() -> None:
    machine = Machine(NOW + 0.9)
    clock = machine.clock()
    assert clock.now() == NOW
    assert machine.mark == NOW
    for second in range(1, 61):
        machine.time = NOW + second
        assert clock.now() == NOW + second
    assert machine.mark == NOW + 60
    assert machine.saves == 3


def test_time_stands_still_within_the_tolerance() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.time = NOW - 120
    assert clock.now() == NOW
    machine.time = NOW - 121
    with pytest.raises(TrustError, match="clock-set-back"):
        clock.now()
    machine.time = NOW + 1
    assert clock.now() == NOW + 1


def test_set_back_while_the_node_was_off() -> None:
    machine = Machine()
    machine.clock().now()
    machine.time = NOW - 3600
    with pytest.raises(TrustError, match="clock-set-back"):
        machine.clock().now()
    assert machine.mark == NOW


def test_implausible() -> None:
    with pytest.raises(TrustError, match="clock-implausible"):
        Machine(BUILT_AT - 1).clock().now()
    assert Machine(BUILT_AT).clock().now() == BUILT_AT
    machine = Machine()
    machine.clock().now()
    machine.time = NOW + MAX_JUMP + 1
    with pytest.raises(TrustError, match="clock-implausible"):
        machine.clock().now()
    assert machine.mark == NOW
    machine.time = NOW + MAX_JUMP
    assert machine.clock().now() == NOW + MAX_JUMP


def test_no_time_without_a_durable_mark() -> None:
    def full(_mark: int) -> None:
        raise OSError("disk full")

    clock = GuardedClock(lambda: NOW, lambda: None, full)
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            clock.now()


@pytest.mark.parametrize("difference", [-120, 0, 120])
def test_skew_within_the_limit(difference: int) -> None:
    check_skew(NOW + difference, NOW)


@pytest.mark.parametrize("difference", [-121, 121])
def test_skew_beyond_the_limit(difference: int) -> None:
    with pytest.raises(TrustError, match="clock-skew"):
        check_skew(NOW + difference, NOW)
    check_skew(NOW + difference, NOW, limit=121)
