"""The screen: numbered steps in plain words, for a reader who knows neither computers nor the law of data."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WIDEST = 100


class Screen:
    """Prints a story to standard output, on a terminal or a pipe; remembers the step it is at for an error."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self._console.width = min(self._console.width, WIDEST)
        self.number = 0
        self.heading = "before the first step"

    def opening(self, title: str, text: str) -> None:
        """What this is about."""
        self._console.print(Panel(Text(text), title=title, box=box.HEAVY, padding=(1, 2), style="bold"))

    def step(self, heading: str, text: str = "") -> None:
        """A new numbered step, with what happens in it and why."""
        self.number += 1
        self.heading = heading
        self._console.print()
        self._console.rule(Text(f" {self.number}. {heading} ", style="bold cyan"), align="left", style="cyan")
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        """A paragraph."""
        self._console.print(Text(" ".join(text.split())))

    def event(self, who: str, what: str) -> None:
        """Something that has just happened."""
        self._indented(Text.assemble("• ", (who, "bold"), f": {what}"))

    def command(self, who: str, words: Sequence[str]) -> None:
        """What somebody types."""
        self._indented(Text.assemble((f"{who} types  ", "dim"), (shlex.join(["exchange", *words]), "green")))

    def good(self, text: str) -> None:
        """A check that held."""
        self._indented(Text.assemble(("✔ ", "bold green"), text))

    def bad(self, text: str) -> None:
        """A refusal, or a check that did not hold."""
        self._indented(Text.assemble(("✘ ", "bold red"), text))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """Cells wrap, so that nothing is lost in 80 columns."""
        if title:
            self._console.print(Text(title, style="bold"))
        drawn = Table(*columns, box=box.SIMPLE_HEAD)
        for row in rows:
            drawn.add_row(*(Text(str(cell)) for cell in row))
        self._console.print(drawn)

    def panel(self, title: str, lines: Iterable[str], style: str = "") -> None:
        """A few lines that belong together."""
        self._console.print(
            Panel(Text("\n".join(lines)), title=title, title_align="left", box=box.ROUNDED, style=style)
        )

    def failure(self, what: str, tails: Mapping[str, str]) -> None:
        """Which step it stopped at, why, and the end of each node's log."""
        self._console.print()
        self.panel(f"Stopped at step {self.number}: {self.heading}", [what], style="red")
        for org, tail in tails.items():
            if tail:
                self.panel(f"End of the log of {org}", [tail])

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """A sign of life on a terminal while something takes its time; nothing elsewhere."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(what):
            yield

    def _indented(self, text: Text) -> None:
        self._console.print(Padding(text, (0, 0, 0, 2)))


def percent(share: float) -> str:
    """0.9868 as 98.7 %; never rounded up to a hundred."""
    tenths = int(share * 1000) / 10
    return f"{tenths:.1f} %"


def count(number: int, one: str, many: str = "") -> str:
    """1 row, 2,000 rows."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
