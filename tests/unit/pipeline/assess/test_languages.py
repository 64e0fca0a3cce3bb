"""From Patient.communication in every spelling to the need, the sheet's language and who is asked."""

from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.need import Need, NeedState
from service.domain.record import Language, Record
from service.pipeline.assess import assess
from service.pipeline.assess.languages import language_of
from service.pipeline.draft import draft
from service.presentation.patient_sheet import patient_sheet
from tests.builders import ENCOUNTER, NO_MATCHES, TODAY, concept, encounter, observation, patient, resource
from tests.unit.pipeline.assess.shipped import CONTENT

Json = dict[str, Any]
CERNER = "https://fhir.cerner.com/x/codeSet/36"
LANGUAGE_SYSTEMS = (
    *(
        "urn:ietf:bcp:47",
        "http://tools.ietf.org/html/bcp47",
        "https://tools.ietf.org/html/bcp47",
        "urn:ietf:rfc:3066",
    ),
    *(
        "urn:ietf:rfc:5646",
        "http://hl7.org/fhir/ValueSet/languages",
        "http://hl7.org/fhir/ValueSet/all-languages",
    ),
    *("urn:oid:2.16.840.1.113883.6.121", "urn:oid:2.16.840.1.113883.6.316", "urn:iso:std:iso:639:-2"),
    *("http://terminology.hl7.org/CodeSystem/v2-0296", "urn:oid:2.16.840.1.113883.6.100"),
)


def spoken(system: str = "", code: str = "", display: str = "", said: str = "", **more: Any) -> Json:
    language = concept(code, system, display, said) if code else {"text": said}
    return {"language": language, "preferred": True, **more}


def read(*communication: Any, **more: Any) -> Record:
    who = patient(communication=list(communication) or None, **more)
    return build_record([who, encounter()], encounter=ENCOUNTER, today=TODAY, asked=CONTENT.questions)


def access(record: Record, site: str = "en") -> Need:
    found = assess(record, CONTENT, today=TODAY, site_language=site)
    return next(need for need in found.needs if need.code == "language-access")


def state(*communication: Any, site: str = "en", **more: Any) -> str:
    return str(access(read(*communication, **more), site).state)


@pytest.mark.parametrize("system", LANGUAGE_SYSTEMS)
@pytest.mark.parametrize(
    ("code", "found"), [("en", NeedState.ABSENT), ("es", NeedState.PRESENT), ("und", NeedState.NOT_ASSESSED)]
)
def test_a_tag_counts_wherever_it_stands(system: str, code: str, found: NeedState) -> None:
    assert state(spoken(system, code)) == found
    local_first = {"coding": [{"system": CERNER, "code": "151"}, {"system": system, "code": code}]}
    local_last = {"coding": list(reversed(local_first["coding"]))}
    if code != "und":
        assert [state(spoken() | {"language": each}) for each in (local_first, local_last)] == [found, found]


@pytest.mark.parametrize(
    "said",
    [
        *("en", "EN", "en-US", "en_US", "en-GB", "en_AU.UTF-8", "eng", "ENG"),
        *(
            "English",
            "ENGLISH",
            "english (US)",
            "English - United States",
            "English (United Kingdom)",
            "American English",
        ),
    ],
)
def test_the_site_s_own_language_needs_nobody_however_it_is_written(said: str) -> None:
    for entry in (spoken(said=said), spoken("urn:ietf:bcp:47", said), spoken(CERNER, "151", said)):
        need = access(read(entry))
        assert need.state is NeedState.ABSENT
        assert not need.question
    assert state(spoken(said=said), site="es") == NeedState.PRESENT


SPANISH = (
    *("es", "ES", "es-MX", "es_US", "es-419", "spa", "Spanish", "SPANISH", "Español", "español", "Espanol"),
    *(
        "Spanish; Castilian",
        "Castilian",
        "Spanish (Mexico)",
        "Spanish - Latin American",
        "Other: Spanish",
        "Castellano",
    ),
)


