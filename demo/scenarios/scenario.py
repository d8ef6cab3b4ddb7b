"""What a scenario is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from demo.measure import Rules
from demo.story import Question, Story


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` tells the whole story; `orgs` are the nodes it needs."""

    name: str
    title: str
    opening: str
    orgs: tuple[str, ...]
    question: Question
    rules: Rules
    play: Callable[[Story], None]
    poll_seconds: Mapping[str, float] = field(default_factory=dict)  # of nodes that the story needs slower
