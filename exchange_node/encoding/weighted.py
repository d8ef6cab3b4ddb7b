"""Evidence-weighted CLKs: filters in which a value sets as many bits as sharing it is evidence.

Filters, keys and hashes are those of clkhash; what is ours is the document, which cuts a value into several kinds of
tokens (`vector_tokens.py`), joins values of several fields, and says how the linkage unit is to compare. Its weights
are published, so nothing about the parties' files is in them:

    {"kind": "weighted-clk", "version": 1, "bits": 2048, "info": "a name for the keys",
     "compared": {"shorter": 4, "longer": 1},
     "features": [{"fields": ["surname"], "tokens": "bigrams", "bits": 100}, ...]}

`bits` of a feature are shared out among the tokens of a value, the first ones getting one more where that does not come
out even. `compared`: see `linkage.pairs.Measure`. Values of several fields are one token: `together` in their order, or
`either-way`, their words sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from clkhash.comparators import AbstractComparison, ExactComparison
from clkhash.field_formats import BitsPerFeatureStrategy, FieldHashingProperties, MissingValueSpec, StringSpec
from clkhash.schema import Schema

from exchange_node.encoding.vector_tokens import TOKENISERS
from exchange_node.kernels.clk import MOST_TOKENS
from exchange_node.records.columns import Column, Columns

KIND: Final = "weighted-clk"
TOGETHER, EITHER_WAY = "together", "either-way"
_MOST_FEATURES: Final = 100
_MOST_COUNTS: Final = 100  # as in kernels/dice.c


class Tokenised(AbstractComparison):  # type: ignore[misc]
    """One of our tokenisers, as clkhash asks for tokens."""

    def __init__(self, name: str) -> None:
        self.name = name

    def tokenize(self, word: str) -> list[str]:
        """At most MOST_TOKENS of them."""
        return TOKENISERS[self.name](word)[:MOST_TOKENS] if word else []


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of one feature come from."""

    fields: tuple[str, ...]
    sort: bool = False

    def join(self, values: Sequence[str]) -> str:
        """One text of the fields' values; "" if one is missing."""
        if len(values) == 1:
            return values[0]
        if not all(values):
            return ""
        joined = " ".join(values)
        return " ".join(sorted(joined.split())) if self.sort else joined

    def column(self, columns: Columns, rows: int) -> Column:
        """A whole register's values at once; a field that it lacks is missing in all rows."""
        if not all(field in columns for field in self.fields):
            return Column("", "text", [""], np.zeros(rows, np.int32))
        if len(self.fields) == 1:
            return columns[self.fields[0]]
        parts = [columns[field] for field in self.fields]
        together = np.zeros(rows, np.int64)
        for part in parts:
            together = together * len(part.values) + part.codes
        _, first, codes = np.unique(together, return_index=True, return_inverse=True)
        chosen = zip(*([part.values[code] for code in part.codes[first].tolist()] for part in parts), strict=True)
        return Column("", "text", ["", *map(self.join, chosen)], (codes + 1).astype(np.int32))


@dataclass(frozen=True, slots=True)
class Read:
    """What a document says. `compared`: what the bits of the shorter and of the longer of two filters count."""

    schema: Schema
    sources: tuple[Source, ...]
    compared: tuple[int, int]


def read(document: dict[str, Any]) -> Read:
    """Raises ValueError, TypeError, KeyError: not such a document."""
    if set(document) != {"kind", "version", "bits", "info", "compared", "features"} or document["version"] != 1:
        raise ValueError("other parts than such a document has")
    features, bits = document["features"], document["bits"]
    if not 1 <= len(features) <= _MOST_FEATURES or bits & (bits - 1):
        raise ValueError("features or bits")
    compared = document["compared"]["shorter"], document["compared"]["longer"]
    if not all(type(count) is int for count in compared) or not 1 <= compared[0] <= _MOST_COUNTS:
        raise ValueError("shorter")
    if not 0 <= compared[1] <= _MOST_COUNTS or len(document["compared"]) != 2:
        raise ValueError("longer")
    specs, sources = zip(*(_feature(feature, bits) for feature in features), strict=True)
    return Read(Schema(list(specs), bits, kdf_info=document["info"].encode("ascii")), sources, compared)


def _feature(feature: dict[str, Any], most: int) -> tuple[StringSpec, Source]:
    fields, tokens, bits = feature["fields"], feature["tokens"], feature["bits"]
    if len(feature) != 3 or type(bits) is not int or not 1 <= bits <= most:
        raise ValueError("a feature's parts")
    if not fields or not all(isinstance(field, str) and field for field in fields):
        raise ValueError("fields")
    if tokens not in ((TOGETHER, EITHER_WAY) if len(fields) > 1 else TOKENISERS):
        raise ValueError("tokens")
    comparison = ExactComparison() if len(fields) > 1 or tokens == "whole" else Tokenised(tokens)
    how = FieldHashingProperties(comparison, BitsPerFeatureStrategy(bits), missing_value=MissingValueSpec("", ""))
    return StringSpec(f"{' and '.join(fields)} {tokens}", how), Source(tuple(fields), tokens == EITHER_WAY)
