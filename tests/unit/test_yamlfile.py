"""The YAML that officers may write: one meaning, bounded, and errors that repeat nothing."""

from __future__ import annotations

import pytest

from exchange_node.yamlfile import MAX_BYTES, MAX_DEPTH, read_yaml


def test_plain_values() -> None:
    text = b"a: 1\nb: [x, 'y', -2]\nc: {d: true, e: false}\nf:\ng: 2026-01-31\non: no\n"
    assert read_yaml(text) == {
        "a": 1,
        "b": ["x", "y", -2],
        "c": {"d": True, "e": False},
        "f": None,
        "g": "2026-01-31",
        "on": "no",
    }


def test_json_is_yaml() -> None:
    assert read_yaml(b'{"a": [1, "2", null, true]}') == {"a": [1, "2", None, True]}


@pytest.mark.parametrize("text", [b"a: 1.5", b"a: 0x1f", b"a: 1_000", b"a: 12:30", b"a: .inf", b"a: 1e3", b"a: 010"])
def test_what_looks_like_another_type_stays_text(text: bytes) -> None:
    value = read_yaml(text)["a"]
    assert value == text.decode()[3:]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"a: 1\nb: 2\na: 3\n", "line 3: the same key twice"),
        (b"a: {b: 1, b: 2}", "line 1: the same key twice"),
        (b"a: &x [1]\nb: *x\n", "line 1: anchors and aliases are not allowed"),
        (b"a: *x", "line 1: anchors and aliases are not allowed"),
        (b"1: a", "line 1: a key that is not plain text"),
        (b"? [a]\n: b", "line 1: a key that is not plain text"),
        (b"a: !!python/object/apply:os.system [ls]", "line 1: tags are not allowed"),
        (b"a: !secret Quillfeather", "line 1: tags are not allowed"),
        (b"a: [1", "not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"<<: {a: 1}", None),
        (b"a: \xff", "not UTF-8 text"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels"),
        (b"[" * 100_000, f"more than {MAX_DEPTH} levels"),
        (b" " * (MAX_BYTES + 1), f"larger than {MAX_BYTES} bytes"),
        (b"a: \x00", "not valid YAML"),
    ],
)
def test_refusals_name_line_and_rule(text: bytes, says: str | None) -> None:
    if says is None:  # a merge key is an ordinary key here
        assert read_yaml(text) == {"<<": {"a": 1}}
        return
    with pytest.raises(ValueError) as caught:
        read_yaml(text)
    assert says in str(caught.value)
    assert "Quillfeather" not in str(caught.value)
