"""The [records] table of a node's configuration: the agency's column names and ours, and what may be
released.

    [records]
    file = "tenants.csv"                      # relative to the node's home
    id_column = "tenancy_ref"
    date_formats = ["DD/MM/YYYY"]

    [records.fields]                          # our name = their column, or several in order
    forename = "first_name"
    date_of_birth = ["birth_day", "birth_month", "birth_year"]

    [records.cohort]                          # columns that conditions may use, with their types
    damp_reported = "boolean"

    [records.facts]                           # what policy may know of a person
    deceased = { derive = "present", column = "date_of_death" }

    [[records.attributes]]                    # what agreements may release
    name = "respiratory_condition"
    type = "boolean"
    sensitivity = "special"
    derive = "any_of"
    columns = ["diagnosis_1", "diagnosis_2"]
    codes = ["R10", "R2*"]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from exchange_node.config import rule_of
from exchange_node.records.dates import DEFAULT_FORMATS, DEFAULT_PIVOT, check_format
from exchange_node.records.errors import RecordsError
from exchange_node.records.model import FieldName
from exchange_node.records.values import ValueType


def _tuple(value: object) -> object:
    """TOML has arrays where we keep tuples, and one column may be written without brackets."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Column = Annotated[str, Field(min_length=1, max_length=200)]
Columns = Annotated[tuple[Column, ...], BeforeValidator(_tuple), Field(min_length=1, max_length=20)]
Codes = Annotated[tuple[Column, ...], BeforeValidator(_tuple), Field(max_length=10_000)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_tuple), Field(max_length=50)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Flag = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Derive = Literal["column", "age_from_date_of_birth", "any_of", "equals", "greater_than", "present"]

_NEEDS: dict[Derive, frozenset[str]] = {
    "column": frozenset(("columns",)),
    "age_from_date_of_birth": frozenset(),
    "any_of": frozenset(("columns", "codes")),
    "equals": frozenset(("columns", "value")),
    "greater_than": frozenset(("columns", "value")),
    "present": frozenset(("columns",)),
}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Derivation(_Table):
    """Where a value comes from.

    `column = "x"` is short for `columns = ["x"]`.

    - `column`: the cell, read as the attribute's type (a fact's: boolean);
    - `age_from_date_of_birth`: whole years on the day of the request, an integer;
    - `any_of`: whether a cell of `columns` holds one of `codes`; a code ending in * stands for all that
      begin so; a cell may hold several, separated by `;`, `,`, `|` or spaces. No code at all counts as no;
    - `equals`: whether the cell is `value`, upper and lower case alike;
    - `greater_than`: whether the cell, an integer, is above `value`;
    - `present`: whether the cell holds anything.

    A missing or unreadable cell makes `column`, `equals` and `greater_than` missing, never a yes or no.
    """

    derive: Derive = "column"
    columns: Columns | None = Field(default=None, validation_alias=AliasChoices("columns", "column"))
    codes: Codes | None = None
    value: str | int | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = {key for key in ("columns", "codes", "value") if getattr(self, key) is not None}
        needs = _NEEDS[self.derive]
        if given != needs:
            one = self.derive in ("equals", "greater_than", "column")
            wanted = " and ".join(sorted(needs)).replace("columns", "column" if one else "columns") or "no column"
            raise ValueError(f"derive = {self.derive} takes {wanted}, and nothing else")
        if self.derive in ("equals", "greater_than", "column") and len(self.sources) != 1:
            raise ValueError(f"derive = {self.derive} takes one column")
        if self.derive == "greater_than" and not isinstance(self.value, int):
            raise ValueError("derive = greater_than takes an integer value")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns read."""
        return self.columns or ()


class Attribute(Derivation):
    """A value that an agreement may release, under our name for it."""

    name: Name
    type: ValueType
    sensitivity: Literal["ordinary", "special", "offence"]
    max_length: int = Field(default=64, ge=1, le=1000)

    @model_validator(mode="after")
    def _typed(self) -> Self:
        if self.derive == "age_from_date_of_birth":
            derived: ValueType | None = "integer"
        else:
            derived = None if self.derive == "column" else "boolean"
        if derived is not None and self.type != derived:
            raise ValueError(f"derive = {self.derive} gives type {derived}")
        return self


class Facts(_Table):
    """What policy may know of a person besides their choices.

    Not configured and an empty cell mean no; a cell that cannot be read means yes, since marks keep people out.
    """

    at_risk: Derivation | None = None
    deceased: Derivation | None = None
    flags: dict[Flag, Derivation] = {}

    def named(self) -> Iterator[tuple[str, Derivation]]:
        """Every derivation given, by name."""
        if self.at_risk is not None:
            yield "at_risk", self.at_risk
        if self.deceased is not None:
            yield "deceased", self.deceased
        yield from self.flags.items()

    @model_validator(mode="after")
    def _yes_or_no(self) -> Self:
        if any(found.derive == "age_from_date_of_birth" for _, found in self.named()):
            raise ValueError("a fact is a yes or no; ages reach policy as bands without configuration")
        if {"at_risk", "deceased"} & self.flags.keys():
            raise ValueError("at_risk and deceased stand under [records.facts] itself, not among flags")
        return self


class RecordsMapping(_Table):
    """The whole table."""

    file: Annotated[str, Field(min_length=1, max_length=1000)]
    format: Literal["csv", "parquet"] = "csv"
    encoding: Literal["utf-8", "cp1252", "latin-1", "utf-16"] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    id_column: Column
    date_formats: Annotated[Texts, Field(min_length=1)] = DEFAULT_FORMATS
    date_placeholders: Texts = ()
    two_digit_year_pivot: Annotated[int, Field(ge=0, le=99)] = DEFAULT_PIVOT
    fields: Annotated[dict[FieldName, Columns], Field(min_length=1)]
    cohort: dict[Column, ValueType] = {}
    facts: Facts = Facts()
    attributes: Annotated[tuple[Attribute, ...], BeforeValidator(_tuple), Field(max_length=500)] = ()

    @field_validator("date_formats")
    @classmethod
    def _formats(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for form in formats:
            check_format(form)
        return formats

    @field_validator("attributes")
    @classmethod
    def _unique(cls, attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
        names = [attribute.name for attribute in attributes]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise ValueError(f"attribute named twice: {', '.join(sorted(doubled))}")
        return attributes

    @model_validator(mode="after")
    def _age_needs_birth(self) -> Self:
        if "date_of_birth" not in self.fields:
            for attribute in self.attributes:
                if attribute.derive == "age_from_date_of_birth":
                    raise ValueError(f"attribute {attribute.name} needs date_of_birth under [records.fields]")
        return self

    @classmethod
    def parse(cls, table: Mapping[str, object]) -> RecordsMapping:
        """From the parsed TOML table.

        Raises RecordsError("mapping") with every entry and the rule it breaks.
        """
        try:
            return cls.model_validate(dict(table))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(('records', *map(str, problem['loc'])))}: {rule_of(problem['type'], problem['msg'])}"
                for problem in error.errors(include_input=False, include_url=False, include_context=False)
            )
            raise RecordsError("mapping", problems) from None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the file that this table names, once."""
        derivations = (*self.attributes, *(found for _, found in self.facts.named()))
        fields = (column for columns in self.fields.values() for column in columns)
        sources = (column for found in derivations for column in found.sources)
        return tuple(dict.fromkeys((self.id_column, *fields, *self.cohort, *sources)))

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name. Raises RecordsError("attribute-unknown")."""
        for found in self.attributes:
            if found.name == name:
                return found
        raise RecordsError("attribute-unknown", name)
