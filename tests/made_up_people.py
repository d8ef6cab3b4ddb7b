"""Made-up people for tests of encoding and linkage, with typing errors on demand."""

from __future__ import annotations

import random
from types import SimpleNamespace

from exchange_node.encoding.encode import ChunkSink
from exchange_node.encoding.keys import KeyContext, LinkageKey, TokenKey, agree_key
from exchange_node.encoding.schema import load_schema
from exchange_node.records.model import FIELDS, StandardRecord

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SCHEMA = load_schema()


def word(rng: random.Random, low: int, high: int) -> str:
    """Syllables, so that the same pairs of letters come back as they do in names."""
    syllables = "".join(rng.choice("bcdfghjklmnprstw") + rng.choice("aeiou") for _ in range(high))
    return syllables[: rng.randint(low, high)]


_NAMES = random.Random(0)
FORENAMES = [word(_NAMES, 3, 8) for _ in range(400)]
SURNAMES = [word(_NAMES, 4, 9) for _ in range(2000)]


def record(local_id: str, **fields: str) -> StandardRecord:
    return StandardRecord(local_id, {name: "" for name in FIELDS} | fields)


def people(count: int, seed: int, prefix: str = "p") -> list[StandardRecord]:
    rng = random.Random(seed)
    return [
        record(
            f"{prefix}{index}",
            forename=rng.choice(FORENAMES),
            surname=rng.choice(SURNAMES),
            date_of_birth=f"{rng.randint(1930, 2015)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            sex=rng.choice("fm"),
            postcode=f"{rng.choice('ABCD')}{rng.choice('ABCD')}{rng.randint(1, 19)} {rng.randint(1, 9)}"
            f"{rng.choice('ABDEFG')}{rng.choice('HJLNPQ')}",
        )
        for index in range(count)
    ]


def with_errors(person: StandardRecord, local_id: str, rng: random.Random, rate: float) -> StandardRecord:
    """The same person in another register: typing errors, a missing field, a move, each at about `rate`."""
    fields = dict(person.fields)
    for name in ("forename", "surname"):
        if rng.random() < rate and len(fields[name]) > 2:
            at = rng.randrange(len(fields[name]))
            fields[name] = fields[name][:at] + rng.choice(LETTERS) + fields[name][at + 1 :]
    if rng.random() < rate / 2:
        fields["date_of_birth"] = fields["date_of_birth"][:-1] + rng.choice("12345678")
    if rng.random() < rate:
        fields["postcode"] = people(1, rng.randrange(10**9))[0].fields["postcode"]
    if rng.random() < rate / 2:
        fields[rng.choice(("sex", "postcode", "forename"))] = ""
    return StandardRecord(local_id, fields)


def two_registers(
    left: int, right: int, shared: int, seed: int, rate: float = 0.1
) -> tuple[list[StandardRecord], list[StandardRecord]]:
    """Two registers; row i < shared of both is the same person, with ids `a<i>` and `b<i>`."""
    rng = random.Random(seed)
    everyone = people(left + right - shared, seed)
    ours = [StandardRecord(f"a{index}", person.fields) for index, person in enumerate(everyone[:left])]
    theirs = [with_errors(person, f"b{index}", rng, rate) for index, person in enumerate(everyone[:shared])]
    theirs += [StandardRecord(f"b{shared + index}", person.fields) for index, person in enumerate(everyone[left:])]
    return ours, theirs


def key(seed: str = "one") -> LinkageKey:
    """A fixed linkage key; different seeds are different requests."""
    context = KeyContext(seed.encode().ljust(32, b"."), "northgate-homes", "castle-nhs", SCHEMA.digest)
    return agree_key(b"R" * 32, b"P" * 32, context)


def token_key(letter: str) -> TokenKey:
    return TokenKey(letter.encode() * 32)


def into(chunks: list[bytes]) -> ChunkSink:
    return lambda _, chunk: chunks.append(chunk)


def order(**changes: object) -> SimpleNamespace:
    values = {
        "schema_digest": SCHEMA.digest,
        "threshold_bp": 8000,
        "max_links": 100_000,
        "count_mode": "exact",
    }
    return SimpleNamespace(**(values | changes))
