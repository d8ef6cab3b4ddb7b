"""DSSE: the specification's vectors, and what our stricter profile refuses."""

from __future__ import annotations

import json
from itertools import product

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from exchange_node.trust.documents import b64decode, b64encode, canonical
from exchange_node.trust.errors import TrustError
from exchange_node.trust.signing import (
    _SMALL_ORDER,
    Envelope,
    SigningKey,
    VerifyKey,
    pae,
    sign,
    verify,
    verify_threshold,
)

TYPE = "application/vnd.exchange.test+json"
KEYS = tuple(SigningKey.generate() for _ in range(3))
KNOWN = {key.key_id: key.verify_key for key in KEYS}

# RFC 8032, 7.1, TEST 1 and TEST 2; signatures and encodings: DSSE's testvectors/vectors.json.
SEED_A = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC_A = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
SEED_B = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
STATEMENT = b'{"_type":"https://in-toto.io/Statement/v1"}'
VECTORS = [
    (
        SEED_A,
        "application/vnd.in-toto+json",
        STATEMENT,
        "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==",
    ),
    (
        SEED_A,
        "application/vnd.ex\u00e4mple+json",
        STATEMENT,
        "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==",
    ),
    (
        SEED_A,
        "application/vnd.in-toto+json",
        b"",
        "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg==",
    ),
    (
        SEED_B,
        "application/vnd.in-toto+json",
        STATEMENT,
        "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw==",
    ),
]


def seeded(seed: str) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)))


def test_encoding_of_the_specification() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_signature_printed_in_the_specification_covers_our_encoding() -> None:
    curve = ec.SECP256R1()
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    raw = b64decode("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    key.verify(der, pae("http://example.com/HelloWorld", b"hello world"), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(("seed", "kind", "payload", "signature"), VECTORS)
def test_vectors(seed: str, kind: str, payload: bytes, signature: str) -> None:
    key = seeded(seed)
    assert b64encode(sign(kind, payload, key)) == signature
    verify(kind, payload, b64decode(signature), key.verify_key)
    with pytest.raises(TrustError, match="bad-signature"):
        verify("application/vnd.example.other+json", payload, b64decode(signature), key.verify_key)


def test_key_id_and_pem() -> None:
    key = seeded(SEED_A)
    assert key.public.hex() == PUBLIC_A
    assert key.key_id == "21fe31dfa154a261"  # printf of the public key | sha256sum
    again = SigningKey.from_pem(key.to_pem())
    assert again.public == key.public
    assert SEED_A not in repr(key)
    assert "object at" not in repr(key)


def test_only_ed25519_pem_is_taken() -> None:
    from exchange_node.trust.certificates import generate_key, key_to_pem

    for pem in (
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        key_to_pem(generate_key()),
    ):
        with pytest.raises(TrustError, match="bad-key"):
            SigningKey.from_pem(pem)


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Twisted Edwards addition on Ed25519's curve (RFC 8032, 5.1.4), in affine form."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    (x1, y1), (x2, y2) = a, b
    t = d * x1 * x2 * y1 * y2 % p
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, p) % p
    return x, (y1 * y2 + x1 * x2) * pow(1 - t, -1, p) % p


