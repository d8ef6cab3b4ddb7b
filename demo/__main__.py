"""`python -m demo [SCENARIO]`: a question between agencies of this machine, told step by step."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo.federation import Federation
from demo.narrate import Screen
from demo.people import make_world
from demo.processes import stop_leftovers
from demo.scenarios import asthma_mould, early_help, tax_connections
from demo.scenarios.scenario import Scenario
from demo.story import Story

SCENARIOS = {module.SCENARIO.name: module.SCENARIO for module in (asthma_mould, early_help, tax_connections)}
PEOPLE = 6000
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Play one scenario; 0 if everything in it was as it should be, 1 if not, 130 if it was interrupted."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("scenario", nargs="?", choices=SCENARIOS, default="asthma-mould")
    parser.add_argument("--people", type=int, default=PEOPLE, help="how many invented people there are (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same people (%(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/demo"), help="where everything is left (%(default)s)"
    )
    told = parser.parse_args(arguments)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    return run(SCENARIOS[told.scenario], told.folder.absolute() / told.scenario, told.people, told.seed)


def run(scenario: Scenario, folder: Path, people: int, seed: int) -> int:
    """Play it in a folder that is emptied first."""
    screen, started = Screen(), time.monotonic()
    screen.opening(scenario.title, scenario.opening)
    stop_leftovers(folder)
    shutil.rmtree(folder, ignore_errors=True)
    federation = Federation(folder, scenario.orgs, scenario.poll_seconds)
    try:
        with federation:
            world = make_world(seed, people)
            story = Story(screen, federation, world, scenario.question, scenario.rules)
            scenario.play(story)
        story.summary |= {"scenario": scenario.name, "seconds": round(time.monotonic() - started, 1)}
        story.summarise()
    except KeyboardInterrupt:
        screen.failure("Interrupted; every node was stopped.", {})
        return INTERRUPTED
    except Exception as error:
        screen.failure(str(error) or type(error).__name__, {org: n.tail() for org, n in federation.nodes.items()})
        return 1
    screen.say(f"Done in {story.summary['seconds']:.0f} seconds; every node was stopped.")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
