"""Five invented agencies: who is on each register, its column names and formats, and its [records] table.

Column names, date formats, encodings and delimiters differ on purpose, as they do between real systems.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.damage import Seen
from demo.population import Dice, Person

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Agency:
    """How one agency keeps its register. `error` is its rate of mistakes, see `damage.seen`."""

    org: str
    id_column: str
    id_form: str
    error: float
    member: Callable[[Person, Dice], bool]
    row: Callable[[Person, Seen, Dice], Row]
    encoding: str = "utf-8"
    delimiter: str = ","

    @property
    def records(self) -> str:
        """The [records] table of its configuration, as TOML."""
        return (Path(__file__).parent / "records" / f"{self.org}.toml").read_text(encoding="utf-8")


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


def _northgate_row(person: Person, seen: Seen, dice: Dice) -> Row:
    arrears = person.home.arrears_pounds
    title = {"f": "Mrs", "m": "Mr"}[person.sex] if dice.chance(0.03) else ""
    return {
        "first_name": f"{title} {seen.forename}".strip(),
        "last_name": seen.surname.upper() if dice.chance(0.2) else seen.surname,
        "dob": seen.born.strftime("%d/%m/%Y") if seen.born else "",
        "gender": {"f": "Female", "m": "Male"}.get(seen.sex, ""),
        "address": seen.line,
        "post_code": seen.postcode,
        "damp_reported": _yes(person.home.damp),
        "bedrooms": str(person.home.bedrooms),
        "arrears_pounds": str(arrears),
        "arrears_weeks": str(arrears // 110),
        "tenancy_at_risk": _yes(arrears > 1_500),
        "protected": _yes(person.protected_address),
        "tenancy_note": "",
    }


def _castle_row(person: Person, seen: Seen, dice: Dice) -> Row:
    first, second = (*person.diagnoses, "", "")[:2]
    number = seen.nhs_number
    return {
        "nhs_no": f"{number[:3]} {number[3:6]} {number[6:]}" if not dice.chance(0.02) else "",
        "given_names": f"{seen.forename} {seen.middle}".strip(),
        "family_name": seen.surname,
        "birth_date": seen.born.isoformat() if seen.born else "",
        "sex": {"f": "2", "m": "1"}.get(seen.sex, "9"),
        "address": seen.line,
        "postcode": seen.postcode,
        "dx_1": first,
        "dx_2": second,
        "mental_health_support": "Y" if person.mental_health else "N",
        "date_of_death": person.died.isoformat() if person.died else "",
        "s_flag": "Y" if person.protected_address else "",
        "clinical_note": "",
    }


def _riverside_row(person: Person, seen: Seen, dice: Dice) -> Row:
    day, month, year = (seen.born.day, seen.born.month, seen.born.year) if seen.born else ("", "", "")
    arrears = person.home.arrears_pounds
    return {
        "Given Name": seen.forename,
        "Middle Name": seen.middle,
        "Family Name": seen.surname,
        "Birth Day": str(day),
        "Birth Month": str(month),
        "Birth Year": str(year),
        "Sex": seen.sex.upper() or "U",
        "Home Address": seen.line,
        "Pcode": seen.postcode,
        "NHS Number": seen.nhs_number if dice.chance(0.4) else "",
        "open_case": _yes(dice.chance(0.3)),
        "new_arrears_notice": _yes(person.adult and bool(arrears)),
        "council_tax_help": _yes(person.adult and (0 < arrears < 600 or dice.chance(0.05))),
        "at_risk_marker": "V" if dice.chance(0.04) else "",
        "protected": _yes(person.protected_address),
        "Case Note": "",
    }


def _fairshire_row(person: Person, seen: Seen, dice: Dice) -> Row:
    return {
        "FORENAMES": f"{seen.forename} {seen.middle}".strip().upper(),
        "SURNAME": seen.surname.upper(),
        "DOB": seen.born.strftime("%d-%b-%Y").upper() if seen.born else "",
        "SEX": seen.sex.upper(),
        "ADDRESS": seen.line.upper(),
        "POSTCODE": seen.postcode,
        "VICTIM_OF_CRIME": "Y" if dice.chance(0.5) else "N",
        "OPEN_INVESTIGATION": "Y" if dice.chance(0.1) else "N",
        "INTELLIGENCE_NOTE": "",
    }


def _revenue_row(person: Person, seen: Seen, dice: Dice) -> Row:
    return {
        "Forename1": seen.forename,
        "Forename2": seen.middle,
        "Surname": seen.surname,
        "DateOfBirth": seen.born.strftime("%Y%m%d") if seen.born else "",
        "SexCode": seen.sex.upper(),
        "AddressLine": seen.line,
        "PostCode": seen.postcode,
        "YearlyIncome": str(person.income),
        "EmployerNote": "",
    }


def _client(person: Person, dice: Dice) -> bool:
    return dice.chance(0.75 if person.home.arrears_pounds else 0.4)


def _tenant(person: Person, dice: Dice) -> bool:
    return person.home.tenancy and not person.died


def _patient(person: Person, dice: Dice) -> bool:
    return dice.chance(0.88)


def _known_to_police(person: Person, dice: Dice) -> bool:
    return dice.chance(0.4)


def _taxpayer(person: Person, dice: Dice) -> bool:
    return person.adult and dice.chance(0.85)


_ALL: Final = (
    Agency("northgate-homes", "tenancy_ref", "NGH{:06d}", 1.0, _tenant, _northgate_row),
    Agency("castle-nhs", "patient_id", "P{:07d}", 0.8, _patient, _castle_row),
    Agency("riverside-care", "Client No", "RC-{:06d}", 1.3, _client, _riverside_row, "cp1252", ";"),
    Agency("fairshire-police", "NOMINAL_ID", "N{:08d}", 1.5, _known_to_police, _fairshire_row),
    Agency("crown-revenue", "TaxpayerRef", "CR{:07d}", 0.6, _taxpayer, _revenue_row),
)
AGENCIES: Final = {agency.org: agency for agency in _ALL}
# The column in which a canary's note stands; no agreement releases it.
NOTE_COLUMNS: Final = {
    "northgate-homes": "tenancy_note",
    "castle-nhs": "clinical_note",
    "riverside-care": "Case Note",
    "fairshire-police": "INTELLIGENCE_NOTE",
    "crown-revenue": "EmployerNote",
}
