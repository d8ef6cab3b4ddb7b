"""clkhash 0.18.3 asks for cryptography 40 and bitarray 2, which are out of support; we run it with newer ones.

The digest below was made in an environment of exactly the releases that clkhash asks for (cryptography 40.0.2,
bitarray 2.9.3). As long as it comes out here, overriding clkhash's pins changes no encoding. See docs/adr/0005.
"""

from __future__ import annotations

import hashlib
import random

from clkhash.clk import generate_clks
from clkhash.schema import from_json_dict

AS_PINNED = "46fa9f3b18725a8555aaeffb058447a7aa24c48a87cb18126d44057dda60b338"

COMPARISONS = {
    "name": {"type": "ngram", "n": 2},
    "born": {"type": "ngram", "n": 1, "positional": True},
    "postcode": {"type": "ngram", "n": 2, "positional": True},
    "sex": {"type": "exact"},
    "height": {"type": "numeric", "resolution": 5, "thresholdDistance": 10, "fractionPrecision": 0},
}
FORMATS = {
    "born": {"type": "date", "format": "%Y-%m-%d"},
    "sex": {"type": "enum", "values": ["f", "m", "x"]},
    "height": {"type": "integer"},
}


def linkage_schema() -> dict[str, object]:
    """A schema of version 3 with every comparison and both hash functions that schemas here may name."""
    features = [
        {
            "identifier": name,
            "format": FORMATS.get(name, {"type": "string", "encoding": "utf-8"}),
            "hashing": {
                "comparison": comparison,
                "strategy": {"bitsPerFeature": 100} if name == "name" else {"bitsPerToken": 12},
                "hash": {"type": "doubleHash" if name == "postcode" else "blakeHash"},
            },
        }
        for name, comparison in COMPARISONS.items()
    ]
    salt = "c2VydmVzIG5vIHNlY3JldA=="
    kdf = {"type": "HKDF", "hash": "SHA256", "salt": salt, "info": "", "keySize": 64}
    return {"version": 3, "clkConfig": {"l": 1024, "xor_folds": 0, "kdf": kdf}, "features": features}


def people(count: int) -> list[list[str]]:
    """Invented records, the same on every machine."""
    chance = random.Random(20261123)
    letters = "abcdefghijklmnopqrstuvwxyzéø '-"

    def word(least: int, most: int) -> str:
        return "".join(chance.choice(letters) for _ in range(chance.randint(least, most)))

    return [
        [
            word(3, 30),
            f"{chance.randint(1930, 2020)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            f"zz{chance.randint(1, 99)} {chance.randint(1, 9)}{word(2, 2)}",
            chance.choice("fmx"),
            str(chance.randint(40, 210)),
        ]
        for _ in range(count)
    ]


def test_encodings_are_those_of_the_releases_that_clkhash_asks_for() -> None:
    encodings = generate_clks(people(500), from_json_dict(linkage_schema()), b"no secret at all", max_workers=1)
    assert hashlib.sha256(b"".join(clk.tobytes() for clk in encodings)).hexdigest() == AS_PINNED
