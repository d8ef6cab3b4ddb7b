"""What the vectors of one linkage are made of: the document that both sides sign.

A record is one vector of small integers, cut into *blocks*. A block hashes one kind of token of one field (or of two
together) into a few columns. A *feature* compares a block of the left record with a block of the right one, as a dot
product; the score is the sum of the features, each times its weight, which is one dot product again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from exchange_node.encoding.errors import EncodingError

PRESENCE = "presence"
LANES = 64
"""Rows are padded to a multiple of this many columns."""
WIDEST = 4096
"""Columns of a vector at most. Where fields are very many each block has fewer."""
_NARROWEST = 0.6  # of a block: in fewer columns strangers agree too often by chance


@dataclass(frozen=True, slots=True)
class Block:
    """`tokens`: a tokeniser's name, or `presence`. `fields`: one, or several, each with its tokeniser in `tokens`, a
    space between two; the first token of each make one token together.

    Every token sets `hashes` of the block's `width` columns, chosen by a keyed hash under the block's `domain`: blocks
    of one domain place a token alike, so that they can be compared with each other. A record's part is scaled to the
    length `unit` (columns hold whole numbers), so no two records can agree by more than 1 in a feature.
    """

    name: str
    fields: tuple[str, ...]
    tokens: str
    width: int
    hashes: int
    unit: int
    domain: str


@dataclass(frozen=True, slots=True)
class Feature:
    """`pairs`: which block of the left record meets which of the right one; two pairs are a swap. `rarity`: what is
    shared counts by log(N / n) / log N of its frequency n among the N records on the right, so between 0 and 1.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    rarity: bool = False


