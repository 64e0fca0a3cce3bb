"""What patients read: at sixth grade, in English and in Spanish, and every sentence of it in the catalogue."""

from datetime import date

import orjson
import pytest

from config.catalogue import Catalogue, catalogue, languages, path_of, read_catalogue
from fhir_mappings.inbound.bundle_file import read_bundle
from service.commands.messages import catalogue_of, main, messages, service_titles, texts_for_patients
from service.commands.plan_file import plan_of
from service.domain.protocol import FollowUpTemplate, ReferralTemplate
from service.domain.sensitivity import VIOLENCE
from service.presentation.patient_sheet import Reader, patient_sheet
from service.sandbox.inpatients import bundle_of, inpatients
from tests.reading_grade import crawford, english_syllables, flesch_kincaid, spanish_syllables
from tests.unit.pipeline.assess.shipped import CONTENT

GRADE = 6
MESSAGES = messages(CONTENT)
SPANISH = catalogue("es") or Catalogue("es", {}, reviewed=True)
#: What may stand in the places of a message.
FILLED = {
    "day": "Tuesday, March 5, 2024",
    "phone": "555-0100",
    "place": "Food Bank",
    "time": "2:30 PM",
    "link": "",
    "language": "",
}
TODAY = date(2026, 11, 21)


def filled(text: str) -> str:
    return text.format(**FILLED)


def too_hard(texts, grade):
    return {text: grade(filled(text)) for text in texts if grade(filled(text)) > GRADE}


def test_the_measure_knows_easy_from_hard():
    assert flesch_kincaid("See your doctor in the first week.") < 3
    assert flesch_kincaid("Anticoagulation necessitates periodic laboratory monitoring.") > 15
    assert crawford("Vea a su médico. Tome sus pastillas.") < 4
    assert crawford("La anticoagulación requiere monitorización periódica en el laboratorio.") > 6
    syllables = [english_syllables("interpreter"), english_syllables("911"), spanish_syllables("enfermera")]
    assert syllables == [4, 1, 4]


def test_every_sentence_for_patients_reads_at_sixth_grade():
    """What a service is stands on no English sheet: there it is called by its own name."""
    assert too_hard(MESSAGES.keys() - set(service_titles(CONTENT)), flesch_kincaid) == {}


def test_every_spanish_sentence_reads_at_sixth_grade_by_crawfords_formula():
    assert too_hard(SPANISH.messages.values(), crawford) == {}


def sentences(sheet: str) -> str:
    """A sheet as a reader of prose takes it: without links, a full stop after each heading."""
    lines = [line.removeprefix("- ") for line in sheet.splitlines() if line]
    words = [" ".join(word for word in line.split() if "://" not in word) for line in lines]
    return " ".join(line if line.endswith((".", "!", "?")) else f"{line}." for line in words)


def sheet_of(inpatient, reader) -> str:
    resources = read_bundle(orjson.dumps(bundle_of(inpatient, TODAY)))
    plan = plan_of(resources, encounter=inpatient.encounter, today=TODAY)
    return patient_sheet(plan, reader, phone="555-0100")


@pytest.mark.parametrize("reader", Reader)
def test_every_whole_sheet_of_the_sandbox_reads_at_sixth_grade(reader):
    read = {one.id: sheet_of(one, reader) for one in inpatients()}
    english = {key: sentences(sheet) for key, sheet in read.items() if sheet.startswith("YOUR PLAN")}
    assert len(english) > len(read) / 2
    assert too_hard(english.values(), flesch_kincaid) == {}


def test_the_catalogues_hold_every_message_and_no_other():
    assert languages() == ("es",)
    for language in languages():
        held = {message.id: message for message in read_catalogue(language) if message.id}
        assert held.keys() == MESSAGES.keys()
        assert [text for text, one in held.items() if one.fuzzy or not one.string] == []
        assert not read_catalogue(language).obsolete


def test_a_translation_has_the_same_places_to_fill():
    for text, translated in SPANISH.messages.items():
        for place in FILLED:
            assert (f"{{{place}}}" in text) is (f"{{{place}}}" in translated), text


def test_numbers_to_call_survive_translation():
    elsewhere = {"1-800-784-8669": "1-855-335-3569"}
    for text, translated in SPANISH.messages.items():
        for number in ("911", "988", "211", "1-833-852-6262", "1-800-662-4357", "800-272-3900"):
            assert (number in text) is (number in translated), text
        for english, spanish in elsewhere.items():
            assert (english in text) is (spanish in translated), text


def test_a_catalogue_is_brought_in_step_without_losing_what_it_has():
    fresh = catalogue_of("es", CONTENT)
    assert {one.id: one.string for one in fresh if one.id} == dict(SPANISH.messages)
    assert "review: pending" in fresh.header_comment


def test_writing_the_catalogues_anew_changes_nothing(tmp_path, monkeypatch):
    before = path_of("es").read_bytes()
    copy = tmp_path / "es" / "LC_MESSAGES" / "homeward.po"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(before)
    monkeypatch.setattr("config.catalogue.LOCALES", tmp_path)
    main()
    assert copy.read_bytes() == before


def test_the_spanish_catalogue_is_still_to_be_reviewed():
    assert not SPANISH.reviewed


def test_every_service_and_visit_that_may_be_told_has_plain_words():
    silent = [
        (protocol.ref.id, offer.template.title if isinstance(offer.template, ReferralTemplate) else "")
        for protocol in CONTENT.protocols
        for offer in protocol.offers
        if isinstance(offer.template, ReferralTemplate | FollowUpTemplate)
        and not offer.template.patient_text
        and not protocol.labels & VIOLENCE
    ]
    assert silent == []


def test_what_a_protocol_says_to_the_patient_names_no_clock_of_its_own():
    """Placeholders are for the sheet; in a protocol a brace would be printed."""
    spoken = [text for protocol in CONTENT.protocols for text in texts_for_patients(protocol)]
    assert not [text for text in spoken if "{" in text or "}" in text]
