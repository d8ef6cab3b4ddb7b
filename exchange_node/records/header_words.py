"""The words in which systems name their columns: UK, US, Australian, Welsh, German, French, Spanish, Polish, Dutch,
Scandinavian, Portuguese, Italian, Turkish, Greek, Cyrillic and Semitic ones as `romanise` spells them, and others."""

from __future__ import annotations

from typing import Final


def word_set(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


# Words that tell of the table or of the export, and nothing of the field.
IDLE: Final = word_set(
    """
    a b c p person persons patient pat client cust customer tenant applicant app claimant service user citizen
    resident residential residence res pupil student learner member voter voters subject sub individual indiv people
    pers employee emp staff current cur main primary prim latest txt text str val value cd code desc description nm
    lbl the of col current field fld pds src orig clean std raw legal registered reg official usual home per my his
    her full contact demographics basic info details data party lead offender suspect nominal holder tenancy
    di residenza borger klant
    """
)
# A person or address beside the one that the row is about.
OTHERS: Final = word_set(
    """
    mother mothers father fathers mum dad parent parents spouse partner husband wife nok kin guardian carer
    emergency gp doctor practice surgery school employer landlord company business organisation organization officer
    worker agent solicitor previous prev former old past alias aka preferred known maiden temp temporary work
    second alternative alt other witness victim household head referrer consultant manager offence incident
    event dr nk pv mae madre padre ojca matki patronymo baba destination
    """
)
TRUTH: Final = word_set(
    """
    entityid cluster clusterid matchid truth groundtruth trueid simulantid householdid label trueclusterid entid
    gtid
    """
)
ROW_ID: Final = word_set(
    """
    id rowid row rownum rownumber rowno index idx recid recordid recno recordno recordnumber uniqueid uuid guid pk
    key uid seq seqno sequence lineno line lfdnr objectid oid unnamed x recordidentifier levelindex
    """
)
ID_WORDS: Final = word_set("id ref uuid guid pk key reference recno identifier")
GENERIC_NUMBER: Final = word_set("number no nr num numero n arithmos")
"""Names of house numbers where a street stands beside them."""

# For each role, patterns of a name's words written together; the role that is named first has them.
PATTERNS: Final = {
    "nhs_number": r"""
        nhs(no|num|number|id|nbr)? newnhs(no|number)? chi(no|num|number)? hcn(umber)? nhsnumber(clean|std)
    """,
    "ni_number": r"ni(no|num|number|nbr) nino? nationalinsurance(no|num|number)? natins(no)? insuranceno",
    "email": r"""
        e?mail(addr(ess)?|id)?\d? electronicmail courriel correo(electronico)? emailadresse adresseemail
        e?post(adresse)? eposta ebost
        pid134
    """,
    "phone": r"""
        (tele|tel)?phones?(no|num|number|nbr)?s?\d? tel(ephone)?(no|num|number|nr)?\d? contact(no|num|number)
        (mobile|mob|cell|landline)(tel|telephone|phone)?(no|num|number)?\d?
        (day|daytime|evening|eve)(tel|telephone|phone)(no|num|number)?\d?
        telefon(nummer)? handy(nummer)? telefono\d? movil portable fon msisdn
        (contact|mob|cell)(no|num|number)\d telecom telefonnr telefoon(nummer)? ffon rhifffon
        telemovel telemobil mobil(tele(fon|phone))?(nummer|nr)? tlf(nr|mobil)? telefone cellulare telcellulaire
        (kinito)?tilefono kinito tlpvn alhatf
        pid13(1|12)? ph(one)?(no|nbr|num|number)
        (?=.*(t[ef]l|tfn|fon|phone|mob|cel|gsm))(t[fe]l|telef?on|tfn|tlf|phone|fon|mob(ile?)?|cel(l|ular)?|kom|cep|home|gsm)+
    """,
    "birth_year": r"""
        (year|yr)(birth|born) (birth|dob|born)(year|yr|yyyy|yy|y) by yob geburtsjahr jahr(gang)? anneenaissance
        an(i|n)onacimiento anonac year yr
        b(year|yr) blwyddyngeni dogumyili rokurodzenia geboortejaar
    """,
    "birth_month": r"""
        (month|mon|mth)(birth|born) (birth|dob|born)(month|mon|mth|mm|m) bm mob geburtsmonat monat month
        b(month|mon|mth)
    """,
    "birth_day": r"""
        day(birth|born) (birth|dob|born)(day|dd|d) bd geburtstag tag day
        bday
    """,
    "date_of_birth": r"""
        dob\w{0,3}\d? (d|date|dt)(birth|born)(dt)? (birth|born)(date|dt|day)?(on)? dateob bdate bday
        geb(urts)?(dat(um)?)? geboren datenaissance datedenaissance naissance ddn fecha(de)?nac(imiento)? fnac
        data(di)?nascita nacimiento geboortedatum fodelsedatum dataurodzenia data(de)?nascimento dobddmmyyyy
        dobyyyymmdd birthdatetime b(i)?rthda?te?
        gebam date(de)?naiss nee?le fechanacto nascita data(ur|urodz) geb(oorte)?datum dyddiadgeni dogum(tarihi)? dtnasc
        (fodsels?|fode(lse)?|fods)(dato?|dag|tid|datum)? fodt f(odt)?dato? fodd
        data(nar(odzhennia)?|rozhd(eniia)?) denrozhdeniia im(ero(minia)?|nia)gennisis taryklydh tarykhalmylad
        dtarihi dogtarihi data(nasterii|nast) ur pid7 (person|cpr)(nr|nummer) fodselsnummer
    """,
    "age": r"age(years|yrs|now|inyears)? alter edad birthage ageat\w+",
    "sex": r"""
        sex\w{0,2}\d? gender\w{0,3}\d? geschlecht sexe sexo genre genero persongender mf geslacht birthsex
        sexatbirth gend sesso kon administrativegender sexcode gendercode
        (m|f|h|w)(f|m|w)[dx]? geschl plec cinsiyet rhyw sx
        kjonn kj
        pol fylo myn aljns
        sexul pid8 rsex
    """,
    "middle_names": r"""
        (middle|mid|second|2nd|other|third|further)(fore|given|first)?(name|names|initial|initials|init|nm)\d? mi
        m(iddle)?initials? m(name|nm) mid(dle)? fname(c)?2 (given|fore|first)names?[23] zweit(er)?(vor)?name
        deuxiemeprenom forename[23] autresprenoms segundonombre
        2e?prenom (tweede|zweite|andere|weitere)(vor|voor)?na(am|men) drugieimie ikinciadi? enwcanol name(middle|mid)
        mellomna(vn|mn) mellemnavn nomesdomeio otchestvo pobatkovi
        mellan(namn|navn) imiedrugie pid53
    """,
    "forename": r"""
        (first|fore|given|christian|f|g)(name|names|nm|nam)1? fn fname(c1|1) givens? first vornamen? prenoms?1?
        nombres? imie voornaam fornamn name(first|given) rufname primernombre nomb prenome
        giv(en)?(name|nm) vorname voornamen enw(cyntaf|au)? adi? isim imiona
        fornavne? tilltalsnamn nomeproprio
        imia onoma shmprty
        prenume (imie)?pierwszeimie imiepierwsze pid52
    """,
    "known_as": r"known(as|by) (preferred|chosen|called|usual)(fore|first|given)?names? calledname",
    "initials": r"((first|fore|given|f)(name)?)?init(ial)?s?",
    "surname2": r"lname(c)?2 surname2 (last|family)name2 segundoapellido apellido2 apellidomaterno",
    "surname_before": r"tussenvoegsels? (naam|surname|name)?(voorvoegsels?|infix) namenszusatz",
    "surname": r"""
        (last|family|sur|l|s)(name|names|nm|nam)1? ln lname(c1|1) last family nachnamen? familienname
        nom(de)?famille apellidos?1? primerapellido apellidopaterno cognome nazwisko achternaam efternamn sn
        name(last|family) sobrenome zuname
        fam(name|nm) nom(de)?(usage|naissance) soyadi? cyfenw geslachtsnaam nazw
        e(tter|fter)navn slektsnavn apelidos?
        prizvishche familiia eponymo shmmshpchh allqb
        pid51 surname(and|with)?initials?
    """,
    "full_name": r"""
        (whole|complete|entire|display)?names? (first|fore)name(and|s)?(last|sur)name firstandsurname firstlast
        voll(staendig)?ername nom(complet|prenom|etprenom) prenomnom nombre(completo|yapellidos) nameinfull
        nome(completo)?
        (nach|familien)?name?vorname vorname(nach)?name nomprenoms? apellidosynombres? adi?soyadi? imieinazwisko
        enwllawn
        (hele)?navn namn naam nominativo cognomenome
        pib fio onomateponymo shmmla alasmalkaml
        nume(si)?prenume addressee recipient pid5 (surname|cognome)(and|e)?(forename|name|nome)s?
    """,
    "nom": r"nom nume",
    "title": r"title salutation prefix nameprefix anrede suffix namesuffix honorific civilite suffixname titel",
    "house_number": r"""
        (house|street|building|bldg|st|str|prop|property|addr(ess)?|premise|door)(no|num|number|nbr|nr) hausnummer
        hausnr hnr paon numero(de)?rue streetnumber numerocalle
        (house|hse|flat|property|prop|building|bldg)(name)?(or)?(no|num|number) huisn(ummer|r) nrdomu kapino
        hus(nr|nummer)
        budinok msprbyt
        n(umero)?civico civico numar(ul)? nu(mero)?endereco
    """,
    "unit": r"""
        (unit|flat|apt|apartment|suite|subbuilding|room)(no|num|number|nbr|name|designator)? saon wohnung
        nrlok(alu)? nrmieszkania
    """,
    "house_name": r"(house|building|property|premise|bldg)(name)?",
    "street_before": r"(street|st)?(predir|dir|direction|predirection|prefix)",
    "street_after": r"(street|st)(type|typ|suffix|sfx|typecd|postdir)\w{0,2}",
    "street": r"""
        (street|road|st|str|thoroughfare|rue|strasse|calle|via)(name|nm)?\d? stname ulica strassenname voie
        dependentstreet
        straatnaam straat cadde sokak stryd heol
        vej(navn)? gate(navn)? gata gatuadress rua
        vulitsia ulitsa odos rchvb strada
        logradouro mahalle(sokak)?
    """,
    "address_line": r"""
        (street|postal|permanent|living|property|whole|site)?(address|addr|add)(line|ln|l)?(full|one|1|text)?
        (address|addr)(street|street1|string) adr adresse anschrift direccion domicilio indirizzo
        concat(enated)?address singlelineaddress lastknown(address|addr)
        (dwelling|premises?|lives|living|residing)(address|addr|at)? (property|street)?location
        str(asse|eet)?h(aus)?n(r|ummer) adr(esse)?(ligne)?1? adres(regel)?1? cyfeiriad morada
        bostadsadress(en)? gateadresse vejadresse utdelningsadress indirizzo
        adresa(prozhivannia)? dieythynsi ktvbt alanwan
        pid111 endereco adreszam(ieszkania)? mailing(address)?1?
    """,
    "address_more": r"""
        (street|postal|property)?(address|addr|add|adr|adresse)(line|ln|l)?([2-9]|two|three|four|five)
        secondaryaddr(ess)?
        adr(esse)?ligne[2-9]
        mailing[2-9]
    """,
    "locality": r"locality village hamlet district neighbou?rhood ward parish dependentlocality stadtteil quartier",
    "town": r"""
        town(city|name)? city(town|name)? posttown suburb(name)? ort(sname)? wohnort stadt ville ciudad poblacion
        municipality commune gemeinde localidad municipio comune miasto woonplaats cidade citta addresstown
        addresscity
        twn livesin tref dinas sehir il ilce miejscowosc plaats stad
        poststed postort by(navn)? localidade concelho freguesia municipalite
        misto gorod poli dimos ayr
        localitate(a|(de)?domiciliu)? pid113
    """,
    "postcode_town": r"""
        (plz|postleitzahl|cp|codepostal|zip|postcode)(und|et|and|y)?(ort|wohnort|ville|city|town|stadt)
        post(nr|nummer)(og)?(post)?(sted|by|ort)
        (town|city|ville|ort|cidade|comune)(and|und|et|y|st|state|e)*(postcode|zip|plz|cp|cep|cap|pc) postadress
    """,
    "state": r"""
        state(code|abbr|name|cd)? county(name)? province prov region bundesland departement provincia comunidad
        judet
    """,
    "postcode": r"""
        (post|postal|zip)(code|cd)?(of)?\w?\d? pc(d|ds|ode)? (post|postal)codes?\w?\d? zip(code)?[45+]* plz
        postleitzahl codepostal cp codigopostal cap eircode postcd postcodefake codpostal codicepostale
        kodpocztowy postnummer addresspostcode
        kod codpost cod(igo)?postal postakodu codepost
        post(nr|nummer)
        (poshtovii|pochtovii)?indeks tk tachkodikas mykvd
        pid115 cep kodpoczt codpostal
    """,
    "outcode": r"(post(al)?(code|cd)?|pc)?out(ward|er)?(code|cd|part|half)? (outward|outer)post(code|cd)",
    "incode": r"(post(al)?(code|cd)?|pc)?in(ward|ner)?(code|cd|part|half) (inward|inner)post(code|cd) post(code|cd)in",
    "country": r"country(name|code)? land pays pais nation(ality)?",
}  # fmt: skip
INSTEAD: Final = {
    "forename": ("forename", "full_name"),
    "surname": ("surname", "full_name", "nom"),
    "nom": ("surname", "full_name", "nom"),
    "full_name": ("forename", "surname", "full_name", "nom"),
    "date_of_birth": ("date_of_birth", "birth_year"),
    "birth_year": ("date_of_birth", "birth_year"),
    "address_line": ("address_line", "street"),
    "street": ("address_line", "street"),
    "locality": ("locality", "town"),
}
"""Roles beside which a column is not needed whose name speaks of a role only in part."""
BIRTH: Final = word_set(
    "birth born geburt geburts geb naissance naiss nacimiento nac nascita nasc nascimento geboorte fodsel fodested"
)
"""Words beside which a place is not that where one lives."""
VAGUE: Final = word_set(
    "last first family given middle mid name names full year yr month day tag born birth location kod"
)
"""Words that say so little that they count beside unknown ones only where they stand last."""
