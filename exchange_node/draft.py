"""The question as an analyst writes it: a small YAML file, or flags that say the same."""

from __future__ import annotations

from typing import Annotated, ClassVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from exchange_node.config import OrgId, explain
from exchange_node.errors import ExchangeError, Kind, Says

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.:-]{0,79}$")]
MAX_DRAFT = 1 << 20


class DraftError(ExchangeError):
    """The request file cannot be used as it is."""

    prefix = "draft"
    catalogue: ClassVar[dict[str, Says]] = {
        "invalid": Says(
            Kind.INVALID,
            "The request file breaks a rule.",
            "Mend the field named; `exchange request new --help` shows a complete example.",
        ),
        "empty-cohort": Says(
            Kind.INVALID,
            "Nobody in this agency's records belongs to the cohort.",
            "Check the condition or the file of ids; `exchange policy check` tries a request without sending it.",
        ),
        "not-in-agreement": Says(
            Kind.DENIED,
            "The agreement does not provide for this.",
            "See `exchange agreement show` for its parties, purposes, attributes and linkage units.",
        ),
    }


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AssertionDraft(_Model):
    """What the asker vouches for, such as necessity; `by` is a role, never a person's name."""

    condition: Slug
    by: Slug
    at: Annotated[int, Field(ge=0)] = 0
    ref: Annotated[str, Field(max_length=200)] = ""


class Cohort(_Model):
    """Whose records: exactly one of a file of the agency's own ids, or a condition on its own attributes."""

    file: str | None = None
    condition: Annotated[str, Field(max_length=2000)] | None = None
    ids: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] | None = None

    @model_validator(mode="after")
    def _one(self) -> Cohort:
        if sum(part is not None for part in (self.file, self.condition, self.ids)) != 1:
            raise ValueError("give exactly one of file, condition, ids")
        return self


class RequestDraft(_Model):
    """One question to one or several providers under one agreement."""

    agreement: Slug
    purpose: Slug
    providers: Annotated[tuple[OrgId, ...], Field(min_length=1, max_length=64)]
    attributes: Annotated[dict[OrgId, tuple[Slug, ...]], Field(min_length=1)]
    cohort: Cohort
    assertions: tuple[AssertionDraft, ...] = ()
    linkage_unit: OrgId | None = None
    method: Slug = "clk-linkage-unit"
    hours: Annotated[int, Field(ge=1, le=24 * 30)] | None = None
    emergency: bool = False
    title: Annotated[str, Field(max_length=120)] = ""

    @model_validator(mode="after")
    def _attributes_for_each(self) -> RequestDraft:
        if set(self.attributes) != set(self.providers) or not all(self.attributes.values()):
            raise ValueError("attributes: name at least one for each provider, and for no one else")
        return self


def parse_draft(text: bytes) -> RequestDraft:
    """Read a request file (YAML or JSON). Raises DraftError("invalid") naming field and rule, never a value."""
    if len(text) > MAX_DRAFT:
        raise DraftError("invalid", "longer than 1 MiB; name a file of ids as the cohort")
    try:
        document = yaml.safe_load(text.decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise DraftError("invalid", f"not YAML, line {mark.line + 1}" if mark else "not YAML") from error
    return validate_draft(document)


def validate_draft(document: object) -> RequestDraft:
    """As `parse_draft`, for what is parsed already."""
    try:
        return RequestDraft.model_validate(document)
    except ValidationError as error:
        raise DraftError("invalid", explain(error)) from error
