"""A field's values as the schema wants them hashed, laid out for `kernels/clk.c`; clkhash says what is allowed.

Names and plain dates the kernel takes as they are. What has to be asked of clkhash is asked once for each distinct
value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from clkhash.comparators import ExactComparison, NgramComparison
from clkhash.field_formats import BitsPerTokenStrategy, DateSpec, FieldHashingProperties, FieldSpec, StringSpec

from exchange_node.encoding.weighted import Tokenised
from exchange_node.kernels.clk import TOKENISERS, Cut, Field, Hash, Texts, split

_KEPT = 100_000  # distinct values of a field between two clearings


def allowed(field: FieldSpec, value: str) -> bool:
    """Whether the schema allows the value. What clkhash says about it quotes it, so that must not travel on."""
    try:
        field.validate(value)
        how = field.hashing_properties
        for token in how.comparator.tokenize(field.format_value(value)):
            token.encode(how.encoding)
    except (ValueError, OverflowError):
        return False
    return True


def as_they_are(values: Sequence[str]) -> Texts | None:
    """The values without looking at them; None if one has a NUL or half a character in it."""
    try:
        text = "\0".join(values).encode()
    except UnicodeEncodeError:
        return None
    ends = split(text, len(values)) if values else None
    return None if ends is None else Texts(text, ends, gap=1, formed=False)


class Forms:
    """What the values of one field become. Keeps values: let it live no longer than the encoder."""

    def __init__(self, field: FieldSpec) -> None:
        how: FieldHashingProperties = field.hashing_properties
        self.name: str = field.identifier
        self._field = field
        self._whole = type(how.comparator) is ExactComparison
        self._tokeniser = TOKENISERS.get(how.comparator.name) if type(how.comparator) is Tokenised else None
        known = self._whole or self._tokeniser is not None or type(how.comparator) is NgramComparison
        self._cut = not known or how.encoding not in _ONE_BY_ONE
        self._date = not self._cut and type(field) is DateSpec and field.format == "%Y-%m-%d" and _skips_missing(how)
        self.plain = self._date or (not self._cut and how.encoding == "utf-8" and _takes_everything(field))
        """Whether the kernel can take values as they are."""
        self._known = _Known(self._form)

    def for_kernel(self, keys: tuple[bytes, bytes]) -> Field:
        """What the kernel has to know."""
        how: FieldHashingProperties = self._field.hashing_properties
        ngrams = not self._cut and type(how.comparator) is NgramComparison
        cut = Cut.PACKED if self._cut else Cut.NGRAMS if ngrams else Cut.WHOLE if self._whole else Cut.TOKENISED
        kind = Hash.BLAKE
        if how.hash_type == "doubleHash":
            kind = Hash.DOUBLE_NOT_SINGULAR if how.prevent_singularity else Hash.DOUBLE
        return Field(
            date=self._date,
            cut=cut,
            n=how.comparator.n if ngrams else self._tokeniser or 0,
            positional=bool(ngrams and how.comparator.positional),
            hash=kind,
            each=isinstance(how.strategy, BitsPerTokenStrategy),
            bits=how.strategy.bits_per_token(1)[0],
            keys=keys,
        )

    def lay_out(self, values: Sequence[str]) -> tuple[Texts, list[int]]:
        """The values in the schema's form, and which of them it does not allow; those are laid out as empty."""
        if len(self._known) > _KEPT:
            self._known.clear()
        forms = list(map(self._known.__getitem__, values))
        wrong = [at for at, form in enumerate(forms) if form is None]
        made = [form or b"" for form in forms]
        ends = np.zeros(len(made) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, made), np.int64, len(made)), out=ends[1:])
        return Texts(b"".join(made), ends, gap=0, formed=True), wrong

    def clear(self) -> None:
        """Forget all values."""
        self._known.clear()

    def _form(self, value: str) -> bytes | None:
        """One value; None if the schema does not allow it."""
        if not allowed(self._field, value):
            return None
        how, form = self._field.hashing_properties, self._field.format_value(value)
        if not self._cut:
            return form.encode(how.encoding)  # type: ignore[no-any-return]
        tokens = [token.encode(how.encoding) for token in how.comparator.tokenize(form)]
        parts = [len(tokens).to_bytes(4, "little")] if tokens else []
        for token in tokens:
            parts += [len(token).to_bytes(4, "little"), token]
        return b"".join(parts)


_ONE_BY_ONE = ("utf-8", "ascii")
"""Encodings in which a text's bytes are its characters' bytes, and a character begins where UTF-8 says."""


class _Known(dict[str, bytes | None]):
    """Values and their forms; one that is not there yet is formed."""

    def __init__(self, form: Callable[[str], bytes | None]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, value: str) -> bytes | None:
        form = self[value] = self._form(value)
        return form


def _skips_missing(how: FieldHashingProperties) -> bool:
    """Whether nothing is hashed for an empty value, and no other one stands for it."""
    missing = how.missing_value
    return missing is not None and missing.sentinel == missing.replace_with == ""


def _takes_everything(field: FieldSpec) -> bool:
    """Whether every text is allowed and hashed as it is."""
    missing = field.hashing_properties.missing_value
    return (
        type(field) is StringSpec
        and not field.regex_based
        and (field.case, field.min_length or 0, field.max_length) == ("mixed", 0, None)
        and (missing is None or missing.sentinel == missing.replace_with)
    )
