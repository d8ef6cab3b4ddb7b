"""A trial that can go on: `standing.npz` in its folder, and what has changed in the files since.

The file holds no value of a person: what was learned, a keyed digest of each row's id and of its contents, and pairs of
row numbers. The key is in it, too, since whoever goes on must know rows again; so whoever has the file and guesses all
of a row's values can tell whether it was there. It is for its owner alone.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import schema_for
from exchange_node.encoding.vectors import Weights
from exchange_node.engine.decide import curve
from exchange_node.engine.incremental import Change, Register, Search, Standing
from exchange_node.engine.link import Links, secret_of
from exchange_node.engine.search import Found, Plan, Side
from exchange_node.kernels import greedy
from exchange_node.records.columns import Columns
from exchange_node.records.errors import RecordsError
from exchange_node.trial.files import whole_file

NAME: Final = "standing.npz"
_FORM: Final = 3
_WIDTH: Final = 16  # bytes of a digest
Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, repr=False)
class Rows:
    """One file's rows: `ids`, by which a row is known again, each once, and a digest of the `contents` of each."""

    ids: list[bytes]
    contents: list[bytes]

    @classmethod
    def of(cls, columns: Columns, names: Sequence[str] | None, key: bytes) -> Rows:
        """`names`: an id of each row's own, or rows are known by their contents, and equal ones by their order.

        Raises RecordsError("ids-doubled"): an id is missing or there twice.
        """
        keyed = hashlib.blake2b(key=key, digest_size=_WIDTH)
        contents = [_digest(keyed, cells) for cells in _cells(columns)]
        if names is None:
            seen: dict[bytes, int] = {}
            for at, digest in enumerate(contents):
                seen[digest] = number = seen.get(digest, -1) + 1
                contents[at] = _digest(keyed, [digest.hex(), str(number)]) if number else digest
            return cls(contents, contents)
        ids = [_digest(keyed, ["id", name.strip()]) for name in names]
        if len(set(ids)) < len(ids) or not all(name.strip() for name in names):
            raise RecordsError("ids-doubled", f"{len(ids) - len(set(ids))} rows with the id of another, or none")
        return cls(ids, contents)


def _cells(columns: Columns) -> list[tuple[str, ...]]:
    """All standardised values of each row."""
    texts = ([column.values[code] for code in column.codes] for column in columns.values())
    return list(zip(*texts, strict=True))


def _digest(keyed: hashlib.blake2b, texts: Sequence[str]) -> bytes:
    one = keyed.copy()
    one.update(json.dumps(texts).encode())
    return one.digest()


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What is in the file. `fields`: (name, kind); `curve`: of probabilities by score; `pairs`: by row numbers;
    `by_id`: whether rows have ids of their own.
    """

    key: bytes
    fields: list[tuple[str, str]]
    seed: int
    search: Search
    curve: tuple[float, float]
    rows: tuple[Rows, Rows]
    pairs: Found
    apart: set[Pair]
    by_id: bool

    def links(self) -> set[Pair]:
        """One-to-one links, by ids."""
        left, right = (side.ids for side in self.rows)
        pairs = [(left[a], right[b]) for a, b in zip(self.pairs.left, self.pairs.right, strict=True)]
        open_to = self.pairs.only(np.array([pair not in self.apart for pair in pairs], np.bool_))
        taken = open_to.only(greedy.take(open_to.left.astype(np.uint32), open_to.right.astype(np.uint32)))
        return {(left[a], right[b]) for a, b in zip(taken.left, taken.right, strict=True)}


def begin(
    links: Links, sides: tuple[Columns, Columns], ids: Sequence[Sequence[str]] | None, seed: int, kernel: str
) -> Kept:
    """From a linkage; a new key. Costs one more search. Raises RecordsError("ids-doubled")."""
    key = secrets.token_bytes(32)
    left, right = (Rows.of(columns, ids[at] if ids is not None else None, key) for at, columns in enumerate(sides))
    standing = Standing.of(links, left.ids, right.ids, kernel)
    fields: list[tuple[str, str]] = [(name, column.kind) for name, column in sides[0].items()]
    of_scores = curve(links.estimate)
    return Kept(key, fields, seed, standing.search, of_scores, (left, right), standing.pairs, set(), ids is not None)


def write(path: Path, kept: Kept) -> None:
    """Readable by its owner alone; there whole or not at all."""
    search = kept.search
    told = {
        "form": _FORM,
        "fields": kept.fields,
        "vectors": schema_for(kept.fields).digest.hex(),
        "seed": kept.seed,
        "least": search.least,
        "most": search.most,
        "keys": search.plan.keys,
        "cap": search.plan.cap,
        "curve": kept.curve,
        "constant": search.weights.constant,
        "by_id": kept.by_id,
    }
    arrays: dict[str, NDArray[Any]] = {
        "told": np.frombuffer(json.dumps(told).encode(), np.uint8),
        "key": np.frombuffer(kept.key, np.uint8),
        "weights": search.weights.features,
        "scores": kept.pairs.scores,
        "left": kept.pairs.left,
        "right": kept.pairs.right,
        "apart": _packed([digest for pair in sorted(kept.apart) for digest in pair]),
    }
    for side, rows in zip("ab", kept.rows, strict=True):
        arrays |= {f"ids_{side}": _packed(rows.ids), f"contents_{side}": _packed(rows.contents)}
    with whole_file(path, 0o600) as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def read(path: Path) -> Kept:
    """Raises RecordsError: file-missing, since."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        return _kept(arrays)
    except OSError:
        raise RecordsError("file-missing", str(path)) from None
    except Exception:  # whatever a damaged archive makes of itself
        raise RecordsError("since", f"{path} is damaged or of another version") from None


