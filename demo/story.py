"""The chapters that scenarios are made of: each does one thing with the command line and tells it on the screen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from demo.agencies import AGENCIES, LINKAGE_UNIT
from demo.federation import ANALYST, OFFICER, Federation, reader_of
from demo.measure import Rules
from demo.narrate import Screen, count
from demo.paperwork import EXAMPLES, THRESHOLD_BP, adapt_agreement
from demo.people import World
from demo.processes import DemoError

FOLLOW_SECONDS: Final = 180
_GATEWAYS: Final = Path(__file__).parents[1] / "policies" / "law" / "data.yaml"


@dataclass(frozen=True, slots=True)
class Question:
    """What an analyst asks, and whom it is about in words."""

    agreement: str
    purpose: str
    requester: str
    attributes: Mapping[str, tuple[str, ...]]  # by provider
    condition: str
    who: str
    assertions: tuple[str, ...] = ()  # what the asker vouches for, as `--assert` takes it

    @property
    def providers(self) -> list[str]:
        """Those who are asked."""
        return list(self.attributes)


@dataclass(slots=True)
class Story:
    """One run of a scenario: the federation, the people, the screen, and what will stand in summary.json."""

    screen: Screen
    federation: Federation
    world: World
    question: Question
    rules: Rules
    request: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # what each data party's log says in the end
    _law: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where everything is left."""
        return self.federation.folder

    def name(self, org: str) -> str:
        """As the screen calls an agency."""
        return AGENCIES[org].name

    # -- before the question

    def introduce(self) -> None:
        """Who takes part."""
        self.screen.step(
            "Who takes part",
            "Each agency keeps its records in its own house, on its own computer. Nothing is copied to a central "
            "place. All agencies and all people here are invented.",
        )
        rows = []
        for agency in self.federation.agencies:
            people = count(len(self.world.registers[agency.org]), "person", "people") if agency.holds else ""
            rows.append((agency.name, agency.who, f"{people}: {agency.holds}" if people else "nobody's records"))
        self.screen.table(("Agency", "What it is", "Holds"), rows)
        self.summary["registers"] = {
            a.org: len(self.world.registers[a.org]) for a in self.federation.agencies if a.holds
        }

    def join(self) -> None:
        """Homes, keys, manifest, processes, users."""
        self.screen.step(
            "They join",
            "Each makes its keys and asks to be listed. Two of three keepers of the federation's offline keys sign the "
            "list of members, the manifest; every agency checks both signatures. Then each starts its own node, and "
            "lets in an officer, who governs, and where questions are asked an analyst.",
        )
        first = self.federation.orgs[0]
        self.screen.command(first, ["init", "--organisation", first, "--root", "root.json", "..."])
        with self.screen.working("Making homes and keys"):
            self.federation.found(self.world)
        self.screen.command(
            "keepers", ["manifest", "sign", "manifest.json", "--key", "root-1.key", "--key", "root-2.key"]
        )
        self.screen.command(first, ["manifest", "accept", "manifest.json"])
        self.screen.command(first, ["serve"])
        with self.screen.working("Starting nodes"):
            self.federation.start()
            self.federation.let_in([self.question.requester])
        nodes = self.federation.nodes.values()
        self.screen.good(
            f"{len(nodes)} nodes run, each a process of its own: "
            + ", ".join(f"{node.org} ({node.pid})" for node in nodes)
            + ". They speak over encrypted connections on which both sides show who they are."
        )
        self.screen.say(
            "The demo's nodes are in haste: they look twice a second, and answers come out in slots of 2 seconds, not "
            "of 30, so that the time at which one comes says nothing."
        )
        self.summary["processes"] = {node.org: node.pid for node in nodes}

    def sign_agreement(self) -> dict[str, Any]:
        """The demo's copy of the agreement, signed by every party."""
        name = self.question.agreement
        draft = self.folder / f"{name}.yaml"
        agreement = adapt_agreement(name, draft)
        parties = [party["org"] for party in agreement["parties"]]
        self.screen.step(
            "They agree, in writing",
            f"“{agreement['title']}”. The agreement is a text that officers write and sign; the computers follow it. "
            "It counts only when every party has signed the same words.",
        )
        for party in parties:
            self.screen.command(f"{OFFICER} at {party}", ["agreement", "sign", f"{name}.yaml"])
        self.federation.agree(draft, parties)
        for flow in agreement["flows"]:
            if flow["from"] in self.question.providers:
                self.screen.panel(f"{self.name(flow['from'])} to {self.name(flow['to'])}", self._flow(agreement, flow))
        example = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))["linkage"]["threshold_bp"]
        self.screen.say(
            f"This is deploy/examples/agreements/{name}.yaml with two changes: its dates are around today, and two "
            f"scrambled records count as one person if they are {THRESHOLD_BP / 100:.0f} % alike, not "
            f"{example / 100:.0f} % as in the example, which would miss more people (make the comparison yourself: "
            "python -m demo.thresholds)."
        )
        self.summary["agreement"] = {
            "id": name, "threshold_bp": THRESHOLD_BP, "example_threshold_bp": example,
            "minimum_precision_bp": agreement["linkage"]["minimum_precision_bp"],
        }  # fmt: skip
        return agreement

    def _flow(self, agreement: Mapping[str, Any], flow: Mapping[str, Any]) -> list[str]:
        wanted = self.question.attributes[flow["from"]]
        purpose = next(p["title"] for p in agreement["purposes"] if p["id"] == self.question.purpose)
        lines = [f"What for: {purpose}, and nothing else"]
        for attribute in flow["attributes"]:
            if attribute["name"] in wanted:
                values = ", ".join(map(str, attribute.get("values", ("yes", "no"))))
                lines.append(f"What leaves: {attribute['name']} ({attribute['title'].lower()}), only as: {values}")
        lines += [f"Law: {self.law(gateway)}" for gateway in flow["gateways"]]
        if flow["consent_scopes"]:
            lines.append("Only for people who agreed to the part of: " + ", ".join(flow["consent_scopes"]))
        approval = "a person at the provider approves each request" if agreement["approval"] == "provider" else "none"
        precision = agreement["linkage"]["minimum_precision_bp"] / 100
        lines.append(f"Approval: {approval}")
        lines.append(f"Certainty: at least {precision:.0f} % of links estimated right, or nothing is released")
        return lines

    def law(self, gateway: str) -> str:
        """A legal gateway as the policy's tables cite it."""
        if not self._law:
            self._law = yaml.safe_load(_GATEWAYS.read_text(encoding="utf-8"))["gateways"]
        found = self._law[gateway]
        return (
            found["title"]
            if found["citation"].startswith(found["title"][:12])
            else f"{found['title']} ({found['citation']})"
        )

    def record_choices(self, orgs: Collection[str]) -> None:
        """What people chose, as each agency wrote it down."""
        self.screen.step(
            "What people chose",
            "Consents, objections, opt-outs, restrictions, as each agency recorded them. Nobody else ever sees them.",
        )
        rows = []
        for org, answer in zip(orgs, self.federation.each(self.federation.import_choices, orgs), strict=True):
            kinds = [choice.kind for choice in self.world.all_choices[org]]
            kinds_of = ("consent", "objection", "opt-out", "restriction")
            rows.append((self.name(org), *(f"{kinds.count(kind):,}" for kind in kinds_of), answer["added"]))
        self.screen.table(("Agency", "Consents", "Objections", "Opt-outs", "Restrictions", "Recorded"), rows)

    # -- the question

    def write_question(self) -> Path:
        """The request as a file, as an analyst would make it."""
        asked = self.question
        self.screen.step(f"{self.name(asked.requester)} asks", f"The question is about {asked.who}.")
        file = self.folder / asked.requester / "question.yaml"
        words: list[str | Path] = ["request", "new", "--agreement", asked.agreement, "--purpose", asked.purpose]
        for provider, names in asked.attributes.items():
            words += ["--provider", provider]
            for name in names:
                words += ["--attribute", f"{provider}:{name}"]
        words += ["--cohort", asked.condition]
        for assertion in asked.assertions:
            words += ["--assert", assertion]
        self.screen.command(f"{ANALYST} at {asked.requester}", list(map(str, words)))
        self.federation.at(asked.requester, ANALYST, *words, "--out", file)
        return file

    def submit(self, file: Path) -> None:
        """Send it; the cohort is fixed."""
        asked = self.question
        self.screen.command(f"{ANALYST} at {asked.requester}", ["request", "submit", file.name])
        answer = self.federation.at(asked.requester, ANALYST, "request", "submit", file, "--json").document
        self.request = answer["request"]
        self.screen.good(
            f"{asked.requester}'s own policy allows the question. It is signed, written to the log, and only then "
            f"sent. It is about {count(answer['cohort'], 'person', 'people')}. Its number: {self.request}"
        )
        self.screen.say(
            "The linkage unit hears nothing of the purpose, of what is asked or of who is meant: it gets an order."
        )
        self.summary |= {"request": self.request, "cohort": answer["cohort"]}

    def approve(self) -> None:
        """The officers of the providers say yes."""
        self.screen.step(
            "People decide",
            "The agreement wants a person at each provider to say yes, after the provider's own policy has. "
            "Until then the question waits.",
        )
        self.federation.each(self._wait_for_approval, self.question.providers)
        for provider in self.question.providers:
            self.screen.event(self.name(provider), "its policy allows the question; it waits for an officer")
            self.screen.command(f"{OFFICER} at {provider}", ["approve", self.request])
        self.federation.each(
            lambda org: self.federation.at(org, OFFICER, "approve", self.request), self.question.providers
        )
        self.screen.good("approved; the name of who approved stays inside, the log shows others only a seal over it")
        self.summary["approved_by"] = self.question.providers

    def _wait_for_approval(self, provider: str) -> None:
        def waiting() -> bool:
            found = self.federation.at(provider, OFFICER, "request", "list", "--waiting", "--json").document
            return any(one["request"] == self.request for one in found["requests"])

        self.wait_until(waiting, f"the question does not reach {provider}")

    def status(self, org: str) -> dict[str, Any]:
        """Where the request stands at a node."""
        user = ANALYST if org == self.question.requester else reader_of(org)
        return self.federation.at(org, user, "request", "status", self.request, "--json").document

    def wait_until(self, holds: Callable[[], bool], otherwise: str, seconds: float = FOLLOW_SECONDS) -> None:
        """Ask again and again. Raises DemoError with `otherwise`."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise DemoError(f"{otherwise} (waited {seconds:.0f} seconds)")
            time.sleep(0.2)

    def follow(self) -> None:
        """Until it has ended everywhere."""
        asked = self.question
        self.screen.command(f"{ANALYST} at {asked.requester}", ["request", "watch", self.request])
        with self.screen.working("Scrambling, comparing, deciding, sealing"):
            ended = self.federation.at(asked.requester, ANALYST, "request", "watch", self.request, "--json").document
        states = {asked.requester: ended["state"]}

        def has_ended(org: str) -> bool:
            states[org] = self.status(org)["state"]
            return bool(states[org] != "open")

        for org in (*asked.providers, LINKAGE_UNIT):
            self.wait_until(partial(has_ended, org), f"the request does not end at {org}")
        if set(states.values()) != {"done"}:
            raise DemoError(f"the request ended otherwise than it should: {states}; {ended['reason']}")
        self.summary["states"] = states

    def explain_linking(self) -> None:
        """Steps 4 to 10 of the protocol, in plain words."""
        self.screen.step(
            "The records are compared without being shown",
            "Requester and provider agree on a secret key for this one question. Each leaves out people whom law, "
            "agreement or their own choice keeps out. Of everyone else, name, birth date, sex and postcode are "
            "scrambled with the key into a row of bits; misspelt names give similar bits. The linkage unit, which has "
            "no key, compares bits with bits, says which rows belong together, and deletes everything. The provider "
            "then decides person by person, and seals what may leave so that only the requester can open it.",
        )

    def shown(self, path: Path) -> str:
        """A path as short as it can be."""
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

    def summarise(self) -> None:
        """summary.json, for whoever wants to check without reading."""
        path = self.folder / "summary.json"
        path.write_text(json.dumps(self.summary, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        self.screen.say(f"All of this in figures: {self.shown(path)}")
