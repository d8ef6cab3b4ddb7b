"""People as the spine may handle them: local ids, references, choices and classes of facts; never their fields.

Policy decides once for every distinct class of facts, and the answer is mapped back to people here, so that nothing
that names anyone reaches the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from itertools import islice
from pathlib import Path

from exchange_node.config import ConfigError
from exchange_node.draft import Cohort, DraftError
from exchange_node.node import Node
from exchange_node.papers import Case
from exchange_node.policy.decision import Consent, Decision, Facts
from exchange_node.records.cohort import parse_condition, read_cohort_file
from exchange_node.records.facts import PersonFacts
from exchange_node.records.model import StandardRecord
from exchange_node.records.report import ReadReport
from exchange_node.records.source import RecordFile
from exchange_node.store.model import Choice

BATCH = 10_000
REMEMBERED = 10_000  # answers to classes of facts; consents of many dates could make as many classes as people
FOREVER = 2**40  # policy knows no "without end"
# Policy asks for the ages that the law knows; a finer band would only make more classes.
_POLICY_BANDS = {
    **dict.fromkeys(("0-4", "5-10", "11-15"), "under-16"),
    "16-17": "16-17",
    **dict.fromkeys(("18-24", "25-34", "35-44", "45-54", "55-64"), "18-64"),
    **dict.fromkeys(("65-74", "75-84", "85+"), "65-plus"),
    "unknown": "unknown",
}
Admit = Callable[[Sequence[Facts]], Sequence[Decision]]


class Everyone(Container[str]):
    """The container that has every id."""

    def __contains__(self, _: object) -> bool:
        return True


EVERYONE = Everyone()


class People:
    """This agency's own people: who belongs to a cohort, and what policy may know of each."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def records(self) -> RecordFile:
        """The register. Raises ConfigError `no-records` at a node without one."""
        if self._node.records is None:
            raise ConfigError("no-records")
        return self._node.records

    def cohort(self, cohort: Cohort) -> list[str]:
        """Local ids of a cohort that the register knows, in its order. Raises RecordsError, DraftError."""
        if cohort.condition is not None:
            return list(self.records.select(parse_condition(cohort.condition)))
        if cohort.ids is not None:
            wanted = dict.fromkeys(cohort.ids)
            known = set(wanted).intersection(self.records.ids())
            return [local_id for local_id in wanted if local_id in known]
        if cohort.file is None:
            raise DraftError("empty-cohort")
        return list(read_cohort_file(Path(cohort.file), self.records.ids(), self.records.id_column).ids)

    def admitted(
        self,
        case: Case,
        ids: Container[str],
        admit: Admit,
        as_of: int,
        report: ReadReport,
        left_out: dict[str, int],
    ) -> Iterator[StandardRecord]:
        """[5] The records of `ids` that policy lets be linked; `left_out` counts the others by reason code.

        Streams: memory holds one batch of people, and a bounded number of answers.
        """
        answers: dict[Facts, str | None] = {}  # why not, by class of facts; None is admitted
        chosen = (record for record in self.records.stream(report) if record.local_id in ids)
        facts = self.records.facts(ids, as_of)
        while batch := list(islice(chosen, BATCH)):
            known = dict(_until(facts, {record.local_id for record in batch}))
            classes = self._classes(case, known, (record.local_id for record in batch))
            if len(answers) > REMEMBERED:
                answers.clear()
            new = list(set(classes.values()) - answers.keys())
            answers.update(zip(new, map(_why_not, admit(new)), strict=True))
            for record in batch:
                code = answers[classes[record.local_id]]
                if code is None:
                    yield record
                else:
                    left_out[code] = left_out.get(code, 0) + 1

    def classes(self, case: Case, ids: Collection[str], as_of: int) -> dict[str, Facts]:
        """[8] The class of facts of each of these people, choices as they stand now."""
        return self._classes(case, dict(self.records.facts(ids, as_of)), ids)

    def _classes(self, case: Case, known: Mapping[str, PersonFacts], ids: Iterable[str]) -> dict[str, Facts]:
        refs = {local_id: self._node.vault.person_ref(local_id) for local_id in ids}
        choices = self._node.store.choices.for_people(refs.values())
        parties, purpose = {case.ref.requester, case.ref.provider}, case.asked.purpose
        nobody = PersonFacts()
        return {i: facts_of(known.get(i, nobody), choices.get(ref, ()), parties, purpose) for i, ref in refs.items()}


def facts_of(person: PersonFacts, choices: Sequence[Choice], parties: set[str], purpose: str) -> Facts:
    """One person's class: equal for all people of whom the same may be known.

    An objection, opt-out or restriction without scope or purposes is about all of them; one that cannot concern this
    leg is left out. Consents are left to policy as they are: a flow may need the person's consent to others as well.
    """
    mine = [
        c for c in choices if c.kind == "consent" or (_concerns(c.scope, parties) and _concerns(c.purposes, {purpose}))
    ]
    standing = {choice.kind for choice in mine if choice.withdrawn_at is None}
    consents = {
        Consent(scope, choice.purposes, choice.valid_from, choice.valid_to or FOREVER, choice.withdrawn_at or 0)
        for choice in mine
        if choice.kind == "consent"
        for scope in choice.scope
    }
    return Facts(
        age_band=_POLICY_BANDS[person.age_band],
        at_risk=person.at_risk,
        deceased=person.deceased,
        consents=tuple(sorted(consents, key=astuple)),
        objection="objection" in standing,
        opt_out="opt-out" in standing,
        restriction="restriction" in standing,
        flags=tuple(sorted(person.flags)),
    )


def _why_not(decision: Decision) -> str | None:
    return None if decision.allow else decision.all_reasons()[0].code


def _concerns(named: Sequence[str], wanted: set[str]) -> bool:
    return not named or not wanted.isdisjoint(named)


def _until(facts: Iterator[tuple[str, PersonFacts]], wanted: set[str]) -> Iterator[tuple[str, PersonFacts]]:
    """Facts come in the file's order, as records do: read on until all of a batch were met."""
    missing = set(wanted)
    while missing:
        found = next(facts, None)
        if found is None:
            return
        missing.discard(found[0])
        yield found