@pytest.mark.parametrize("said", SPANISH)
def test_every_spanish_gets_the_spanish_sheet(said: str) -> None:
    for entry in (spoken(said=said), spoken("urn:ietf:bcp:47", said, said), spoken(CERNER, "160", said)):
        record = read(entry)
        found = assess(record, CONTENT, today=TODAY)
        plan = draft(record, found, NO_MATCHES, tenant="example")
        assert patient_sheet(plan, "patient").startswith("SU PLAN PARA SALIR DEL HOSPITAL")
        assert access(record).state is NeedState.PRESENT
        assert state(entry, site="es-PR") == NeedState.ABSENT


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("Chinese, Mandarin", "cmn"),
        ("Mandarin Chinese", "cmn"),
        ("Chinese (Cantonese)", "yue"),
        ("Cantonese", "yue"),
        ("Chinese", "zh"),
        ("zh-yue", "yue"),
        ("zh-Hans-CN", "zh"),
        ("chi", "zh"),
        ("zho", "zh"),
        ("Vietnamese", "vi"),
        ("Tiếng Việt", "vi"),
        ("Haitian Creole", "ht"),
        ("Creole, Haitian", "ht"),
        ("Haitian; Haitian Creole", "ht"),
        ("Kreyòl", "ht"),
        ("ASL", "ase"),
        ("American Sign Language", "ase"),
        ("Sign Language, American", "ase"),
        ("ase", "ase"),
        ("Sign language", "sgn"),
        ("ger", "de"),
        ("deu", "de"),
        ("Deutsch", "de"),
        ("fre", "fr"),
        ("fra", "fr"),
        ("French", "fr"),
        ("Farsi", "fa"),
        ("Persian; Farsi", "fa"),
        ("Dari", "prs"),
        ("Tagalog", "fil"),
        ("tl", "fil"),
        ("Brazilian Portuguese", "pt"),
        ("Portuguese (Brazil)", "pt"),
        ("Русский", "ru"),
        ("한국어", "ko"),
        ("Burmese", "my"),
        ("Nepali", "ne"),
        ("Q'eqchi'", "kek"),
        ("Mixteco", "mix"),
        ("Swiss German", "gsw"),
    ],
)
def test_codes_and_words_name_one_language(said: str, tag: str) -> None:
    for entry in (spoken(said=said), spoken(CERNER, "9", said)):
        assert language_of(read(entry).patient) == tag
        assert state(entry) == NeedState.PRESENT


@pytest.mark.parametrize("tag", ["mxv", "yue", "zh-cmn", "sgn-US", "zh-min-nan", "i-navajo"])
def test_a_code_of_a_system_of_languages_is_one_even_if_we_have_no_name_for_it(tag: str) -> None:
    assert state(spoken("urn:ietf:bcp:47", tag)) == NeedState.PRESENT


NOT_KNOWN = (
    *(
        "und",
        "unk",
        "UNK",
        "zxx",
        "mul",
        "mis",
        "ASKU",
        "OTH",
        "Unknown",
        "UNKNOWN",
        "Other",
        "Declined",
        "Refused",
    ),
    *(
        "Patient refused",
        "Declined to specify",
        "Not documented",
        "*Unspecified",
        "Unable to obtain",
        "N/A",
        "None",
    ),
    *("Prefer not to say", "asked-declined", "", " "),
)


@pytest.mark.parametrize("said", NOT_KNOWN)
def test_what_means_not_known_is_asked(said: str) -> None:
    null = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
    for entry in (spoken(said=said), spoken("urn:ietf:bcp:47", said, said), spoken(null, said, said, said)):
        record = read(entry)
        need = access(record)
        assert record.patient.languages == ()
        assert (need.state, need.evidence) == (NeedState.NOT_ASSESSED, ())
        assert need.question.startswith("In which language")


def test_an_absent_reason_is_no_language() -> None:
    absent = [{"url": systems.DATA_ABSENT_REASON, "valueCode": "unknown"}]
    for language in (
        {"extension": absent},
        {"coding": [{"extension": absent, "_code": {"extension": absent}}]},
        None,
    ):
        assert state({"language": language, "preferred": True}) == NeedState.NOT_ASSESSED
    proficiency = {"url": "http://hl7.org/fhir/StructureDefinition/patient-proficiency", "extension": []}
    assert state({"extension": [proficiency]}) == NeedState.NOT_ASSESSED


@pytest.mark.parametrize(
    "entry",
    [
        spoken(said="Klatchian"),
        spoken(CERNER, "151"),
        spoken("urn:ietf:bcp:47", "es", "English"),
        spoken(said="English/Spanish"),
        spoken(said="Limited English"),
        spoken(said="Non-English"),
        spoken(said="No"),
        spoken(said="French Creole"),
        spoken("urn:ietf:bcp:47", "sp"),
    ],
)
def test_what_is_not_understood_is_asked_with_its_words(entry: Json) -> None:
    need = access(read(entry))
    assert need.state is NeedState.NOT_ASSESSED
    assert "not understood" in need.evidence[0].text
    assert need.evidence[0].text in need.question


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        (["es", "en"], NeedState.NOT_ASSESSED),
        (["es", "vi"], NeedState.PRESENT),
        (["en-US", "en-GB"], NeedState.ABSENT),
        (["es", "en!"], NeedState.ABSENT),
        (["es!", "en"], NeedState.PRESENT),
        (["unk!", "es"], NeedState.PRESENT),
    ],
)
def test_of_several_languages_the_preferred_one_counts(entries: list[str], found: NeedState) -> None:
    given = [spoken("urn:ietf:bcp:47", tag.strip("!"), preferred="!" in tag) for tag in entries]
    assert state(*given) == found
    in_words = [each | {"preferred": str(each["preferred"]).lower()} for each in given]
    assert state(*in_words) == found


