"""What a user of Splink 5 would set up for people: comparisons, blocking rules, training.

Two set-ups. `library` takes a comparison of Splink's library for each field, as its guides do. `careful` is what an
expert makes of them: swapped names and swapped days are levels of their own, an initial counts, and postcode and
address are one comparison, since they change together when somebody moves and Splink takes comparisons for independent.
It leaves town and region out where there is a postcode, which says the same; `library` does so for a British one.
"""

from __future__ import annotations

from collections.abc import Callable

import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import Linker, block_on
from splink.internals.comparison_creator import ComparisonCreator
from splink.internals.comparison_level_creator import ComparisonLevelCreator

SETUPS = ("library", "careful")
RANDOM_PAIRS = 2e6  # for u; ten times as many change no F1 by more than .0005
TRAINING_PAIRS = 5e6  # of a blocking rule, for m
CERTAIN_RECALL = 0.7  # the share of links that exact rules are taken to find: the figure of Splink's examples

# A rule is the expressions that must all be equal. Together some 30 million pairs of a million records a side.
TIGHT = [
    ("forename", "surname"),
    ("date_of_birth", "left(surname, 1)"),
    ("date_of_birth", "left(forename, 1)"),
    ("date_of_birth", "postcode"),
    ("date_of_birth", "town"),
    ("surname", "birth_year", "left(forename, 1)"),
    ("forename", "birth_year", "left(surname, 1)"),
    ("forename", "birthday", "left(surname, 1)"),
    ("postcode", "left(forename, 1)"),
    ("postcode", "left(surname, 1)"),
    ("postcode", "birth_year"),
    ("house", "postcode"),
    ("address", "birth_year"),
    ("address", "surname"),
    ("address", "forename"),
    ("town", "surname", "left(forename, 1)"),
    ("town", "forename", "left(surname, 1)"),
    ("phone",),
    ("email",),
]
ALONE = ["forename", "surname", "middle_names", "date_of_birth", "postcode", "address", "locality", "town"]
# For m, as many of the first as it takes to leave no field out. Where the date is missing, what a household has in
# common is held equal, or else expectation maximisation takes a household for a person.
TRAINING = [
    ("date_of_birth",),
    ("forename", "surname"),
    ("surname", "address"),
    ("forename", "address"),
    ("surname", "postcode"),
    ("forename", "postcode"),
    ("surname",),
    ("forename",),
]
CERTAIN = [
    ("forename", "surname", "date_of_birth"),
    ("forename", "postcode", "date_of_birth"),
    ("surname", "postcode", "date_of_birth"),
    ("forename", "surname", "postcode"),
    ("forename", "surname", "address"),
    ("forename", "surname", "birth_year", "postcode"),
    ("forename", "surname", "phone"),
    ("forename", "surname", "email"),
]
Rule = tuple[str, ...]


def _possible(rules: list[Rule], fields: set[str]) -> list[Rule]:
    """Those rules whose fields exist."""
    known = fields | ({"birth_year", "birthday"} if "date_of_birth" in fields else set())
    return [rule for rule in rules if all(part.removeprefix("left(").split(",")[0] in known for part in rule)]


def tight(fields: set[str]) -> list[Rule]:
    """Rules that a million records a side can afford."""
    return _possible(TIGHT, fields)


def wide(fields: set[str]) -> list[Rule]:
    """Each field alone, and the tight ones beside them; the caller drops what is not affordable."""
    return [(field,) for field in ALONE if field in fields] + tight(fields)


def _levels(name: str, null: ComparisonLevelCreator, *levels: ComparisonLevelCreator) -> ComparisonCreator:
    return cl.CustomComparison(output_column_name=name, comparison_levels=[null, *levels, cll.ElseLevel()])


def _name(name: str, both: bool) -> ComparisonCreator:
    swapped = [cll.ColumnsReversedLevel("forename", "surname", symmetrical=True)] if both else []
    return _levels(
        name,
        cll.NullLevel(name),
        cll.ExactMatchLevel(name).configure(tf_adjustment_column=name),
        cll.JaroWinklerLevel(name, 0.92),
        cll.JaroWinklerLevel(name, 0.88),
        *swapped,
        cll.JaroWinklerLevel(name, 0.7),
    )


def _middle_names() -> ComparisonCreator:
    return _levels(
        "middle_names",
        cll.NullLevel("middle_names"),
        cll.ExactMatchLevel("middle_names").configure(tf_adjustment_column="middle_names"),
        cll.JaroWinklerLevel("middle_names", 0.88),
        cll.CustomLevel("left(middle_names_l, 1) = left(middle_names_r, 1)", "same initial"),
    )


