"""A data sharing agreement as data: what an officer writes and everyone signs.

The form follows the ICO's data sharing code (parties, purposes, lawful basis, items, retention, review). Free
text is for people; what policy sees of an agreement (`view.py`) carries none of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError, model_validator

from exchange_node.config import rule_of
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.words import (
    BasisPoints,
    Document,
    Gateway,
    Org,
    PartyRole,
    Regime,
    Route,
    Slug,
    Term,
)
from exchange_node.yamlfile import read_yaml

# Another agency writes it and it is shown on a terminal: nothing that steers one, or turns the order of what is read.
Text: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=2_000, pattern=r"\A[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+\z")
]
Days: TypeAlias = Annotated[int, Field(ge=1, le=36_500)]
Mark: TypeAlias = Annotated[str, Field(pattern=r"\A[a-z0-9][a-z0-9-]{1,39}\z")]
Rows: TypeAlias = Annotated[int, Field(ge=1, le=100_000_000)]
Name: TypeAlias = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9_]{0,62}\z")]


class Party(Document):
    """An organisation of the agreement, with the people who answer for it."""

    org: Org
    role: PartyRole
    type: Slug
    regime: Regime
    dpo: Text
    caldicott_guardian: Text | None = None
    siro: Text | None = None


class Purpose(Document):
    """What the data may be used for. `individual_care` is care of the very person, not planning or
    research."""

    id: Slug
    title: Text
    individual_care: bool = False


class Necessity(Document):
    """Why a purpose cannot do without the attribute."""

    purpose: Slug
    why: Text


class Attribute(Document):
    """One released column. `special` is Article 9 data, `offence` Article 10; `transform` is what leaves
    instead."""

    name: Name
    title: Text = "-"
    type: Literal["boolean", "code", "integer", "text", "date"]
    category: Slug
    special: bool
    offence: bool
    necessity: Annotated[tuple[Necessity, ...], Field(min_length=1)]
    retention_days: Days
    transform: Name
    values: tuple[Text, ...] | None = None
    max_length: Annotated[int, Field(ge=1, le=1_000)] | None = None
    minimum: int | None = None
    maximum: int | None = None


class Flow(Document):
    """Attributes that go from one party to another for some purposes, and the law that lets them."""

    id: Slug
    source: Org = Field(alias="from")
    recipient: Org = Field(alias="to")
    purposes: Annotated[tuple[Slug, ...], Field(min_length=1)]
    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1)]
    gateways: Annotated[tuple[Gateway, ...], Field(min_length=1)]
    art6: Annotated[tuple[Term, ...], Field(min_length=1)]
    art9: tuple[Term, ...] = ()
    confidentiality_route: Route
    # The organisations (or purposes) each of which the person must have agreed to, where consent is a
    # condition.
    consent_scopes: Annotated[tuple[Slug, ...], Field(min_length=1)]
    regime_crossing: Text | None = None  # the law that lets data leave Part 3 of the DPA 2018

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, or None."""
        return next((item for item in self.attributes if item.name == name), None)


class Linkage(Document):
    """How people may be linked, and how well they must be."""

    methods: Annotated[tuple[Slug, ...], Field(min_length=1)]
    schema_id: Slug = Field(alias="schema")
    minimum_precision_bp: BasisPoints
    threshold_bp: BasisPoints
    max_cohort_rows: Rows
    max_provider_rows: Rows
    max_links: Rows
    count_mode: Literal["exact", "size-class"]
    disclosure_mode: Literal["provider-decides"]


class ReverseDisclosure(Document):
    """What the provider learns of those asked about, and the basis for telling it."""

    covered: bool
    basis: Text
    special: bool = False  # covers a cohort that itself is special-category data
    offence: bool = False
    consent: bool = False  # only people who agreed may be asked about


class Population(Document):
    """Who is asked about. `special` and `offence`: belonging to the cohort itself says such a thing."""

    description: Text
    special: bool = False
    offence: bool = False
    exclusions: tuple[Mark, ...] = ()  # deceased, at-risk, an age band, or a mark of the agency's own


class Dpia(Document):
    """The data protection impact assessment."""

    ref: Text
    review_by: date


