"""A cohort's condition on the agency's own columns: a small grammar, no code.

    damp_reported = yes and (bedrooms >= 2 or not tenure = 'shared ownership') and moved is not missing

A column is a word or stands in double quotes; a value is a word, a number, a date (YYYY-MM-DD), yes or no,
or stands in single quotes. A missing value meets neither a comparison nor its opposite.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from exchange_node.records.errors import RecordsError
from exchange_node.records.standardise import Note, ignore
from exchange_node.records.values import Value, ValueType, read_value

MAX_LENGTH: Final = 2000
MAX_DEPTH: Final = 50
_MAX_VALUE: Final = 1000

ReadDate = Callable[[str, Note], str]
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED: Final = frozenset(("integer", "date"))
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<op><=|>=|!=|=|<|>)|(?P<bracket>[()])"
    r"""|'(?P<text>[^']*)'|"(?P<column>[^"]*)"|(?P<word>[^\s()<>=!'"]+))"""
)
_KEYWORDS: Final = frozenset(("and", "or", "not", "is", "missing"))


class Condition(Protocol):
    """A parsed condition. Its columns have types only once it is bound."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns it reads."""
        ...

    def bind(self, types: Mapping[str, ValueType], read_date: ReadDate) -> Condition:
        """The same with its values read as their columns' types.

        Raises RecordsError: condition, condition-column.
        """
        ...

    def evaluate(self, values: Mapping[str, Value]) -> bool | None:
        """Whether it holds; None where a missing value leaves that open."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Compare:
    """column operator value."""

    column: str
    symbol: str
    text: str
    position: int
    value: Value = None

    @property
    def columns(self) -> frozenset[str]:
        return frozenset((self.column,))

    def bind(self, types: Mapping[str, ValueType], read_date: ReadDate) -> Condition:
        kind = _type_of(self.column, types, self.position)
        if self.symbol not in ("=", "!=") and kind not in _ORDERED:
            raise _error(self.position, f"a column of type {kind} takes = and != only")
        value = read_value(kind, self.text, read_date, _MAX_VALUE, ignore)
        if value is None:
            raise _error(self.position, f"the column is of type {kind}, the value is not")
        return replace(self, value=_folded(value))

    def evaluate(self, values: Mapping[str, Value]) -> bool | None:
        found = values[self.column]
        return None if found is None else _OPERATORS[self.symbol](_folded(found), self.value)


@dataclass(frozen=True, slots=True, repr=False)
class IsMissing:
    """column is missing."""

    column: str
    position: int

    @property
    def columns(self) -> frozenset[str]:
        return frozenset((self.column,))

    def bind(self, types: Mapping[str, ValueType], read_date: ReadDate) -> Condition:
        _type_of(self.column, types, self.position)
        return self

    def evaluate(self, values: Mapping[str, Value]) -> bool | None:
        return values[self.column] is None


@dataclass(frozen=True, slots=True, repr=False)
class Not:
    """not inner."""

    inner: Condition

    @property
    def columns(self) -> frozenset[str]:
        return self.inner.columns

    def bind(self, types: Mapping[str, ValueType], read_date: ReadDate) -> Condition:
        return Not(self.inner.bind(types, read_date))

    def evaluate(self, values: Mapping[str, Value]) -> bool | None:
        inner = self.inner.evaluate(values)
        return None if inner is None else not inner


@dataclass(frozen=True, slots=True, repr=False)
class Joined:
    """Conditions joined by `and` or by `or`; `decisive` is the answer that one of them alone settles."""

    parts: tuple[Condition, ...]
    decisive: bool

    @property
    def columns(self) -> frozenset[str]:
        return frozenset().union(*(part.columns for part in self.parts))

    def bind(self, types: Mapping[str, ValueType], read_date: ReadDate) -> Condition:
        return Joined(tuple(part.bind(types, read_date) for part in self.parts), self.decisive)

    def evaluate(self, values: Mapping[str, Value]) -> bool | None:
        answers = [part.evaluate(values) for part in self.parts]
        if self.decisive in answers:
            return self.decisive
        return None if None in answers else not self.decisive


def parse_condition(text: str) -> Condition:
    """Raises RecordsError("condition") with the character, counted from 1, at which reading stopped."""
    if len(text) > MAX_LENGTH:
        raise RecordsError("condition", f"longer than {MAX_LENGTH} characters")
    parser = _Parser(_tokens(text), len(text.rstrip()) + 1)
    condition = parser.any_of()
    if parser.kind != "end":
        raise parser.error("and, or, or the end is expected")
    return condition


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    kind: str
    text: str
    position: int


def _tokens(text: str) -> list[_Token]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            blank = len(text[at:]) - len(text[at:].lstrip())
            raise _error(at + blank + 1, "this cannot stand here; is a quote open?")
        kind, word = match.lastgroup, match[match.lastgroup]
        start = match.start(match.lastgroup) + 1 - (kind in ("text", "column"))
        if kind == "word" and word.lower() in _KEYWORDS:
            kind, word = word.lower(), word.lower()
        tokens.append(_Token(word if kind == "bracket" else kind, word, start))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens, one method for each level of binding."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = [*tokens, _Token("end", "", end)]
        self._at = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at].kind

    def error(self, expected: str) -> RecordsError:
        return _error(self._tokens[self._at].position, expected)

    def _take(self, *kinds: str) -> _Token | None:
        token = self._tokens[self._at]
        if token.kind not in kinds:
            return None
        self._at += 1
        return token

    def _need(self, expected: str, *kinds: str) -> _Token:
        token = self._take(*kinds)
        if token is None:
            raise self.error(expected)
        return token

    def any_of(self) -> Condition:
        return self._joined("or", self._all_of, decisive=True)

    def _all_of(self) -> Condition:
        return self._joined("and", self._negated, decisive=False)

    def _joined(self, word: str, part: Callable[[], Condition], *, decisive: bool) -> Condition:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), decisive)

    def _negated(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} parentheses or nots within one another")
        try:
            if self._take("not"):
                return Not(self._negated())
            if self._take("("):
                inner = self.any_of()
                self._need("a closing parenthesis is expected", ")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        column = self._need("a column is expected", "word", "column")
        if self._take("is"):
            negated = self._take("not")
            self._need("the word missing is expected", "missing")
            missing = IsMissing(column.text, column.position)
            return Not(missing) if negated else missing
        symbol = self._need("one of = != < <= > >= is expected, or is missing", "op")
        value = self._need("a value is expected, in single quotes if it is more than a word", "word", "text")
        return Compare(column.text, symbol.text, value.text, column.position)


def _type_of(column: str, types: Mapping[str, ValueType], position: int) -> ValueType:
    kind = types.get(column)
    if kind is None:
        raise RecordsError(
            "condition-column", f"at character {position}; there are {', '.join(sorted(types)) or 'none'}"
        )
    return kind


def _folded(value: Value) -> Value:
    """Texts compare without regard to case."""
    return value.casefold() if isinstance(value, str) else value


def _error(position: int, problem: str) -> RecordsError:
    return RecordsError("condition", f"at character {position}: {problem}")