def test_list_of_small_orders_is_complete() -> None:
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    root = pow(2, (p - 1) // 4, p)
    ys: set[int] = set()
    # A point of order 8 is found from any point, by the cofactor-free part of the group order.
    order = 2**252 + 27742317777372353535851937790883648493
    y = 2
    while len(ys) < 5:
        y += 1
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        x = x if x * x % p == square else x * root % p
        if x * x % p != square:
            continue
        result, power, scalar = (0, 1), (x, y), order
        while scalar:
            if scalar & 1:
                result = add(result, power)
            power, scalar = add(power, power), scalar >> 1
        multiple = (0, 1)
        for _ in range(8):
            ys.add(multiple[1])
            multiple = add(multiple, result)
        assert multiple == (0, 1)
    assert ys | {p, p + 1} == _SMALL_ORDER


def test_small_order_keys_are_refused_because_one_signature_fits_all() -> None:
    identity = (1).to_bytes(32, "little")
    forged = identity + bytes(32)
    for message in (b"one", b"two"):
        Ed25519PublicKey.from_public_bytes(identity).verify(forged, message)  # OpenSSL does not mind
    for y, sign_bit in product(_SMALL_ORDER, (0, 1)):
        with pytest.raises(TrustError, match="bad-key"):
            VerifyKey((y | sign_bit << 255).to_bytes(32, "little"))
    for length in (0, 31, 33):
        with pytest.raises(TrustError, match="bad-key"):
            VerifyKey(bytes(range(length)))


def envelope(*keys: SigningKey, payload: bytes = b"{}") -> Envelope:
    made = Envelope(TYPE, payload)
    for key in keys:
        made = made.add_signature(key)
    return made


def test_envelope_survives_its_encoding_and_white_space() -> None:
    made = envelope(*KEYS)
    assert Envelope.parse(made.encode()) == made
    assert Envelope.parse(json.dumps(json.loads(made.encode()), indent=2).encode()) == made


def test_threshold() -> None:
    made = envelope(*KEYS[:2])
    assert verify_threshold(made, KNOWN, 2, payload_type=TYPE) == b"{}"
    with pytest.raises(TrustError, match="not-enough-signatures"):
        verify_threshold(made, KNOWN, 3, payload_type=TYPE)
    with pytest.raises(TrustError, match="wrong-type"):
        verify_threshold(made, KNOWN, 2, payload_type="application/vnd.exchange.other+json")
    for threshold in (0, -1):
        with pytest.raises(TrustError, match="not-enough-signatures"):
            verify_threshold(made, KNOWN, threshold, payload_type=TYPE)


def test_one_key_counts_once_however_it_is_dressed() -> None:
    made = envelope(KEYS[0])
    (entry,) = made.signatures
    twice = Envelope(TYPE, b"{}", (entry, entry))
    with pytest.raises(TrustError, match="not-enough-signatures"):
        verify_threshold(twice, KNOWN, 2, payload_type=TYPE)
    aliased = Envelope(TYPE, b"{}", (entry, ("0" * 16, entry[1])))
    with pytest.raises(TrustError, match="not-enough-signatures"):
        verify_threshold(aliased, {**KNOWN, "0" * 16: KEYS[0].verify_key}, 2, payload_type=TYPE)
    assert len(made.add_signature(KEYS[0]).signatures) == 1


def test_unknown_signatures_are_ignored_and_wrong_ones_are_not() -> None:
    stranger = SigningKey.generate()
    made = envelope(*KEYS[:2], stranger)
    assert verify_threshold(made, KNOWN, 2, payload_type=TYPE) == b"{}"
    wrong = Envelope(TYPE, b"{}", (*made.signatures, (KEYS[2].key_id, bytes(64))))
    with pytest.raises(TrustError, match="bad-signature"):
        verify_threshold(wrong, KNOWN, 2, payload_type=TYPE)
    with pytest.raises(TrustError, match="bad-signature"):
        verify_threshold(Envelope(TYPE, b"{ }", made.signatures), KNOWN, 1, payload_type=TYPE)


GOOD = json.loads(envelope(KEYS[0]).encode())
SIGNATURE = GOOD["signatures"][0]


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {**GOOD, "extra": 1},
        {**GOOD, "payload": None},
        {**GOOD, "payload": "e30"},  # no padding
        {**GOOD, "payload": "e31="},  # spare bits
        {**GOOD, "payload": "e3\n0="},
        {**GOOD, "payload": "-_-_Pj8="},  # URL-safe alphabet, which DSSE itself allows
        {**GOOD, "payload": "\u00e9"},
        {**GOOD, "payloadType": ""},
        {**GOOD, "payloadType": 1},
        {**GOOD, "payloadType": "x" * 201},
        {**GOOD, "signatures": []},
        {**GOOD, "signatures": [SIGNATURE] * 33},
        {**GOOD, "signatures": {}},
        {**GOOD, "signatures": ["x"]},
        {**GOOD, "signatures": [{"sig": SIGNATURE["sig"]}]},  # DSSE leaves the key id out at will
        {**GOOD, "signatures": [{**SIGNATURE, "keyid": "X" * 16}]},
        {**GOOD, "signatures": [{**SIGNATURE, "keyid": None}]},
        {**GOOD, "signatures": [{**SIGNATURE, "sig": 5}]},
        {**GOOD, "signatures": [{**SIGNATURE, "sig": "A" * 8196}]},
        {**GOOD, "signatures": [{**SIGNATURE, "sig": "*"}]},
        {**GOOD, "signatures": [{**SIGNATURE, "cert": "x"}]},
    ],
)
def test_envelopes_that_are_refused(value: object) -> None:
    with pytest.raises(TrustError, match="malformed"):
        Envelope.parse(canonical(value))


def test_envelope_too_large() -> None:
    with pytest.raises(TrustError, match="too-large"):
        Envelope.parse(envelope(KEYS[0], payload=b"x" * 100).encode(), max_bytes=100)