class Agreement(Document):
    """The document that every party signs. Made by `parse_agreement`; its bytes are
    `canonical(agreement)`."""

    id: Slug
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    title: Text
    status: Literal["draft", "active", "suspended", "ended"]
    parties: Annotated[tuple[Party, ...], Field(min_length=2)]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    gateways: Annotated[tuple[Gateway, ...], Field(min_length=1)]
    art6: Annotated[tuple[Term, ...], Field(min_length=1)]
    art9: tuple[Term, ...] = ()
    schedule1: tuple[Slug, ...] = ()  # paragraphs of DPA 2018 Schedule 1, as `para-2`
    policy_document: Text | None = None
    confidentiality_route: Route = "none"
    flows: Annotated[tuple[Flow, ...], Field(min_length=1)]
    linkage: Linkage
    reverse_disclosure: ReverseDisclosure
    population: Population
    # `always`: an opted-out person is never included. `national`: the national data opt-out's own exceptions
    # hold.
    opt_out_rule: Literal["always", "national"]
    approval: Literal["none", "provider", "both"] = "none"
    onward_sharing: Literal["none", "written-agreement"]
    privacy_notice: Text
    dpia: Dpia
    valid_from: date
    valid_to: date  # the last day on which it holds
    review_by: date
    deletion_days: Days
    linkage_units: Annotated[tuple[Org, ...], Field(min_length=1)]
    group_linkage: Literal[False] = False
    notes: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Agreement:
        parties = _unique("parties", (party.org for party in self.parties))
        purposes = _unique("purposes", (purpose.id for purpose in self.purposes))
        _unique("flows", (flow.id for flow in self.flows))
        _unique(
            "flows: from, to and purpose",
            ((f.source, f.recipient, p) for f in self.flows for p in f.purposes),
        )
        for flow in self.flows:
            _within(f"flow {flow.id}: from, to", {flow.source, flow.recipient}, parties, "parties")
            if flow.source == flow.recipient:
                raise ValueError(f"flow {flow.id}: from and to are the same party")
            _within(f"flow {flow.id}: purposes", flow.purposes, purposes, "purposes")
            _within(f"flow {flow.id}: gateways", flow.gateways, self.gateways, "the agreement's gateways")
            _within(f"flow {flow.id}: art6", flow.art6, self.art6, "the agreement's art6")
            _within(f"flow {flow.id}: art9", flow.art9, self.art9, "the agreement's art9")
            _unique(f"flow {flow.id}: attributes", (item.name for item in flow.attributes))
            for item in flow.attributes:
                needed = [need.purpose for need in item.necessity]
                _within(f"flow {flow.id}: {item.name}: necessity", needed, flow.purposes, "the flow's purposes")
        if parties & set(self.linkage_units):
            raise ValueError("linkage_units: a party cannot be the linkage unit")
        if self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hex: what signatures and decisions bind."""
        return hashlib.sha256(canonical(self)).hexdigest()

    def party(self, org: str) -> Party | None:
        """The party of that name, or None."""
        return next((party for party in self.parties if party.org == org), None)

    def flow(self, requester: str, provider: str, purpose: str) -> Flow | None:
        """The one flow from provider to requester for that purpose, or None."""
        wanted = (provider, requester)
        found = (f for f in self.flows if (f.source, f.recipient) == wanted and purpose in f.purposes)
        return next(found, None)

    def providers(self, requester: str, purpose: str) -> tuple[str, ...]:
        """Who could be asked by that party for that purpose."""
        return tuple(f.source for f in self.flows if f.recipient == requester and purpose in f.purposes)


def parse_agreement(text: bytes) -> Agreement:
    """Read the YAML or JSON that an officer wrote, or canonical bytes.

    Raises PolicyError `bad-agreement`, naming the first field that breaks a rule and the rule, never the
    value.
    """
    try:
        value = read_yaml(text)
    except ValueError as error:
        raise PolicyError("bad-agreement", str(error)) from None
    if not isinstance(value, dict):
        raise PolicyError("bad-agreement", "not a list of fields with values")
    try:
        # Through JSON, where strict reading takes a text as a date and a list as a tuple.
        return Agreement.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise PolicyError("bad-agreement", first_error(error)) from None


def canonical(agreement: Agreement) -> bytes:
    """The bytes that are signed and hashed: JSON, keys in order, no spaces, fields without a value left
    out."""
    value = agreement.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def first_error(error: ValidationError) -> str:
    """`field.path: rule` of the first error, without the value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    told = rule_of(first["type"], first["msg"])
    return f"{place}: {told}" if place else told


def _unique(what: str, items: Iterable[Any]) -> set[Any]:
    listed = list(items)
    if len(set(listed)) != len(listed):
        raise ValueError(f"{what}: one stands there twice")
    return set(listed)


def _within(what: str, items: Iterable[str], whole: Iterable[str], name: str) -> None:
    if not set(items) <= set(whole):
        raise ValueError(f"{what}: one of them is not among {name}")
