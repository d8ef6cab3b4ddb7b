"""Our own encoder: clkhash's bits, for many records at a time, by `kernels/clk.c`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from clkhash.schema import Schema
from numpy.typing import NDArray

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.forms import Forms, as_they_are
from exchange_node.kernels.clk import Encoder, OddDate, Texts

_BLOCK = 16_384  # rows whose texts are laid out at a time


@runtime_checkable
class Coded(Protocol):
    """Distinct values, and for each row its value's place among them, as in `records.columns.Column`."""

    @property
    def values(self) -> Sequence[str]: ...
    @property
    def codes(self) -> NDArray[np.int32]: ...


Column = Sequence[str] | Coded
Filters = NDArray[np.uint8]
"""CLKs, shape (rows, bits / 8)."""
_Laid = tuple[Texts, Sequence[int]]


class NativeEncoder:
    """Encodes many records at a time. `close` overwrites keys and all that was computed with them."""

    name: ClassVar[str] = "native"

    def __init__(self, schema: Schema, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """`keys`: two for each field of the schema, from clkhash. Raises EncodingError bad-schema."""
        self._names = [field.identifier for field in schema.fields]
        self._places = [place for place, field in enumerate(schema.fields) if field.hashing_properties]
        self._forms = [Forms(schema.fields[place]) for place in self._places]
        fields = [form.for_kernel(keys[place]) for place, form in zip(self._places, self._forms, strict=True)]
        try:
            self._kernel = Encoder(schema.l << schema.xor_folds, schema.xor_folds, fields)
        except ValueError:
            raise EncodingError("bad-schema", "its filter, tokens or keys are too large for the encoder") from None

    def encode(self, fields: Mapping[str, str], row: int = 0) -> bytes:
        """As in `ClkEncoder`."""
        return self.encode_rows([[fields.get(name, "") for name in self._names]], row).tobytes()

    def encode_rows(self, rows: Sequence[Sequence[str]], first: int = 1) -> Filters:
        """As in `ClkEncoder`."""
        width = len(self._names)

        def quick(block: slice) -> list[Texts | None]:
            here = rows[block]
            if set(map(len, here)) != {width}:
                raise ValueError(f"rows of {width} values are wanted")
            # One text for all fields: nothing is turned from rows into columns.
            texts = as_they_are(list(chain.from_iterable(here)))
            return [texts and replace(texts, first=place, step=width) for place in self._places]

        def formed(block: slice, number: int) -> _Laid:
            place = self._places[number]
            return self._forms[number].lay_out([row[place] for row in rows[block]])

        return self._encode(len(rows), first, quick, formed)

    def encode_columns(self, columns: Sequence[Column], first: int = 1) -> Filters:
        """As in `ClkEncoder`."""
        if len(columns) != len(self._names) or len({_rows(column) for column in columns}) > 1:
            raise ValueError(f"{len(self._names)} columns of one length are wanted")
        used = [columns[place] for place in self._places]
        coded = [as_they_are(column.values) if isinstance(column, Coded) else None for column in used]
        ready: dict[int, _Laid] = {}

        def quick(block: slice) -> list[Texts | None]:
            return [
                texts and replace(texts, codes=_codes(column, block)) if isinstance(column, Coded)
                else as_they_are(column[block])
                for column, texts in zip(used, coded, strict=True)
            ]  # fmt: skip

        def formed(block: slice, number: int) -> _Laid:
            column, forms = used[number], self._forms[number]
            if not isinstance(column, Coded):
                return forms.lay_out(column[block])
            if number not in ready:
                ready[number] = forms.lay_out(column.values)
            texts, wrong = ready[number]
            codes = _codes(column, block)
            return replace(texts, codes=codes), np.flatnonzero(np.isin(codes, wrong)).tolist() if wrong else []

        return self._encode(_rows(columns[0]) if columns else 0, first, quick, formed)

    def _encode(
        self,
        rows: int,
        first: int,
        quick: Callable[[slice], list[Texts | None]],
        formed: Callable[[slice, int], _Laid],
    ) -> Filters:
        """`quick` gives a block's texts as they are, where they can be; `formed` those of one field in its form."""
        filters = np.empty((rows, self._kernel.bytes), np.uint8)
        for start in range(0, rows, _BLOCK):
            block = slice(start, min(start + _BLOCK, rows))
            wrong = self._one_block(quick(block), partial(formed, block), filters[block])
            if wrong:
                at, number = min(wrong)
                raise EncodingError("bad-value", f"row {first + start + at}, field {self._forms[number].name}")
        return filters

    def _one_block(
        self, texts: list[Texts | None], formed: Callable[[int], _Laid], filters: Filters
    ) -> list[tuple[int, int]]:
        """Fill the filters, or say which values are not allowed: row, number of the field."""
        laid: list[Texts] = []
        wrong: dict[int, Sequence[int]] = {}
        for number, (forms, text) in enumerate(zip(self._forms, texts, strict=True)):
            if not forms.plain or text is None:
                text, wrong[number] = formed(number)
            laid.append(text)
        while not any(wrong.values()):
            try:
                self._kernel.encode(laid, filters)
            except OddDate as odd:
                laid[odd.field], wrong[odd.field] = formed(odd.field)
            else:
                return []
        for number in set(range(len(laid))) - wrong.keys():
            wrong[number] = formed(number)[1]  # a date of an earlier row may be wrong too
        return [(at, number) for number, rows in wrong.items() for at in rows]

    def close(self) -> None:
        """Nothing can be encoded afterwards. May be called twice."""
        self._kernel.close()
        for forms in self._forms:
            forms.clear()


def _rows(column: Column) -> int:
    return len(column.codes if isinstance(column, Coded) else column)


def _codes(column: Coded, block: slice) -> NDArray[np.int32]:
    return np.ascontiguousarray(column.codes[block], np.int32)
