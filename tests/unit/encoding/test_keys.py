from __future__ import annotations

import copy
import pickle

import pytest

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.keys import KeyContext, LinkageKey, TokenKey, agree_key, fresh_contribution

CONTEXT = KeyContext(b"d" * 32, "northgate-homes", "castle-nhs", b"s" * 32)


def test_both_sides_derive_the_same_key() -> None:
    one, two = fresh_contribution(), fresh_contribution()
    ours, theirs = agree_key(one, two, CONTEXT), agree_key(one, two, CONTEXT)
    assert ours == theirs
    assert ours.key_id() == theirs.key_id()
    assert len(ours.reveal()) == 32
    assert len(ours.key_id()) == 16
    stored = LinkageKey(ours.reveal(), ours.key_id())  # from the store, after a restart
    assert (stored, stored.key_id()) == (ours, ours.key_id())


@pytest.mark.parametrize(
    "other",
    [
        KeyContext(b"e" * 32, "northgate-homes", "castle-nhs", b"s" * 32),
        KeyContext(b"d" * 32, "northgate-home", "scastle-nhs", b"s" * 32),  # the same text, cut elsewhere
        KeyContext(b"d" * 32, "castle-nhs", "northgate-homes", b"s" * 32),
        KeyContext(b"d" * 32, "northgate-homes", "castle-nhs", b"t" * 32),
    ],
)
def test_every_part_of_the_context_is_bound(other: KeyContext) -> None:
    one, two = b"1" * 32, b"2" * 32
    assert agree_key(one, two, CONTEXT) != agree_key(one, two, other)
    assert agree_key(one, two, CONTEXT).key_id() != agree_key(one, two, other).key_id()


def test_both_parts_count_and_so_does_who_sent_which() -> None:
    keys = [
        agree_key(one, two, CONTEXT)
        for one, two in ((b"1" * 32, b"2" * 32), (b"2" * 32, b"1" * 32), (b"1" * 32, b"3" * 32))
    ]
    assert len({key.reveal() for key in keys}) == 3


@pytest.mark.parametrize(
    ("one", "two"), [(b"x" * 31, b"y" * 32), (b"x" * 32, b""), (bytes(32), b"y" * 32), (b"x" * 32, b"x" * 32)]
)
def test_a_short_empty_or_echoed_part_is_refused(one: bytes, two: bytes) -> None:
    with pytest.raises(EncodingError) as caught:
        agree_key(one, two, CONTEXT)
    assert caught.value.code == "encoding.bad-contribution"


def test_the_key_id_is_pinned() -> None:
    """Two releases that derive differently would fail every linkage: then the label must change."""
    assert agree_key(b"1" * 32, b"2" * 32, CONTEXT).key_id().hex() == "9d9eb95d3f8f56dd1512c44b0cf83185"


def test_a_secret_is_not_shown_pickled_copied_or_hashed() -> None:
    secret = TokenKey(b"\x41" * 32)
    assert "A" * 4 not in repr(secret) and "41" not in repr(secret)
    assert "AAAA" not in f"{secret}"
    for attempt in (
        lambda: pickle.dumps(secret),
        lambda: copy.copy(secret),
        lambda: copy.deepcopy(secret),
        lambda: hash(secret),
    ):
        with pytest.raises(TypeError):
            attempt()


def test_destroy_overwrites_the_buffer_and_ends_its_use() -> None:
    key = LinkageKey(b"k" * 32, b"i" * 16)
    buffer = key._bytes
    key.destroy()
    key.destroy()
    assert key.destroyed
    assert bytes(buffer) == bytes(32)
    with pytest.raises(EncodingError) as caught:
        key.reveal()
    assert caught.value.code == "encoding.key-destroyed"