def test_the_language_of_the_resource_is_not_the_patient_s() -> None:
    assert state(language="es") == NeedState.NOT_ASSESSED


def test_the_answer_to_the_question_stands_in_for_the_patient_s_language() -> None:
    told = observation("l", "54899-0", "Spanish")
    record = build_record(
        [patient(communication=None), encounter(), told],
        encounter=ENCOUNTER,
        today=TODAY,
        asked=CONTENT.questions,
    )
    assert record.patient.languages == (Language("es", "Spanish", preferred=True),)
    declined = observation("l", "54899-0", "I choose not to answer this question")
    asked = build_record(
        [patient(communication=None), encounter(), declined], encounter=ENCOUNTER, today=TODAY
    )
    assert asked.patient.languages == ()


@pytest.mark.parametrize(
    ("extension", "found"),
    [
        ({"url": systems.INTERPRETER_REQUIRED, "valueBoolean": True}, NeedState.PRESENT),
        ({"url": systems.INTERPRETER_REQUIRED, "valueBoolean": "true"}, NeedState.PRESENT),
        (
            {"url": systems.US_CORE_INTERPRETER_NEEDED, "valueCoding": {"code": "373066001"}},
            NeedState.PRESENT,
        ),
        (
            {"url": systems.US_CORE_INTERPRETER_NEEDED, "valueCodeableConcept": concept("Y")},
            NeedState.PRESENT,
        ),
        ({"url": "http://ehr.example/interpreter-needed", "valueString": "Yes"}, NeedState.PRESENT),
        ({"url": systems.US_CORE_INTERPRETER_NEEDED, "valueCoding": {"code": "373067005"}}, NeedState.ABSENT),
        ({"url": "http://ehr.example/interpreter-name", "valueString": "Yes"}, NeedState.ABSENT),
    ],
)
def test_the_need_for_an_interpreter_stands_on_patient_or_stay(extension: Json, found: NeedState) -> None:
    english = spoken("urn:ietf:bcp:47", "en")
    assert state(english, extension=[extension]) == found
    stay = encounter(extension=[extension])
    record = build_record([patient(communication=[english]), stay], encounter=ENCOUNTER, today=TODAY)
    assert access(record).state is found


@pytest.mark.parametrize(("answer", "found"), [("LA33-6", NeedState.PRESENT), ("LA32-8", NeedState.ABSENT)])
def test_the_question_for_an_interpreter_is_answered_in_an_observation(answer: str, found: NeedState) -> None:
    said = observation("i", "54588-9", answer)
    given = [patient(communication=None), encounter(), said]
    record = build_record(given, encounter=ENCOUNTER, today=TODAY, asked=CONTENT.questions)
    assert access(record).state is found


def mother(*entries: Json, **more: Any) -> Json:
    role = [concept("MTH", "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "mother")]
    return resource("RelatedPerson", "m", relationship=role, communication=list(entries), **more)


@pytest.mark.parametrize(
    ("born", "child", "parent", "found"),
    [
        ("2024-03-01", None, "es", NeedState.NOT_ASSESSED),
        ("2015-03-01", "en", "es", NeedState.NOT_ASSESSED),
        ("2015-03-01", "en", "en", NeedState.ABSENT),
        ("2015-03-01", "es", "en", NeedState.PRESENT),
        ("1950-03-01", "en", "es", NeedState.ABSENT),
    ],
)
def test_what_a_child_s_parents_speak_is_a_reason_to_ask(
    born: str, child: str | None, parent: str, found: NeedState
) -> None:
    communication = [spoken("urn:ietf:bcp:47", child)] if child else None
    who = patient(birthDate=born, communication=communication)
    given = [who, encounter(), mother(spoken("urn:ietf:bcp:47", parent))]
    need = access(build_record(given, encounter=ENCOUNTER, today=TODAY))
    assert need.state is found
    asked = found is NeedState.NOT_ASSESSED
    assert any("mother: speaks Spanish" in cited.text for cited in need.evidence) is asked


def test_a_parent_who_needs_an_interpreter_is_a_need_of_the_child() -> None:
    needs = [{"url": systems.INTERPRETER_REQUIRED, "valueBoolean": True}]
    for born, found in (("2015-03-01", NeedState.PRESENT), ("1950-03-01", NeedState.ABSENT)):
        given = [patient(birthDate=born), encounter(), mother(extension=needs)]
        assert access(build_record(given, encounter=ENCOUNTER, today=TODAY)).state is found
