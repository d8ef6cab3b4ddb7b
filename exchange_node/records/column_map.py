"""Which columns of a file stand for which field of a register: guessed, shown, and written or read as YAML.

    a:
      forename: first_name
      date_of_birth: [birth_day, birth_month, birth_year]   # several columns are joined in order
      address_line: [house_number, street]
      phone: [mobile, telephone]                            # the first that is filled
      occupation: {columns: job, kind: text}                # a field of your own: name, kind
    b:
      full_name: name                                       # split into forename, middle names and surname
      ...

Only fields that both sides have are compared; a column that no field names is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Final, get_args

import yaml

from exchange_node.records.columns import Kind
from exchange_node.records.errors import RecordsError
from exchange_node.yamlfile import read_yaml

KINDS: Final[dict[str, Kind]] = {
    "forename": "name",
    "middle_names": "name",
    "surname": "name",
    "date_of_birth": "date",
    "sex": "sex",
    "postcode": "postcode",
    "address_line": "address",
    "town": "place",
    "state": "place",
    "phone": "number",
    "email": "number",
    "nhs_number": "number",
    "ni_number": "number",
}
"""The fields that have a meaning of their own, in the order in which they are shown."""
FULL_NAME: Final = "full_name"
SIDES: Final = ascii_lowercase
"""What files are called, in their order."""
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field comes from: columns in order, and the kind of their values."""

    columns: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The mapping of one file. `fields`: by field name, in the order in which they are shown, with `full_name` for a
    column that holds whole names; `ignored`: why each other column is not used.
    """

    fields: Mapping[str, Source]
    ignored: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The fields as the YAML has them."""
        return {name: _plain(name, source) for name, source in self.fields.items()}

    def check(self, columns: Mapping[str, object], side: str) -> None:
        """Raise RecordsError("map-column") naming every column that the file does not have."""
        missing = [name for source in self.fields.values() for name in source.columns if name not in columns]
        if missing:
            raise RecordsError("map-column", f"{side}: {', '.join(dict.fromkeys(missing))}")


def _plain(name: str, source: Source) -> Any:
    columns: Any = source.columns[0] if len(source.columns) == 1 else list(source.columns)
    return columns if name in KINDS or name == FULL_NAME else {"columns": columns, "kind": source.kind}


def write_maps(maps: Mapping[str, ColumnMap]) -> str:
    """The YAML of some files, under `a`, `b` and so on."""
    return yaml.safe_dump({side: found.as_dict() for side, found in maps.items()}, sort_keys=False, allow_unicode=True)


def read_maps(path: Path) -> dict[str, ColumnMap]:
    """The maps of a YAML file, under `a` and, where it has them, `b`, `c` and so on.

    Raises RecordsError: file-missing, map with the entry and the rule it breaks.
    """
    try:
        text = path.read_bytes()
    except OSError:
        raise RecordsError("file-missing", str(path)) from None
    try:
        found = read_yaml(text)
    except ValueError as error:
        raise RecordsError("map", str(error)) from None
    if not isinstance(found, dict) or not found or found.keys() != set(SIDES[: len(found)]):
        raise RecordsError("map", "the file has the keys a and b, c and so on, one for each file, and no others")
    return {side: _parse(side, entries) for side, entries in found.items()}


def _parse(side: str, entries: Any) -> ColumnMap:
    if not isinstance(entries, dict) or not entries:
        raise RecordsError("map", f"{side}: fields and their columns are expected")
    fields: dict[str, Source] = {}
    for name, entry in entries.items():
        place = f"{side}.{name}"
        if not _FIELD.match(name):
            raise RecordsError("map", f"{place[:80]}: a field's name is lower-case letters, digits and _")
        kind: Any = KINDS.get(name, "name" if name == FULL_NAME else None)
        if isinstance(entry, dict):
            if entry.keys() != {"columns", "kind"} or kind is not None:
                raise RecordsError("map", f"{place}: only a field of your own has columns and kind")
            kind, entry = entry["kind"], entry["columns"]
            if kind not in get_args(Kind):
                raise RecordsError("map", f"{place}.kind: one of {', '.join(get_args(Kind))}")
        if kind is None:
            known = ", ".join((*KINDS, FULL_NAME))
            raise RecordsError("map", f"{place}: write columns and kind for a field that is none of {known}")
        columns = [entry] if isinstance(entry, str) else entry
        if not isinstance(columns, list) or not columns or not all(isinstance(one, str) and one for one in columns):
            raise RecordsError("map", f"{place}: the name of a column, or a list of names")
        fields[name] = Source(tuple(columns), kind)
    if FULL_NAME in fields and fields.keys() & {"forename", "surname"}:
        raise RecordsError("map", f"{side}: {FULL_NAME} stands beside forename or surname")
    order = [*KINDS, FULL_NAME]
    ordered = sorted(fields, key=lambda name: order.index(name) if name in order else len(order))
    return ColumnMap({name: fields[name] for name in ordered})
