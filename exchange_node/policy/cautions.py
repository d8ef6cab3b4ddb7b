"""What an officer looks at twice before signing: an agreement can be well formed and still give nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol

from exchange_node.policy.agreement import Agreement
from exchange_node.policy.bundle import bundle_digest, open_bundle, packaged_bundle

LOW_BP = 5000


class Member(Protocol):
    """What is asked of an organisation of the federation's manifest."""

    @property
    def type(self) -> str: ...
    @property
    def regime(self) -> str: ...
    @property
    def roles(self) -> tuple[str, ...]: ...


def cautions(
    agreement: Agreement, methods: Iterable[str], members: Mapping[str, Member] | None = None
) -> tuple[str, ...]:
    """One sentence each, naming the field: words that this release's policy does not know, parties that the manifest
    lists otherwise (if `members` are given, by id), and numbers that look like per cent.

    None is a refusal: a partner's newer release may know more, and a member may be about to join.
    """
    return tuple([*_unknown(agreement, methods), *_numbers(agreement), *_members(agreement, members)])


def _unknown(agreement: Agreement, methods: Iterable[str]) -> Iterator[str]:
    law = known_law()

    def missing(place: str, named: Iterable[str], known: Iterable[str]) -> Iterator[str]:
        for name in named:
            if name not in known:
                yield f"{place}: this release does not know {name}, so it is denied. Known: {', '.join(sorted(known))}."

    yield from missing("linkage.methods", agreement.linkage.methods, tuple(methods))
    yield from missing("schedule1", agreement.schedule1, law["schedule1"])
    for flow in agreement.flows:
        place = f"flow {flow.id}"
        yield from missing(f"{place}: gateways", flow.gateways, law["gateways"])
        yield from missing(f"{place}: art6", flow.art6, law["article6"])
        yield from missing(f"{place}: art9", flow.art9, law["article9"])
        for item in flow.attributes:
            yield from missing(f"{place}: {item.name}: category", [item.category], law["categories"])
            yield from missing(f"{place}: {item.name}: transform", [item.transform], law["transforms"])


def _numbers(agreement: Agreement) -> Iterator[str]:
    linkage = agreement.linkage
    for field in ("minimum_precision_bp", "threshold_bp"):
        value = getattr(linkage, field)
        if value < LOW_BP:
            yield f"linkage.{field}: {value} is {value / 100:.2f} %; hundredths of a per cent are meant, 98 % is 9800."


def _members(agreement: Agreement, members: Mapping[str, Member] | None) -> Iterator[str]:
    if members is None:
        return
    for party in agreement.parties:
        member = members.get(party.org)
        if member is None:
            yield f"parties: the federation's manifest has no {party.org}."
            continue
        regime = "part3" if member.regime == "dpa-part3" else "uk-gdpr"
        for what, said, listed in (("type", party.type, member.type), ("regime", party.regime, regime)):
            if said != listed:
                yield f"parties: {party.org}: {what} is {said} here and {listed} in the manifest, so it is denied."
    for unit in agreement.linkage_units:
        found = members.get(unit)
        if found is None or "linkage-unit" not in found.roles:
            yield f"linkage_units: the federation's manifest has no linkage unit {unit}."


@cache
def known_law() -> Mapping[str, Any]:
    """The statutory tables of this release's policy."""
    bundle = packaged_bundle()
    law: Mapping[str, Any] = open_bundle(bundle, {bundle_digest(bundle): 2**40}, 0).data["law"]
    return law
