"""What a column's name says it holds, whole or in part."""

from __future__ import annotations

import re
from typing import Final

from exchange_node.records.header_words import BIRTH, ID_WORDS, IDLE, OTHERS, PATTERNS, ROW_ID, TRUTH, VAGUE, word_set
from exchange_node.records.romanise import romanise
from exchange_node.records.standardise import ascii_lower

_WORDS: Final = re.compile(r"[a-z]+|\d+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PARENTHESES: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_POSSESSIVE: Final = re.compile(r"['\u2019]s\b", re.I)
_PLACES: Final = frozenset(("town", "locality", "state", "country"))
_RULES: Final = tuple((role, re.compile("|".join(PATTERNS[role].split()))) for role in PATTERNS)


def _bare(word: str) -> str:
    """The word as those abbreviate who leave out vowels: `srnm`, `pstcd`."""
    return word[0] + re.sub(r"[aeiou]|(.)(?=\1)", "", word[1:])


_ABBREVIATED: Final = {
    _bare(word): word
    for word in word_set(
        """
        surname forename name gender birth postcode town street family given first last middle address mobile
        telephone email county
        """
    )
}


def words(name: str) -> list[str]:
    """A column's name as lower-case words and numbers: `DateOfBirth`, `date_of_birth`, `DATE OF BIRTH` are alike."""
    name = _POSSESSIVE.sub("", name)  # of `Child's name` no s is left, which is short for a surname
    outside = _PARENTHESES.sub(" ", name)
    return _WORDS.findall(romanise(ascii_lower(_CAMEL.sub(" ", outside if outside.strip() else name))))


def letters(name: str) -> list[str]:
    """The words without the numbers."""
    return [word for word in words(name) if not word.isdigit()]


def plain(name: str) -> str:
    """The name in a form in which two registers can be compared: words joined by `_`; "" if it has none."""
    return "_".join(words(name))


def is_idle(name: str) -> bool:
    """Whether it only says whose the column is, or that it is one: `Patient`, `Current value`."""
    found = words(name)
    return bool(found) and IDLE.issuperset(found)


def role_of(name: str) -> str:
    """The first of `roles_of`; "" if the name tells nothing."""
    return next(iter(roles_of(name)), "")


def roles_of(name: str) -> list[str]:
    """The field, or the part of one, that a column's name speaks of; of names with several meanings (`mob`: mobile, or
    month of birth) all, for the cells to choose from.

    Besides the fields of a register: `full_name`, `nom` (a surname beside a prénom), `surname2`, `birth_year`,
    `birth_month`, `birth_day`, `age`, `title`, `house_number`, `house_name`, `unit`, `street`, `street_before`,
    `street_after`, `address_more`, `locality`, `postcode_town`, `country`; `truth`, `row-id`, and `other` for
    what tells of someone or somewhere else.
    """
    found = words(name)
    joined = "".join(found)
    if joined in TRUTH:
        return ["truth"]
    if joined in ROW_ID:
        return ["row-id"]
    roles = _matches(joined)
    if roles:
        return roles
    if OTHERS.intersection(found):
        return ["other"]
    rest = [_ABBREVIATED.get(word, word) for word in found if word not in ("of", "the", "de", "la", "du")]
    busy = [word for word in rest if word not in IDLE]
    roles = _matches("".join(rest)) or (_matches("".join(busy)) if busy else [])
    if roles:
        return roles
    if found and (found[-1] in ID_WORDS or found[0] in ("uuid", "guid")):
        return ["row-id"]
    return []


def hints_of(name: str) -> list[str]:
    """What a part of the name speaks of where the whole is not known (`PT_SURNAME`, `Off DOB`): the words that stand
    last come first, more words before fewer.
    """
    found = [_ABBREVIATED.get(word, word) for word in words(name)]
    if OTHERS.intersection(found):
        return []
    last = max((at for at, word in enumerate(found, 1) if not word.isdigit()), default=0)
    heads = {*range(last, len(found) + 1), found.index("of") if "of" in found else last}  # `name of occupant`
    hints: list[str] = []
    for end in range(len(found), 0, -1):
        for start in range(end):
            part = [word for word in found[start:end] if word not in ("of", "the", "de")]
            vague = VAGUE.issuperset(part) or len("".join(part)) < 3
            if part != ["by"] and (not vague or end in heads):  # a town in Danish, and `Created by`
                hints += _matches("".join(part))
    return [hint for hint in dict.fromkeys(hints) if hint not in _PLACES or not of_birth(name)]


def of_birth(name: str) -> bool:
    """Whether it speaks of a birth, so that a place is not that where one lives."""
    return not BIRTH.isdisjoint(words(name))


def _matches(joined: str) -> list[str]:
    roles = [role for role, pattern in _RULES if pattern.fullmatch(joined)]
    also = "date_of_birth" in roles and "birth_day" not in roles
    return [*roles, "birth_day"] if also else roles  # `yob`, `mob`, `dob`
