"""The one plaintext type. Only `records`, `encoding` and the agency's own command line may import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

FieldName = Literal[
    "forename",
    "middle_names",
    "surname",
    "date_of_birth",
    "sex",
    "postcode",
    "address_line",
    "nhs_number",
]
FIELDS: Final[tuple[FieldName, ...]] = (
    "forename",
    "middle_names",
    "surname",
    "date_of_birth",
    "sex",
    "postcode",
    "address_line",
    "nhs_number",
)


@dataclass(frozen=True, slots=True, repr=False)
class StandardRecord:
    """One person as the register knows them, in standard form.

    `fields` has every name of `FIELDS`; "" means missing, and a field that the mapping lacks is always
    missing. Forms: names `[a-z ]*`, date_of_birth `YYYY-MM-DD`, sex `f` or `m`, postcode `AB1 2CD`,
    address_line `[a-z0-9 ]*`, nhs_number ten digits.
    """

    local_id: str
    fields: Mapping[str, str]

    def __repr__(self) -> str:
        """Nothing of the person, so that no log or traceback can show one."""
        return "StandardRecord(...)"