@dataclass(frozen=True)
class VectorSchema:
    """Blocks in the order of their columns, and the features in the order of their weights."""

    blocks: tuple[Block, ...]
    features: tuple[Feature, ...]

    @cached_property
    def width(self) -> int:
        """Columns of a vector, padded."""
        return -(-sum(block.width for block in self.blocks) // LANES) * LANES

    @cached_property
    def start(self) -> dict[str, int]:
        """The first column of each block."""
        starts, at = {}, 0
        for block in self.blocks:
            starts[block.name] = at
            at += block.width
        return starts

    @cached_property
    def by_name(self) -> dict[str, Block]:
        """The blocks by name."""
        return {block.name: block for block in self.blocks}

    @property
    def fields(self) -> list[str]:
        """The fields that are compared."""
        return list(dict.fromkeys(field for block in self.blocks for field in block.fields))

    def to_json(self) -> dict[str, Any]:
        """The document."""
        return {
            "version": 1,
            "blocks": [asdict(b) for b in self.blocks],
            "features": [asdict(f) for f in self.features],
        }

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the document's canonical JSON."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True, separators=(",", ":")).encode()).digest()


def schema_for(kinds: Sequence[tuple[str, str]], *, within: bool = False) -> VectorSchema:
    """The blocks and features for these fields, (name, kind) as in `records/columns.py`. `within`: for a register held
    against itself, in blocks twice as wide: beside so few doubles, strangers who agree by chance weigh more.

    Raises EncodingError bad-schema: no field, or a kind that is none; too-many-fields.
    """
    blocks: list[Block] = []
    features: list[Feature] = []
    names = [name for name, _ in kinds]
    for name, kind in kinds:
        if kind not in _BLOCKS:
            raise EncodingError("bad-schema", f"{name}: unknown kind")
        blocks.append(Block(f"{name} {PRESENCE}", (name,), PRESENCE, 1, 1, 64, name))
        features.append(Feature(f"{name} compared", ((blocks[-1].name,) * 2,)))
        for tokens, width, hashes, unit, domain, plain, rare in _BLOCKS[kind]:
            block = Block(f"{name} {tokens}", (name,), tokens, width, hashes, unit, domain or f"{name} {tokens}")
            blocks.append(block)
            both = ((block.name, block.name),)
            features += [Feature(block.name, both)] * plain + [Feature(f"{block.name}, rare", both, True)] * rare
    if not blocks:
        raise EncodingError("bad-schema", "no field to compare")
    features += _crossed({block.name for block in blocks}, names)
    joined = [_joined(parts) for parts in _together(names, within)]
    blocks += joined
    if within:
        blocks = [block if block.tokens == PRESENCE else replace(block, width=2 * block.width) for block in blocks]
    features += [Feature(f"{block.name}, rare", ((block.name, block.name),), True) for block in joined]
    for one, other in combinations(joined, 2):
        if one.domain == other.domain:
            pair = (one.name, other.name)
            features.append(Feature(f"{one.name} as {other.name}", (pair, pair[::-1]), True))
    return VectorSchema(_narrowed(blocks), tuple(features))


def _narrowed(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks, all narrower alike where there are too many columns. Raises EncodingError
    too-many-fields.
    """
    columns = sum(block.width for block in blocks)
    if columns <= WIDEST:
        return tuple(blocks)
    share = (WIDEST - len(blocks)) / columns
    if share < _NARROWEST:
        raise EncodingError("too-many-fields", f"{columns} columns")
    return tuple(replace(block, width=max(1, int(block.width * share))) for block in blocks)


# tokens, width, hashes, unit, domain, plain feature, feature by rarity
_Shape = tuple[str, int, int, int, str, bool, bool]
_NAME: tuple[_Shape, ...] = (
    ("bigrams", 256, 1, 64, "name bigrams", True, True),
    ("words", 96, 2, 24, "name words", True, True),
    ("sounds", 64, 1, 24, "name sounds", True, False),
)
_BLOCKS: dict[str, tuple[_Shape, ...]] = {
    "name": _NAME,
    "date": (
        ("year", 100, 1, 24, "", True, False),
        ("year-digits", 20, 1, 24, "", True, False),
        ("month", 64, 1, 24, "day or month", True, False),
        ("day", 64, 1, 24, "day or month", True, False),
        ("month-day", 48, 1, 24, "", True, False),
        ("whole-date", 48, 2, 24, "", True, True),
    ),
    "sex": (("whole", 32, 1, 24, "", True, False),),
    "postcode": (
        ("whole", 48, 2, 24, "", True, True),
        ("sector", 32, 1, 24, "", True, False),
        ("district", 32, 1, 24, "", True, False),
        ("characters", 64, 1, 48, "", True, False),
    ),
    "address": (
        ("bigrams", 96, 1, 96, "", True, True),
        ("words", 64, 1, 48, "", False, True),
        ("number-word", 48, 2, 24, "", True, True),
    ),
    "place": (("bigrams", 48, 1, 48, "", True, False), ("whole", 32, 1, 24, "", True, True)),
    "number": (("whole", 48, 2, 24, "", True, True), ("characters", 64, 1, 64, "", True, False)),
    "text": (("bigrams", 64, 1, 64, "", True, False), ("words", 48, 2, 24, "", True, True)),
}
_Part = tuple[str, str]
"""A field and the tokeniser that gives its token."""
_WITHIN: tuple[tuple[_Part, _Part], ...] = (
    (("forename", "whole"), ("surname", "whole")),
    (("forename", "whole"), ("date_of_birth", "whole")),
)
_PERSON: tuple[_Part, ...] = (
    ("forename", "sounds"),
    ("surname", "sounds"),
    ("middle_names", "initials"),
    ("sex", "whole"),
    ("postcode", "whole"),
    ("address_line", "number-word"),
    ("town", "whole"),
)
_UNDATED: tuple[tuple[_Part, _Part], ...] = (
    *combinations(_PERSON, 2),
    (("forename", "initials"), ("surname", "whole")),
    (("surname", "initials"), ("forename", "whole")),
)


def _together(fields: Sequence[str], within: bool) -> Iterator[tuple[_Part, ...]]:
    """Fields that are worth more together, or less, than each alone. Between registers every two, but only where no
    birth date tells people from those whom they live with: surname and home, which a household shares, must not count
    twice, and forename and home must; and each of both names with the other's initial, since a relative shares one and
    seldom the initial, too. Doubles of one register share home and surname as a household does, and are told by others.
    """
    undated = () if "date_of_birth" in fields else _UNDATED
    for pair in _WITHIN if within else undated:
        if {field for field, _ in pair} <= set(fields):
            yield pair


def _joined(parts: tuple[_Part, ...]) -> Block:
    """Forename and surname are of one domain: who has them swapped still has both at the same home."""
    name = " and ".join(map(" ".join, parts))
    fields, tokens = zip(*parts, strict=True)
    domain = name.replace("forename", "name").replace("surname", "name")
    return Block(name, fields, " ".join(tokens), 48, 2, 24, domain)


def _crossed(blocks: set[str], fields: Sequence[str]) -> Iterator[Feature]:
    """What stands in the wrong field: names swapped, and day and month."""
    for one, other in (("forename", "surname"), ("forename", "middle_names")):
        for tokens, rarity in (("bigrams", False), ("words", True)):
            pair = (f"{one} {tokens}", f"{other} {tokens}")
            if blocks.issuperset(pair):
                yield Feature(f"{one} as {other}, {tokens}", (pair, pair[::-1]), rarity)
    for field in fields:
        pair = (f"{field} month", f"{field} day")
        if blocks.issuperset(pair):
            yield Feature(f"{field}, day and month swapped", (pair, pair[::-1]))
