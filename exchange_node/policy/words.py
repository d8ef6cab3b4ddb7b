"""The alphabets of everything that may stand in a policy input. No free text does, so nobody's name can hide
there."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_EPOCH = 2**40


class Document(BaseModel):
    """Base of what people write or engines answer: nothing unknown, nothing coerced, no value in an error."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        allow_inf_nan=False,
    )


def _few_digits(text: str) -> str:
    """An NHS number has ten digits and a date of birth eight: a reference that long is refused."""
    if sum(map(str.isdigit, text)) > 7:
        raise ValueError("more than seven digits, which a person's number could hide in")
    return text


Org: TypeAlias = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9-]{1,39}\z"), AfterValidator(_few_digits)]
Slug: TypeAlias = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9_.:-]{0,79}\z"), AfterValidator(_few_digits)]
Gateway: TypeAlias = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9_]{2,59}\z")]
Term: TypeAlias = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9-]{1,19}:[A-Za-z0-9.-]{1,40}\z")]
RequestId: TypeAlias = Annotated[str, Field(pattern=r"\A[0-9a-f]{32}\z")]
Digest: TypeAlias = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
Epoch: TypeAlias = Annotated[int, Field(ge=0, le=MAX_EPOCH)]
Count: TypeAlias = Annotated[int, Field(ge=-1, le=10**12)]  # -1 says that it is not known yet
BasisPoints: TypeAlias = Annotated[int, Field(ge=0, le=10_000)]

Operation: TypeAlias = Literal["ask", "link", "release"]
Side: TypeAlias = Literal["requester", "provider"]
Regime: TypeAlias = Literal["uk-gdpr", "part3", "part4"]  # of the Data Protection Act 2018
PartyRole: TypeAlias = Literal["controller", "joint", "processor"]
Route: TypeAlias = Literal["consent", "statute", "public-interest", "capacity", "none"]
AgeBand: TypeAlias = Literal["unknown", "under-16", "16-17", "18-64", "65-plus"]
Effect: TypeAlias = Literal["release", "transform", "deny"]

EXACT = "exact"  # the transform that changes nothing
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
