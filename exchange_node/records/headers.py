"""What a column's name says it holds, in the words of UK, US, Australian, German, French, Spanish and other systems."""

from __future__ import annotations

import re
from typing import Final

from exchange_node.records.romanise import romanise
from exchange_node.records.standardise import ascii_lower

_WORDS: Final = re.compile(r"[a-z]+|\d+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PARENTHESES: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that tell of the table or of the export, and nothing of the field.
_IDLE: Final = _set(
    """
    a b c p person persons patient pat client cust customer tenant applicant app claimant service user citizen
    resident residential residence res pupil student learner member voter voters subject sub individual indiv people
    pers employee emp staff current cur main primary prim latest txt text str val value cd code desc description nm
    lbl the of col current field fld pds src orig clean std raw legal registered reg official usual home per my his
    her full contact demographics basic info details data party lead offender suspect nominal holder tenancy
    """
)
# A person or address beside the one that the row is about.
_OTHERS: Final = _set(
    """
    mother mothers father fathers mum dad parent parents spouse partner husband wife nok kin guardian carer
    emergency gp doctor practice surgery school employer landlord company business organisation organization officer
    worker agent solicitor previous prev former old past alias aka preferred known maiden mailing mail
    correspondence temp temporary work second alternative alt other witness victim household head
    """
)
_TRUTH: Final = _set(
    """
    entityid cluster clusterid matchid truth groundtruth trueid simulantid householdid label trueclusterid entid
    gtid
    """
)
_ROW_ID: Final = _set(
    """
    id rowid row rownum rownumber rowno index idx recid recordid recno recordno recordnumber uniqueid uuid guid pk
    key uid seq seqno sequence lineno line lfdnr objectid oid unnamed x recordidentifier levelindex
    """
)
_ID_WORDS: Final = _set("id ref uuid guid pk key reference recno identifier")
GENERIC_NUMBER: Final = _set("number no nr num numero n")
"""Names of house numbers where a street stands beside them."""

# For each role, patterns of a name's words written together; the role that is named first has them.
_PATTERNS: Final = {
    "nhs_number": r"""
        nhs(no|num|number|id|nbr)? newnhs(no|number)? chi(no|num|number)? hcn(umber)? nhsnumber(clean|std)
    """,
    "ni_number": r"ni(no|num|number|nbr) nino? nationalinsurance(no|num|number)? natins(no)? insuranceno",
    "email": r"e?mail(addr(ess)?|id)?\d? electronicmail courriel correo(electronico)? emailadresse adresseemail",
    "phone": r"""
        (tele|tel)?phone(no|num|number|nbr)?\d? tel(ephone)?(no|num|number|nr)?\d? contact(no|num|number)
        (mobile|mob|cell|landline)(tel|telephone|phone)?(no|num|number)?\d?
        (day|daytime|evening|eve)(tel|telephone|phone)(no|num|number)?\d?
        telefon(nummer)? handy(nummer)? telefono\d? movil portable fon msisdn
    """,
    "birth_year": r"""
        (year|yr)(birth|born) (birth|dob|born)(year|yr|yyyy|yy|y) by yob geburtsjahr jahr(gang)? anneenaissance
        an(i|n)onacimiento anonac year yr
    """,
    "birth_month": r"""
        (month|mon|mth)(birth|born) (birth|dob|born)(month|mon|mth|mm|m) bm mob geburtsmonat monat month
    """,
    "birth_day": r"day(birth|born) (birth|dob|born)(day|dd|d) bd geburtstag tag day",
    "date_of_birth": r"""
        dob\w{0,3}\d? (d|date|dt)(birth|born)(dt)? (birth|born)(date|dt|day)?(on)? dateob bdate bday
        geb(urts)?(dat(um)?)? geboren datenaissance datedenaissance naissance ddn fecha(de)?nac(imiento)? fnac
        data(di)?nascita nacimiento geboortedatum fodelsedatum dataurodzenia data(de)?nascimento dobddmmyyyy
        dobyyyymmdd birthdatetime
    """,
    "age": r"age(years|yrs|now|inyears)? alter edad birthage ageat\w+",
    "sex": r"""
        sex\w{0,2}\d? gender\w{0,3}\d? geschlecht sexe sexo genre genero persongender mf geslacht birthsex
        sexatbirth gend sesso kon administrativegender sexcode gendercode
    """,
    "middle_names": r"""
        (middle|mid|second|2nd|other|third|further)(fore|given|first)?(name|names|initial|initials|init|nm)\d? mi
        m(iddle)?initials? m(name|nm) middle fname(c)?2 (given|fore|first)names?[23] zweit(er)?(vor)?name
        deuxiemeprenom forename[23] autresprenoms segundonombre
    """,
    "forename": r"""
        (first|fore|given|christian|f|g)(name|names|nm|nam)1? fn fname(c1|1) givens? first vornamen? prenoms?1?
        nombres? imie voornaam fornamn name(first|given) rufname primernombre nomb prenome
    """,
    "surname2": r"lname(c)?2 surname2 (last|family)name2 segundoapellido apellido2 apellidomaterno",
    "surname": r"""
        (last|family|sur|l|s)(name|names|nm|nam)1? ln lname(c1|1) last family nachnamen? familienname
        nom(de)?famille apellidos?1? primerapellido apellidopaterno cognome nazwisko achternaam efternamn sn
        name(last|family) sobrenome zuname
    """,
    "full_name": r"""
        (whole|complete|entire|display)?names? (first|fore)name(and|s)?(last|sur)name firstandsurname firstlast
        voll(staendig)?ername nom(complet|prenom|etprenom) prenomnom nombre(completo|yapellidos) nameinfull
        nome(completo)?
    """,
    "nom": r"nom",
    "title": r"title salutation prefix nameprefix anrede suffix namesuffix honorific civilite suffixname titel",
    "house_number": r"""
        (house|street|building|bldg|st|str|prop|property|addr(ess)?|premise|door)(no|num|number|nbr|nr) hausnummer
        hausnr hnr paon numero(de)?rue streetnumber numerocalle
    """,
    "unit": r"(unit|flat|apt|apartment|suite|subbuilding|room)(no|num|number|nbr|name|designator)? saon wohnung",
    "house_name": r"(house|building|property|premise|bldg)(name)?",
    "street_before": r"(street|st)?(predir|dir|direction|predirection|prefix)",
    "street_after": r"(street|st)(type|typ|suffix|sfx|typecd|postdir)\w{0,2}",
    "street": r"""
        (street|road|st|str|thoroughfare|rue|strasse|calle|via)(name|nm)?\d? stname ulica strassenname voie
        dependentstreet
    """,
    "address_line": r"""
        (street|postal|permanent|living|property|whole|site)?(address|addr|add)(line|ln|l)?(full|one|1|text)?
        (address|addr)(street|street1|string) adr adresse anschrift direccion domicilio indirizzo
        concat(enated)?address singlelineaddress lastknown(address|addr)
    """,
    "address_more": r"""
        (street|postal|property)?(address|addr|add|adr|adresse)(line|ln|l)?([2-9]|two|three|four|five)
        secondaryaddr(ess)?
    """,
    "locality": r"locality village hamlet district neighbou?rhood ward parish dependentlocality stadtteil quartier",
    "town": r"""
        town(city|name)? city(town|name)? posttown suburb(name)? ort(sname)? wohnort stadt ville ciudad poblacion
        municipality commune gemeinde localidad municipio comune miasto woonplaats cidade citta addresstown
        addresscity
    """,
    "state": r"""
        state(code|abbr|name|cd)? county(name)? province prov region bundesland departement provincia comunidad
    """,
    "postcode": r"""
        (post|postal|zip)(code|cd)?(of)?\w?\d? pc(d|ds|ode)? (post|postal)codes?\w?\d? zip(code)?[45+]* plz
        postleitzahl codepostal cp codigopostal cap eircode postcd postcodefake codpostal codicepostale
        kodpocztowy postnummer addresspostcode
    """,
    "country": r"country(name|code)? land pays pais nation(ality)?",
}  # fmt: skip
_RULES: Final = tuple((role, re.compile("|".join(_PATTERNS[role].split()))) for role in _PATTERNS)


def words(name: str) -> list[str]:
    """A column's name as lower-case words and numbers: `DateOfBirth`, `date_of_birth`, `DATE OF BIRTH` are alike."""
    outside = _PARENTHESES.sub(" ", name)
    return _WORDS.findall(romanise(ascii_lower(_CAMEL.sub(" ", outside if outside.strip() else name))))


def plain(name: str) -> str:
    """The name in a form in which two registers can be compared: words joined by `_`; "" if it has none."""
    return "_".join(words(name))


def is_idle(name: str) -> bool:
    """Whether it only says whose the column is, or that it is one: `Patient`, `Current value`."""
    found = words(name)
    return bool(found) and _IDLE.issuperset(found)


def role_of(name: str) -> str:
    """The field, or the part of one, that a column's name speaks of; "" if it tells nothing.

    Besides the fields of a register: `full_name`, `nom` (a surname beside a prénom), `surname2`, `birth_year`,
    `birth_month`, `birth_day`, `age`, `title`, `house_number`, `house_name`, `unit`, `street`, `street_before`,
    `street_after`, `address_more`, `locality`, `country`; `truth`, `row-id`, and `other` for what tells of someone or
    somewhere else.
    """
    found = words(name)
    joined = "".join(found)
    if joined in _TRUTH:
        return "truth"
    if joined in _ROW_ID:
        return "row-id"
    role = _match(joined)
    if role:
        return role
    if _OTHERS.intersection(found):
        return "other"
    rest = [word for word in found if word not in ("of", "the", "de", "la", "du")]
    busy = [word for word in rest if word not in _IDLE]
    role = _match("".join(rest)) or (_match("".join(busy)) if busy else "")
    if role:
        return role
    if found and (found[-1] in _ID_WORDS or found[0] in ("uuid", "guid")):
        return "row-id"
    return ""


def _match(joined: str) -> str:
    return next((role for role, pattern in _RULES if pattern.fullmatch(joined)), "")
