"""A federation on this machine, made as agencies would make one: everything goes through the command line `exchange`.

Each agency has a home of its own in the folder, a process of its own, and people of its own: `admin` (runs the node),
where it holds records `olga` (officer: agreements, choices, approvals), and where questions are asked `ann` (analyst).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from demo.agencies import AGENCIES, Agency
from demo.paperwork import write_choices
from demo.people import World
from demo.processes import Answer, DemoError, NodeProcess, exchange

ADMIN, OFFICER, ANALYST = "admin", "olga", "ann"
ROOTS: Final = 3
# A demo has no hour to spare: nodes look again, give up waiting, and hand out releases, in seconds.
_POLL_SECONDS, _PACE_SECONDS = 0.5, 2
_RETRY: Final = "retry_max_seconds = 2             # the demo's; a peer that is down is tried again at least this often"

S = TypeVar("S")
T = TypeVar("T")


class Federation:
    """Homes, papers and processes in one folder. A context manager: whatever happens, every process ends."""

    def __init__(self, folder: Path, orgs: Sequence[str], poll_seconds: Mapping[str, float] | None = None) -> None:
        """`poll_seconds` slows single nodes down to what is given."""
        self.folder = folder
        self.agencies: list[Agency] = [AGENCIES[org] for org in orgs]
        self.nodes = {org: NodeProcess(org, folder / org) for org in orgs}
        self._poll = poll_seconds or {}
        self._pool = ThreadPoolExecutor(4)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.stop()

    def stop(self) -> None:
        """End every process that was started."""
        for node in self.nodes.values():
            node.stop()

    @property
    def orgs(self) -> list[str]:
        """Ids of all members."""
        return [agency.org for agency in self.agencies]

    def at(self, org: str, user: str, *words: str | Path, expect: int = 0) -> Answer:
        """One command of one user of one agency. Raises DemoError."""
        return exchange(words, home=self.folder / org, user=user, expect=expect)

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """Several pieces of work that do not wait for one another."""
        return list(self._pool.map(work, items))

    def each(self, work: Callable[[str], T], orgs: Iterable[str] | None = None) -> list[T]:
        """The same at several agencies, all unless some are named."""
        return self.map(work, orgs if orgs is not None else self.orgs)

    # -- joining

    def found(self, world: World) -> list[dict[str, Any]]:
        """Registers, root keys, homes, and the first manifest, accepted everywhere. Returns what `init` said."""
        self.folder.mkdir(parents=True)
        holders = [agency.org for agency in self.agencies if agency.holds]
        world.write(self.folder, holders)
        for org in holders:
            write_choices(world.all_choices[org], self.folder / org / "choices.csv")
        office = self.folder / "federation-office"
        office.mkdir()
        keys = [office / f"root-{number}.key" for number in range(1, ROOTS + 1)]
        self.map(lambda key: exchange(["manifest", "keygen", "--out", key]), keys)
        root, manifest = office / "root.json", office / "manifest.json"
        publics = [f"{key}.pub" for key in keys]
        exchange(["manifest", "root", "--federation", "fairshire", "--threshold", "2", *publics, "--out", root])
        ports = dict(zip(self.orgs, free_ports(len(self.orgs)), strict=True))
        made = self.each(lambda org: self._make_home(org, ports[org], root))
        joins = [self.folder / org / "join.json" for org in self.orgs]
        exchange(["manifest", "draft", "--root", root, *joins, "--out", manifest])
        exchange(["manifest", "sign", manifest, "--key", keys[0], "--key", keys[1]])
        self.each(lambda org: self.at(org, "", "manifest", "accept", manifest))
        return made

    def _make_home(self, org: str, port: int, root: Path) -> dict[str, Any]:
        agency, home, address = AGENCIES[org], self.folder / org, f"127.0.0.1:{port}"
        records: list[str | Path] = ["--records", home / "records.toml"] if agency.holds else []
        made = exchange(
            ["init", "--organisation", org, "--name", agency.name, "--operator", agency.operator, "--type", agency.type,
             "--address", address, "--root", root, *records, "--json"], home=home,
        ).document  # fmt: skip
        config = home / "config.toml"
        config.write_text(
            _hurried(config.read_text(encoding="utf-8"), self._poll.get(org, _POLL_SECONDS)), encoding="utf-8"
        )
        return made

    def start(self, orgs: Iterable[str] | None = None) -> None:
        """Start these nodes, all unless some are named, and wait until they serve."""
        started = [self.nodes[org] for org in (orgs if orgs is not None else self.orgs)]
        for node in started:
            node.start()
        for node in started:
            node.wait_until_serving()

    def let_in(self, asking: Sequence[str]) -> None:
        """An officer where people's records are, and an analyst where questions are asked."""
        holders = [agency.org for agency in self.agencies if agency.holds]
        wanted = [(org, OFFICER, "officer") for org in holders] + [(org, ANALYST, "analyst") for org in asking]
        self.map(lambda one: self.at(one[0], ADMIN, "user", "add", one[1], "--role", one[2]), wanted)

    def agree(self, draft: Path, parties: Sequence[str]) -> None:
        """One party after another signs, as the file goes round; then everyone loads what all have signed."""
        signed = draft
        for party in parties:
            last, signed = signed, self.folder / f"{draft.stem}.signed-by-{party}.json"
            self.at(party, OFFICER, "agreement", "sign", last, "--out", signed)
        self.each(lambda org: self.at(org, OFFICER, "agreement", "load", signed), parties[:-1])

    def import_choices(self, org: str) -> dict[str, Any]:
        """Consents, objections, opt-outs and restrictions as the agency recorded them."""
        return self.at(org, OFFICER, "choice", "import", self.folder / org / "choices.csv", "--json").document


def reader_of(org: str) -> str:
    """Who reads an agency's log: its officer; at a linkage unit, which has nobody's records, the administrator."""
    return OFFICER if AGENCIES[org].holds else ADMIN


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody has at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _hurried(config: str, poll_seconds: float) -> str:
    """The configuration that `init` wrote, with the demo's haste. Raises DemoError if it has not the settings."""
    for name, value in (("poll_seconds", poll_seconds), ("pace_seconds", _PACE_SECONDS)):
        config, found = re.subn(rf"(?m)^{name} = \S+", f"{name} = {value}", config)
        if found != 1:
            raise DemoError(f"config.toml has not the one setting {name} that the demo changes")
    return config.replace("[exchange]\n", f"[exchange]\n{_RETRY}\n")