def _kept(arrays: Mapping[str, NDArray[Any]]) -> Kept:
    told = json.loads(arrays["told"].tobytes())
    if told["form"] != _FORM:
        raise ValueError("form")
    fields = [(str(name), str(kind)) for name, kind in told["fields"]]
    if told["vectors"] != schema_for(fields).digest.hex():  # weights are of other features
        raise ValueError("vectors")
    keys = tuple(tuple((str(field), str(part)) for field, part in key) for key in told["keys"])
    weights = Weights(arrays["weights"].astype(np.float64), float(told["constant"]))
    search = Search(weights, Plan(keys, int(told["cap"])), float(told["least"]), int(told["most"]))
    left, right = (Rows(_digests(arrays[f"ids_{side}"]), _digests(arrays[f"contents_{side}"])) for side in "ab")
    pairs = Found(arrays["scores"], arrays["left"], arrays["right"], 0)
    if len(pairs) and (pairs.left.max() >= len(left.ids) or pairs.right.max() >= len(right.ids)):
        raise ValueError("rows")
    apart = _digests(arrays["apart"])
    return Kept(
        arrays["key"].tobytes(), fields, int(told["seed"]), search,
        (float(told["curve"][0]), float(told["curve"][1])), (left, right), pairs,
        set(zip(apart[::2], apart[1::2], strict=True)), bool(told["by_id"]),
    )  # fmt: skip


def _packed(digests: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _WIDTH)


def _digests(packed: NDArray[np.uint8]) -> list[bytes]:
    return [row.tobytes() for row in packed]


@dataclass(frozen=True, slots=True)
class Changes:
    """Of one file: how many rows are as they were, new, different under the same id, and gone."""

    same: int
    new: int
    changed: int
    gone: int


def go_on(
    kept: Kept,
    sides: tuple[Columns, Columns],
    ids: Sequence[Sequence[str]] | None,
    kernel: str,
    apart: Sequence[tuple[int, int]] = (),
) -> tuple[Kept, Found, tuple[Changes, Changes]]:
    """What is to be kept now, the links, and what has changed. Rows are those of the files as they are now; `apart`:
    pairs of them that are not one person.

    Raises RecordsError: since, where the files are no longer comparable; ids-doubled.
    """
    fields = [(name, column.kind) for name, column in sides[0].items()]
    if fields != kept.fields or (ids is not None) != kept.by_id:
        raise RecordsError("since", "other fields, or rows known by another id")
    now = tuple(Rows.of(columns, ids[at] if ids is not None else None, kept.key) for at, columns in enumerate(sides))
    search = replace(kept.search, kernel=kernel)
    schema = schema_for([(name, column.kind) for name, column in sides[0].items()])
    registers, fresh, changes, renumbered = [], [], [], []
    for before, rows, columns in zip(kept.rows, now, sides, strict=True):
        same, old, new = _compared(before, rows)
        if len(same) < 2:
            raise RecordsError("since", "hardly a row is as it was")
        side = Side.of(schema, {name: column.take(same) for name, column in columns.items()}, secret_of(kept.seed))
        registers.append(Register.of(side, [rows.ids[row] for row in same]))
        ids_of_new = [rows.ids[row] for row in new]
        fresh.append(Change((), ids_of_new, {name: column.take(new) for name, column in columns.items()}))
        changed = len(set(ids_of_new) & set(before.ids))
        changes.append(Changes(len(same), len(new) - changed, changed, len(before.ids) - len(same) - changed))
        renumbered.append(np.full(len(before.ids), -1, np.int64))
        renumbered[-1][old] = np.arange(len(old))
    pairs, again = _renumbered(kept.pairs, renumbered, search.most)
    standing = Standing(search, registers[0], registers[1], pairs, again)
    standing.apart = kept.apart | {(now[0].ids[a], now[1].ids[b]) for a, b in apart}
    standing.update(*fresh)
    of_now = [_places(rows.ids, register.ids) for rows, register in zip(now, registers, strict=True)]
    pairs = _moved(standing.pairs, of_now)
    kept = replace(kept, search=search, rows=(now[0], now[1]), pairs=pairs, apart=standing.apart)
    return kept, _moved(standing.links(), of_now), (changes[0], changes[1])


def _compared(before: Rows, now: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are as they were, where they stood before, in that order, and rows that are new or different."""
    places = {id: row for row, id in enumerate(now.ids)}
    old = [row for row, id in enumerate(before.ids)
           if (at := places.get(id)) is not None and now.contents[at] == before.contents[row]]  # fmt: skip
    same = np.array([places[before.ids[row]] for row in old], np.int64)
    new = np.setdiff1d(np.arange(len(now.ids)), same)
    return same, np.array(old, np.int64), new


def _renumbered(pairs: Found, numbers: Sequence[NDArray[np.int64]], most: int) -> tuple[Found, NDArray[np.int64]]:
    """Pairs of rows that are still there, and left rows that had as many as are kept and lost some."""
    left, right = numbers[0][pairs.left], numbers[1][pairs.right]
    there = (left >= 0) & (right >= 0)
    full = np.bincount(pairs.left, minlength=len(numbers[0]))[pairs.left] >= most
    again = np.unique(left[(left >= 0) & ~there & full])
    return Found(pairs.scores[there], left[there], right[there], 0), again


def _places(ids: Sequence[bytes], known: Sequence[bytes]) -> NDArray[np.int64]:
    places = {id: row for row, id in enumerate(ids)}
    return np.array([places[id] for id in known], np.int64)


def _moved(found: Found, rows: Sequence[NDArray[np.int64]]) -> Found:
    return Found(found.scores, rows[0][found.left], rows[1][found.right], found.compared)