def _date_of_birth() -> ComparisonCreator:
    date, swapped = "date_of_birth", "left(date_of_birth_{0}, 5) || right(date_of_birth_{0}, 2) || '-'"
    swapped = f"{swapped} || substr(date_of_birth_{{0}}, 6, 2) = date_of_birth_{{1}}".format("l", "r")
    return _levels(
        date,
        cll.NullLevel(date),
        cll.ExactMatchLevel(date),
        cll.LevenshteinLevel(date, 1),
        cll.CustomLevel(swapped, "day and month swapped"),
        cll.LevenshteinLevel(date, 2),
        cll.AbsoluteDateDifferenceLevel(date, input_is_string=True, threshold=1, metric="year"),
        cll.AbsoluteDateDifferenceLevel(date, input_is_string=True, threshold=10, metric="year"),
    )


def _place(british: bool) -> ComparisonCreator:
    """Postcode and address as one."""
    postcode, address = "postcode_l = postcode_r", "address_l = address_r"
    absent = "({0}_l IS NULL OR {0}_r IS NULL)"
    no_address = absent.format("address")
    area = "regexp_extract(postcode_{0}, '^[A-Z]{{1,2}}')"
    parts = ["left(postcode_{0}, -2)", "left(postcode_{0}, -4)", area] if british else ["left(postcode_{0}, 2)"]
    return _levels(
        "place",
        cll.CustomLevel(f"{absent.format('postcode')} AND {no_address}", "null").configure(is_null_level=True),
        cll.CustomLevel(f"{postcode} AND {address}", "postcode and address"),
        cll.CustomLevel(f"{postcode} AND {no_address}", "postcode, no address"),
        cll.CustomLevel(f"{postcode} AND jaro_winkler_similarity(address_l, address_r) > 0.9", "and similar address"),
        cll.CustomLevel(postcode, "postcode"),
        cll.CustomLevel(address, "address").configure(tf_adjustment_column="address"),
        cll.CustomLevel("levenshtein(address_l, address_r) <= 2", "similar address"),
        cll.CustomLevel("levenshtein(postcode_l, postcode_r) <= 1", "similar postcode"),
        *(cll.CustomLevel(f"{part.format('l')} = {part.format('r')}", part) for part in parts),
    )


def _text(field: str) -> ComparisonCreator:
    return cl.JaroWinklerAtThresholds(field, [0.95, 0.88, 0.8]).configure(term_frequency_adjustments=True)


def _postcode(british: bool) -> ComparisonCreator:
    if british:
        return cl.PostcodeComparison("postcode")
    return cl.LevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True)


def comparisons(fields: set[str], british: bool, setup: str) -> list[ComparisonCreator]:
    """One comparison a field, or one of postcode and address together; `british` postcodes have parts."""
    careful = setup == "careful"
    together = careful and {"postcode", "address"} <= fields
    if "postcode" in fields and (british or careful):
        fields = fields - {"town", "region"}
    if together:
        fields = fields - {"postcode", "address"}
    both = {"forename", "surname"} <= fields
    made: dict[str, Callable[[], ComparisonCreator]] = {
        "forename": lambda: _name("forename", both) if careful else cl.NameComparison("forename"),
        "surname": lambda: _name("surname", both) if careful else cl.NameComparison("surname"),
        "middle_names": lambda: _middle_names() if careful else cl.NameComparison("middle_names"),
        "date_of_birth": lambda: (
            _date_of_birth() if careful else cl.DateOfBirthComparison("date_of_birth", input_is_string=True)
        ),
        "birth_year": lambda: cl.LevenshteinAtThresholds("birth_year", 1),
        "sex": lambda: cl.ExactMatch("sex"),
        "postcode": lambda: _postcode(british),
        "house": lambda: cl.LevenshteinAtThresholds("house", 1).configure(term_frequency_adjustments=True),
        "address": lambda: _text("address"),
        "locality": lambda: _text("locality"),
        "town": lambda: _text("town"),
        "region": lambda: cl.ExactMatch("region").configure(term_frequency_adjustments=True),
        "phone": lambda: cl.LevenshteinAtThresholds("phone", [1, 2]),
        "email": lambda: cl.EmailComparison("email"),
    }
    return [make() for field, make in made.items() if field in fields] + ([_place(british)] if together else [])


def _training(fields: set[str]) -> list[Rule]:
    rules: list[Rule] = []
    for rule in _possible(TRAINING, fields):
        if not rules or set.intersection(*map(set, rules)):  # what all have in common is still untrained
            rules.append(rule)
    return rules


def train(linker: Linker, fields: set[str], seed: int) -> None:
    """Chance of a match by exact rules, u by random pairs, m by expectation maximisation on two blocking rules."""
    certain = [block_on(*rule) for rule in _possible(CERTAIN, fields)]
    linker.training.estimate_probability_two_random_records_match(certain, recall=CERTAIN_RECALL)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=seed)
    for rule in _training(fields):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*rule), max_pairs=TRAINING_PAIRS, record_sample_proportion=0.2
        )
