"""The bodies of calls to the desk. Whatever is not in a model is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exchange_node.config import OrgId, explain
from exchange_node.desk.errors import DeskError

RequestId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Login = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Role = Literal["analyst", "officer", "administrator"]
ChoiceKind = Literal["consent", "objection", "opt-out", "restriction"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.:-]{0,79}$")]
LocalId = Annotated[str, Field(min_length=1, max_length=200)]
Limit = Annotated[int, Field(ge=1, le=10_000)]
Offset = Annotated[int, Field(ge=0)]


class Body(BaseModel):
    """Base of bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Nothing(Body):
    """No fields."""


class RequestRef(Body):
    """One request."""

    request: RequestId


class Draft(Body):
    """A request as `exchange_node.draft` describes it."""

    draft: dict[str, Any]


class RequestList(Body):
    """Which requests to list, the newest first."""

    role: Literal["requester", "provider", "linkage"] | None = None
    state: Literal["open", "done", "refused", "cancelled", "expired", "failed"] | None = None
    limit: Limit = 100
    offset: Offset = 0


class ResultsRef(Body):
    """The results of one leg."""

    request: RequestId
    provider: OrgId


class Approval(Body):
    """What an officer decided; a refusal needs its reason."""

    request: RequestId
    decision: Literal["approve", "refuse"]
    reason: Annotated[str, Field(max_length=1000)] = ""


class AgreementText(Body):
    """A draft or a signed file; `sign` adds our signature."""

    text: Annotated[str, Field(max_length=4_000_000)]
    sign: bool = True


class AgreementRef(Body):
    """An agreement by its id, the newest version unless one is named."""

    id: Slug
    version: Annotated[int, Field(ge=1)] | None = None


class ChoiceRow(Body):
    """One choice as it was told to the agency; `line` is where it stood in a file."""

    line: Annotated[int, Field(ge=0)] = 0
    local_id: LocalId = Field(repr=False)
    kind: ChoiceKind
    scope: tuple[OrgId, ...] = ()
    purposes: tuple[Slug, ...] = ()
    valid_from: date | None = None  # none: today
    valid_to: date | None = None  # the last day; none: until withdrawn
    ref: Annotated[str, Field(max_length=200)] = Field("", repr=False)


class ChoiceRows(Body):
    """Rows are checked one by one, so that each that breaks a rule can be named."""

    rows: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=200_000)] = Field(repr=False)
    dry_run: bool = False


class ChoiceWithdrawal(Body):
    """Either one choice by its id, or all standing ones of a person of a kind."""

    choice: RequestId | None = None
    local_id: LocalId | None = Field(None, repr=False)
    kind: ChoiceKind | None = None
    scope: tuple[OrgId, ...] = ()


class ChoiceList(Body):
    """Which choices to list."""

    local_id: LocalId | None = Field(None, repr=False)
    active: bool | None = None
    limit: Limit = 100
    offset: Offset = 0


class NewUser(Body):
    """A login, its role, and the public key (PEM) that its machine made."""

    name: Login
    role: Role
    public_key: Annotated[str, Field(max_length=4096)]
    days: Annotated[int, Field(ge=1, le=397)] = 365


class UserRef(Body):
    """A login."""

    name: Login


class ManifestText(Body):
    """A signed federation manifest."""

    envelope: Annotated[str, Field(max_length=4_000_000)]


B = TypeVar("B", bound=Body)


def read_body(model: type[B], body: Mapping[str, Any]) -> B:
    """The body of a call. Raises DeskError `invalid` with field and rule, never a value."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise DeskError("invalid", explain(error)) from None
