"""What a column's name says it holds, in the words of UK, US, Australian, German, French, Spanish and other systems."""

from __future__ import annotations

import re
from typing import Final

from exchange_node.records.standardise import ascii_lower

_WORDS: Final = re.compile(r"[a-z]+|\d+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# Words that tell of the table or of the export, and nothing of the field.
_IDLE: Final = frozenset(
    [
        "a",
        "b",
        "c",
        "person",
        "persons",
        "patient",
        "pat",
        "client",
        "cust",
        "customer",
        "tenant",
        "applicant",
        "app",
        "claimant",
        "service",
        "user",
        "citizen",
        "resident",
        "pupil",
        "student",
        "learner",
        "member",
        "voter",
        "voters",
        "subject",
        "sub",
        "individual",
        "indiv",
        "people",
        "pers",
        "current",
        "cur",
        "main",
        "primary",
        "prim",
        "latest",
        "txt",
        "text",
        "str",
        "val",
        "value",
        "cd",
        "code",
        "desc",
        "description",
        "nm",
        "the",
        "of",
        "current",
        "col",
        "field",
        "fld",
        "pds",
        "src",
        "orig",
        "clean",
        "std",
        "raw",
        "legal",
        "registered",
        "reg",
        "official",
        "usual",
        "home",
        "per",
        "my",
        "his",
        "her",
    ]
)
# A person or address beside the one that the row is about.
_OTHERS: Final = frozenset(
    [
        "mother",
        "mothers",
        "father",
        "fathers",
        "mum",
        "dad",
        "parent",
        "parents",
        "spouse",
        "partner",
        "husband",
        "wife",
        "nok",
        "kin",
        "guardian",
        "carer",
        "contact",
        "emergency",
        "gp",
        "doctor",
        "practice",
        "surgery",
        "school",
        "employer",
        "landlord",
        "company",
        "business",
        "organisation",
        "organization",
        "officer",
        "worker",
        "agent",
        "solicitor",
        "previous",
        "prev",
        "former",
        "old",
        "past",
        "alias",
        "aka",
        "preferred",
        "known",
        "maiden",
        "birthname",
        "mailing",
        "mail",
        "correspondence",
        "temp",
        "temporary",
        "work",
        "second",
        "alternative",
        "alt",
        "other",
        "witness",
        "victim",
        "household",
        "head",
    ]
)
_TRUTH: Final = frozenset(
    (
        "entityid",
        "cluster",
        "clusterid",
        "matchid",
        "truth",
        "groundtruth",
        "trueid",
        "simulantid",
        "householdid",
        "label",
    )
)
_ROW_ID: Final = frozenset(
    [
        "id",
        "rowid",
        "row",
        "rownum",
        "rownumber",
        "rowno",
        "index",
        "idx",
        "recid",
        "recordid",
        "recno",
        "recordno",
        "recordnumber",
        "uniqueid",
        "uuid",
        "guid",
        "pk",
        "key",
        "uid",
        "seq",
        "seqno",
        "sequence",
        "lineno",
        "line",
        "nr",
        "lfdnr",
        "no",
        "number",
        "objectid",
        "oid",
        "unnamed",
        "x",
    ]
)
_ID_WORDS: Final = frozenset(("id", "ref", "uuid", "guid", "pk", "key", "reference", "recno", "identifier"))

# (field, pattern of the joined words); the first that fits decides.
_RULES: Final = tuple(
    (field, re.compile(f"(?:{pattern})\\Z"))
    for field, pattern in (
        ("nhs_number", r"nhs(no|num|number|id|nbr)?|newnhs(no|number)|chi(no|number)?|hcn(umber)?"),
        ("ni_number", r"ni(no|num|number|nbr)|nino|nationalinsurance(no|num|number)?|natins(no)?|insuranceno"),
        ("email", r"e?mail(addr(ess)?)?\d?|emailid|electronicmail|courriel|correo(electronico)?"),
        ("phone", r"(tele?)?phone(no|num|number|nbr)?\d?|tel(no|num|number|ephone(no|number)?)?\d?|telephone(no|number)?\d?|"
                  r"(mobile|mob|cell|landline|day|eve|evening)(tel|telephone|phone)?(no|num|number)?\d?|telefon(nummer)?|handy|"
                  r"telefono|movil|portable|contactno|contactnumber|fon"),
        ("birth_year", r"(year|yr)(birth|born)|(birth|dob|born)(year|yr|yy(yy)?|y)|by|yob|geburtsjahr|jahr|anneenaissance|"
                       r"anionacimiento|year|yr|jahrgang"),
        ("birth_month", r"(month|mon|mth)(birth|born)|(birth|dob|born)(month|mon|mth|mm|m)|bm|mob|geburtsmonat|monat|month"),
        ("birth_day", r"(day)(birth|born)|(birth|dob|born)(day|dd|d)|bd|geburtstag(tag)?|tag|day"),
        ("date_of_birth", r"dob\w{0,3}\d?|(d|date|dt)(birth|born)(dt)?|(birth|born)(date|dt|day)?(on)?|dateob|bdate|bday|geb(urts)?"
                          r"(dat(um)?)?|geboren|datenaissance|naissance|ddn|fecha(de)?nacimiento|fechanac|fnac|datanascita|"
                          r"nacimiento|geboortedatum|fodelsedatum|dataurodzenia|datanascimento"),
        ("age", r"age(years|yrs|now)?|alter|edad"),
        ("sex", r"sex\w{0,2}\d?|gender\w{0,3}\d?|geschlecht|sexe|sexo|genre|genero|persongender|mf|geslacht|birthsex|sexatbirth"
                r"|gend|sesso|kon"),
        ("middle_names", r"(middle|mid|second|2nd|other|third|further)(name|names|fore ?name|forenames|givenname|givennames|initial|"
                         r"initials|init|nm)?\d?|(mi|minitial|mname|mnm)|middle|fname(c)?2|fnamec2|"
                         r"(given|fore|first)names?(2|3)|othernames?|zweitname|deuxiemeprenom"),
        ("forename", r"(first|fore|given|christian|f|g)_?(name|names|nm|nam)1?|fn|fname(c1|1)?|fnamec1|forenames?1?|givens?|given|first|"
                     r"vorname[n]?|prenoms?|nombres?|prenom|imie|voornaam|fornamn|namefirst|namegiven|firstname1"),
        ("surname2", r"lname(c)?2|lnamec2|surname2|(last|family)name2|segundoapellido|apellido2|apellidomaterno"),
        ("surname", r"(last|family|sur|l|s|sir)_?(name|names|nm|nam)1?|ln|lname(c1|1)?|lnamec1|surnames?1?|last|family|"
                    r"nachname[n]?|familienname|nomfamille|apellidos?1?|primerapellido|apellidopaterno|cognome|nazwisko|"
                    r"achternaam|efternamn|sn|namelast|namefamily|sobrenome"),
        ("full_name", r"(full|whole|complete|entire|display)?names?|(first|fore)name(and|s)?(last|sur)name|firstandsurname|"
                      r"firstlast|vollername|nomcomplet|nomprenom|nombrecompleto|nameinfull|fullnm"),
        ("nom", r"nom"),
        ("title", r"title|salutation|prefix|nameprefix|anrede|suffix|namesuffix|honorific"),
        ("house_number", r"(house|street|building|bldg|st|str|prop|property|addr(ess)?|premise)(no|num|number|nbr|nr)|hausnummer|"
                         r"hnr|houseno|housenum|numero|nr|paon|numerorue|streetnumber|residentialstreetno"),
        ("unit", r"(unit|flat|apt|apartment|suite|sub ?building|room)(no|num|number|nbr|name|designator|type)?|saon|wohnung"),
        ("house_name", r"(house|building|property|premise|bldg)(name)?"),
        ("street", r"(street|road|st|str|thoroughfare|rue|strasse|calle|via)(name|nm|addr(ess)?)?\d?|resstreet|stname|ulica"),
        ("address_line", r"(street|residential|res|full|postal|permanent|living)?(address|addr|add|adr|adresse|anschrift|direccion|"
                         r"domicilio|indirizzo)(line|ln|l)?(full|one|1|street|street1)?"),
        ("address_more", r"(address|addr|add|adr|residential|res|postal)(address|addr)?(line|ln|l)?([2-9]|two|three|four|five)"),
        ("locality", r"locality|village|hamlet|district|neighbou?rhood|ward|parish|dependentlocality|stadtteil|quartier"),
        ("town", r"town(city|name)?|city(town|name)?|(post|postal)?town|suburb|residential?city|rescity|ort|wohnort|stadt|ville|"
                 r"ciudad|poblacion|municipality|commune|gemeinde|localidad|municipio|comune|miasto|resident?cityname"),
        ("state", r"state|county|province|prov|region|bundesland|departement|comunidad|residentialstate|resstate|statecode|"
                  r"countyname|stateabbr|statename"),
        ("postcode", r"(post|postal|zip|pc)(code|cd)?\w{0,2}\d?|(post|postal)codes?\d?|zip(code)?[45+]*|plz|postleitzahl|codepostal|cp|"
                     r"codigopostal|cap|eircode|pcode|pcd|pcds|postcd|reszip|residentialzip|zip5|postcodefake"),
        ("country", r"country|land|pays|pais|nation"),
    )
)  # fmt: skip


def words(name: str) -> list[str]:
    """A column's name as lower-case words and numbers: `DateOfBirth`, `date_of_birth`, `DATE OF BIRTH` are alike."""
    return _WORDS.findall(ascii_lower(_CAMEL.sub(" ", name)))


def plain(name: str) -> str:
    """The name in a form in which two registers can be compared: words joined by `_`."""
    return "_".join(words(name)) or "column"


def field_of(name: str) -> str:
    """The field or part of one that a column's name speaks of; "" if it tells nothing.

    Besides the fields of a register: `full_name`, `nom` (surname beside a prénom), `surname2`, `birth_year`,
    `birth_month`, `birth_day`, `age`, `title`, `house_number`, `house_name`, `unit`, `street`, `address_more`,
    `locality`, `country`; `truth`, `row-id`, and `other` for what tells of someone or somewhere else.
    """
    found = words(name)
    joined = "".join(found)
    if joined in _TRUTH:
        return "truth"
    if joined in _ROW_ID:
        return "row-id"
    direct = _match(joined)
    if direct:
        return direct
    if _OTHERS.intersection(found):
        return "other"
    for idle in (frozenset(("of", "the")), _IDLE):
        field = _match("".join(word for word in found if word not in idle))
        if field:
            return field
    if found and (found[-1] in _ID_WORDS or found[0] in ("uuid", "guid")):
        return "row-id"
    return ""


def _match(joined: str) -> str:
    return next((field for field, pattern in _RULES if pattern.match(joined)), "") if joined else ""
