"""The whole assessment: what holds for every record, and how needs, disposition and readiness follow from it."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.assessment import Assessment, Outcome, Verdict
from service.domain.codes import Code, System
from service.domain.content import Protocol
from service.domain.evidence import Certainty
from service.domain.expression import Truth
from service.domain.need import Need, NeedState
from service.domain.record import Fact, Gap, GapReason, Kind, Observation, Record, RelatedPerson, Slot
from service.domain.sensitivity import Label
from service.pipeline.assess import assess
from tests.builders import TODAY, answer, fact, person, record, stay
from tests.cases_reader import all_cases
from tests.unit.pipeline.assess.shipped import CONTENT

CASES = list(all_cases())
RECORDS = st.sampled_from([case.record for case in CASES])


def _assess(given: Record, **more: Any) -> Assessment:
    return assess(given, CONTENT, today=TODAY, **more)


def _needs(given: Record) -> dict[str, Need]:
    return {need.code: need for need in _assess(given).needs}


# --- what holds for every record -----------------------------------------------------------------
@given(RECORDS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_the_record_does_not_matter(given: Record, shuffler: random.Random) -> None:
    facts, observations = list(given.facts), list(given.observations)
    shuffler.shuffle(facts)
    shuffler.shuffle(observations)
    assert _assess(replace(given, facts=tuple(facts), observations=tuple(observations))) == _assess(given)


@given(RECORDS)
@settings(max_examples=60)
def test_what_was_entered_in_error_changes_nothing(given: Record) -> None:
    wrong = tuple(
        replace(one, verification="entered-in-error", reference=f"{one.reference}-wrong")
        for case in CASES
        for one in case.record.facts
        if one.kind is Kind.CONDITION
    )
    mistaken = tuple(
        replace(one, status="entered-in-error", reference=f"{one.reference}-wrong")
        for case in CASES
        for one in case.record.observations
    )
    noisy = replace(given, facts=given.facts + wrong, observations=given.observations + mistaken)
    assert _assess(noisy).needs == _assess(given).needs


@given(RECORDS)
@settings(max_examples=60)
def test_facts_nobody_asks_for_change_no_need(given: Record) -> None:
    other = (fact("M54.50", reference="Condition/back"), fact("L70.0", reference="Condition/acne"))
    beside = (answer("8867-4", 72, unit="/min", reference="Observation/pulse"),)
    noisy = replace(given, facts=given.facts + other, observations=given.observations + beside)
    assert _assess(noisy).needs == _assess(given).needs


@given(RECORDS)
@settings(max_examples=60)
def test_every_need_that_is_there_says_why_and_what_follows(given: Record) -> None:
    assessment = _assess(given)
    elsewhere = {
        one.need for one in assessment.explanations if one.taken_over and one.taken_over.truth is Truth.TRUE
    }
    for need in assessment.present():
        assert need.evidence, need.code
        assert all(one.reference for one in need.evidence)
        found = need.interventions
        assert (not (found.referrals or found.follow_ups or found.tasks)) is (need.code in elsewhere)
        assert need.protocol.version


@given(RECORDS)
@settings(max_examples=60)
def test_labels_of_the_evidence_are_on_the_need(given: Record) -> None:
    for need in _assess(given).needs:
        assert all(one.labels <= need.labels for one in need.evidence)


def test_an_empty_record_has_no_need_and_is_not_ready_without_caveats() -> None:
    assessment = _assess(record())
    assert assessment.present() == ()
    assert assessment.readiness.verdict is Verdict.WITH_CAVEATS
    assert assessment.disposition.suggested == ""
    assert all(need.question for need in assessment.needs)


def test_needs_stand_in_the_order_in_which_a_social_worker_reads_them() -> None:
    kinds = [need.kind for need in _assess(record()).needs]
    assert kinds == sorted(kinds, key=["social", "safety", "support", "clinical"].index)


# --- sensitivity ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "labels"),
    [
        ("F03.90", set()),
        ("F05", set()),
        ("G30.9", set()),
        ("F17.210", set()),
        ("Z39.2", set()),
        ("F32.9", {"BH", "MH", "PSY"}),
        ("F11.20", {"SUD", "OPIOIDUD"}),
        ("F10.20", {"SUD", "ETHUD"}),
        ("T40.2X1A", {"SUD", "OPIOIDUD"}),
        ("T40.2X2A", {"SUD", "OPIOIDUD", "BH"}),
        ("T40.2X5A", set()),
        ("T39.1X2A", {"BH"}),
        ("T39.1X1A", set()),
        ("B20", {"HIV"}),
        ("O03.9", {"SEX"}),
        ("Z37.1", {"SEX"}),
        ("Z37.0", set()),
        ("T74.11XA", {"SDV"}),
        ("Z62.810", {"SDV"}),
        ("Z65.4", {"VIO"}),
    ],
)
def test_codes_carry_the_labels_of_their_family(code: str, labels: set[str]) -> None:
    assert CONTENT.sensitivity.of(Code(System.ICD10CM, code)) == labels


def test_a_resources_own_label_reaches_need_and_blocker() -> None:
    labelled = fact("N18.6", labels=frozenset({Label.HIV}))
    assessment = _assess(record(labelled))
    need = next(one for one in assessment.needs if one.code == "dialysis-access")
    blocker = next(b for b in assessment.readiness.blockers if b.key == "dialysis-chair-unconfirmed")
    assert need.labels == blocker.labels == {Label.HIV}
    assert need.neutral_title
    assert "dialysis" not in need.neutral_title.lower()


def test_a_screen_of_violence_is_labelled_though_it_is_negative() -> None:
    assert _needs(record(answer("76504-0", 0)))["intimate-partner-violence"].labels == {Label.SDV}


def test_a_diagnosis_in_two_code_systems_is_one_statement() -> None:
    both = (Code(System.ICD10CM, "I50.9"), Code(System.SNOMED, "84114007"))
    twice = fact("I50.9", codes=both, text="Heart failure")
    assessment = _assess(record(twice))
    need = next(one for one in assessment.needs if one.code == "heart-failure-care")
    assert [one.code for one in need.evidence] == [both[0]]
    comorbidity = next(part for part in assessment.risk_scores[0].parts if part.name == "Comorbidity")
    assert len(comorbidity.evidence) == 1


def test_lives_alone_is_shown_with_the_question_and_decides_nothing() -> None:
    need = _needs(record(fact("Z60.2", text="Lives alone")))["social-connection"]
    assert need.state is NeedState.NOT_ASSESSED
    assert [one.text for one in need.evidence] == ["Lives alone"]


def test_words_without_a_code_become_a_question() -> None:
    said = Fact(Kind.CONDITION, "Condition/1", text="Homeless since May", status="active")
    need = _needs(record(said))["homelessness"]
    assert need.state is NeedState.NOT_ASSESSED
    assert [one.certainty for one in need.evidence] == [Certainty.UNCERTAIN]


def test_a_need_that_words_hint_at_is_to_be_confirmed_without_saying_what_nobody_found() -> None:
    said = Fact(Kind.CONDITION, "Condition/1", text="hx of suicide attempt 1990s", status="active")
    texts = [
        one.text for one in _assess(record(said)).readiness.blockers if one.text.startswith("To confirm")
    ]
    assert texts == ["To confirm: Self-harm risk; the record's words hint at it"]


def test_a_value_that_cannot_be_compared_hints_without_words() -> None:
    said = answer("59408-5", 0.85, unit="1", at=datetime(2024, 3, 5, 8, tzinfo=UTC))
    blockers = _assess(record(said)).readiness.blockers
    (caveat,) = [one for one in blockers if one.key == "oxygen-not-arranged"]
    assert caveat.text.endswith("; the record hints at it")
    assert not caveat.blocks


def test_a_clinical_word_without_a_code_asks_for_confirmation() -> None:
    ordered = Fact(Kind.ORDER, "ServiceRequest/1", text="wound care", status="active")
    assert _needs(record(ordered))["wound-care"].question == "Confirm: Wound care?"


def test_a_contradicted_need_shows_both_sides() -> None:
    need = _needs(record(fact("Z59.41"), answer("88124-3", "LA19983-8")))["food-insecurity"]
    assert (need.state, need.certainty) == (NeedState.PRESENT, Certainty.CONFLICTED)
    assert {one.reference for one in need.evidence} == {"Condition/z59-41", "Observation/88124-3"}


def test_an_answer_too_old_to_count_is_told_to_whoever_asks_again() -> None:
    old = answer("88122-7", "LA28397-0", at=datetime(2021, 5, 4, tzinfo=UTC), encounter="")
    need = _needs(record(old))["food-insecurity"]
    assert need.state is NeedState.NOT_ASSESSED
    assert [(one.reference, one.certainty) for one in need.evidence] == [
        ("Observation/88122-7", Certainty.UNCERTAIN)
    ]
    assert need.question.endswith("(On record from 2021-05-04: Worried that food would run out: Often true.)")


def test_an_old_no_and_an_old_answer_to_what_was_asked_since_are_not_told() -> None:
    when = datetime(2021, 5, 4, tzinfo=UTC)
    no = answer("88122-7", "LA28398-8", at=when, encounter="")
    assert _needs(record(no))["food-insecurity"].evidence == ()
    old, now = (
        answer("71802-3", "LA30190-5", at=when, encounter=""),
        answer("71802-3", "LA31993-1", reference="Observation/now"),
    )
    assert _needs(record(old, now))["homelessness"].state is NeedState.ABSENT


# --- outcome -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        ([], Outcome.GOING_HOME),
        ([(System.DISPOSITION, "home")], Outcome.GOING_HOME),
        ([(System.DISPOSITION, "exp")], Outcome.DIED),
        ([(System.UB04, "41")], Outcome.DIED),
        ([(System.UB04, "02")], Outcome.TRANSFERRED),
        ([(System.DISPOSITION, "other-hcf")], Outcome.TRANSFERRED),
        ([(System.DISPOSITION, "other-hcf"), (System.UB04, "43")], Outcome.TRANSFERRED),
        ([(System.DISPOSITION, "other-hcf"), (System.UB04, "63")], Outcome.GOING_HOME),
        ([(System.UB04, "03")], Outcome.GOING_HOME),
        ([(System.UB04, "82")], Outcome.TRANSFERRED),
        ([("", "02")], Outcome.TRANSFERRED),
        ([("", "2")], Outcome.TRANSFERRED),
        ([("", "20")], Outcome.DIED),
        ([("urn:example:local", "20")], Outcome.GOING_HOME),
        ([(System.TEXT, "Expired")], Outcome.DIED),
        ([(System.TEXT, "Patient died in hospital")], Outcome.DIED),
        ([(System.TEXT, "Discharged to short-term hospital")], Outcome.TRANSFERRED),
        ([(System.TEXT, "Acute Care Hospital")], Outcome.TRANSFERRED),
        ([(System.TEXT, "Long term acute care hospital")], Outcome.GOING_HOME),
        ([(System.TEXT, "Home or self care")], Outcome.GOING_HOME),
    ],
)
def test_the_stay_ends_as_its_disposition_says(codes: list[tuple[str, str]], outcome: Outcome) -> None:
    ended = stay(disposition=tuple(Code(system, code) for system, code in codes))
    assert _assess(record(encounter=ended)).outcome is outcome


def test_the_words_of_a_hospitals_own_code_count_and_those_of_a_known_code_do_not() -> None:
    local, known = Code("urn:example:local", "X9", "Expired"), Code(System.DISPOSITION, "home", "Not expired")
    assert _assess(record(encounter=stay(disposition=(local,)))).outcome is Outcome.DIED
    assert _assess(record(encounter=stay(disposition=(known,)))).outcome is Outcome.GOING_HOME


def test_the_dead_do_not_go_home() -> None:
    assert _assess(record(patient=person(deceased=True))).outcome is Outcome.DIED


# --- disposition ---------------------------------------------------------------------------------
BARTHEL = "96761-2"
THERAPIES = (
    fact("1", Kind.ORDER, system="local", text="Physical therapy"),
    fact("2", Kind.ORDER, system="local", text="Occupational therapy"),
)
HOMELESS = fact("Z59.02")


@pytest.mark.parametrize(
    ("said", "suggested"),
    [
        ((), ""),
        ((answer(BARTHEL, 95),), "home"),
        ((answer(BARTHEL, 75),), "home"),
        ((answer(BARTHEL, 40),), ""),
        ((answer(BARTHEL, 40), fact("Z74.2")), "snf"),
        ((answer(BARTHEL, 40), fact("L89.154")), "snf"),
        ((answer(BARTHEL, 40), fact("I63.9")), ""),
        ((answer(BARTHEL, 40), fact("I63.9"), *THERAPIES), "rehab"),
        ((answer(BARTHEL, 95), HOMELESS), "alt-home"),
        ((answer(BARTHEL, 40), HOMELESS), "snf"),
        ((answer("79529-4", 35), fact("Z74.2")), "snf"),
        ((answer("79529-4", 55),), "home"),
        ((answer("96781-0", "LA31976-6"),), "home"),
        ((answer("96781-0", "LA31979-0"),), ""),
        ((answer(BARTHEL, 63), fact("I50.9")), ""),
        ((answer(BARTHEL, 95), answer("93249-1", "LA33-6")), ""),
    ],
)
def test_a_place_is_suggested_from_function_care_and_home(
    said: tuple[Fact | Observation, ...], suggested: str
) -> None:
    disposition = _assess(record(*said)).disposition
    assert disposition.suggested == suggested
    assert bool(disposition.suggested) or any(one.weighs == "missing" for one in disposition.factors)


@given(RECORDS)
@settings(max_examples=60)
def test_leaving_against_advice_and_death_are_never_suggested(given: Record) -> None:
    assert _assess(given).disposition.suggested in {"", "home", "alt-home", "snf", "rehab", "hosp"}


def _ordered(
    code: str, *said: Fact | Observation, system: str = System.DISPOSITION, **more: Any
) -> Assessment:
    return _assess(record(*said, encounter=stay(disposition=(Code(system, code),)), **more))


def test_the_homeless_sent_home_raise_an_alert() -> None:
    assessment = _ordered("home", HOMELESS)
    assert "homeless" in assessment.disposition.alert
    assert "disposition-mismatch" in {one.key for one in assessment.readiness.blockers}


def test_home_without_help_raises_an_alert() -> None:
    dependent = answer(BARTHEL, 30)
    assert "nobody who can give it" in _ordered("home", dependent).disposition.alert
    sister = RelatedPerson("RelatedPerson/1", (Code("", "SIS"),))
    assert _ordered("home", dependent, related_persons=(sister,)).disposition.alert == ""


def test_an_order_that_differs_from_the_suggestion_raises_an_alert() -> None:
    disposition = _ordered("03", answer(BARTHEL, 95), system=System.UB04).disposition
    assert (disposition.ordered, disposition.suggested) == ("snf", "home")
    assert disposition.alert == "The order says skilled nursing facility; the record suggests home."


@pytest.mark.parametrize(
    ("code", "system", "display", "facility"),
    [
        ("snf", System.DISPOSITION, "Skilled nursing facility", True),
        ("63", System.UB04, "Long-term care hospital", True),
        ("21", System.UB04, "Custody of court or law enforcement", True),
        ("50", System.UB04, "Hospice", False),
        ("home", System.DISPOSITION, "Home", False),
    ],
)
def test_the_place_that_the_stay_names_is_called_by_its_name(
    code: str, system: System, display: str, *, facility: bool
) -> None:
    named = _ordered(code, system=system).disposition.named
    assert named
    assert (named.display, named.by, named.facility) == (display, "stay", facility)


def test_a_place_named_is_not_asked_for_again() -> None:
    def keys(code: str) -> set[str]:
        return {one.key for one in _ordered(code).readiness.blockers}

    assert "disposition-open" not in keys("snf")
    (unsure,) = [one for one in _ordered("home").readiness.blockers if one.key == "disposition-open"]
    assert unsure.text.startswith("Whether home is safe cannot be decided yet: Daily function")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("Skilled Nursing Facility (SNF), Example Gardens", "Skilled nursing facility"),
        ("Nursing home, waiting list", "Skilled nursing facility"),
        ("Hospice if accepted", "Hospice"),
        ("Inpatient Rehabilitation after review", "Rehabilitation"),
        ("Home or\x07Self Care or sister", "Home"),
        ("SNF - refused", ""),
        ("Hospice declined", ""),
        ("Amazing Grace", ""),
    ],
)
def test_words_that_are_not_understood_are_told_and_decide_nothing(words: str, hint: str) -> None:
    local = Code("urn:oid:1.2.3", "3", words)
    for said in (local, Code(System.TEXT, words)):
        assessment = _assess(record(encounter=stay(disposition=(said,))))
        place = assessment.disposition
        assert (place.unread, place.hint) == (words.replace("\x07", " "), hint)
        assert (place.ordered, place.named, place.suggested) == ("", None, "")
        (gap,) = [one for one in assessment.gaps if one.about == "Encounter"]
        assert words not in gap.detail


def test_words_for_a_psychiatric_hospital_are_as_sensitive_as_its_code() -> None:
    said = (Code(System.TEXT, "Inpatient psych"),)
    assert Label.PSY in _assess(record(encounter=stay(disposition=said))).disposition.labels


def test_no_suggestion_contradicts_who_leaves_against_advice() -> None:
    assert _ordered("aadvice", answer(BARTHEL, 95)).disposition.alert == ""


def test_other_names_no_place() -> None:
    assert _ordered("oth").disposition.named is None


def test_the_codes_with_a_planned_readmission_mean_the_same_places() -> None:
    assert _ordered("83", system=System.UB04).disposition.ordered == "snf"
    assert Label.PSY in _ordered("93", system=System.UB04).disposition.labels


def _two_places(ordered: str, noted: str, *said: Fact | Observation) -> Assessment:
    about = stay(
        ordered_disposition=(Code(System.DISPOSITION, ordered),),
        disposition=(Code(System.DISPOSITION, noted),),
    )
    return _assess(record(*said, encounter=about))


def test_the_place_of_the_order_counts_before_that_of_the_stay_and_a_disagreement_is_told() -> None:
    disposition = _two_places("snf", "home", answer(BARTHEL, 95)).disposition
    assert disposition.ordered == "snf"
    assert disposition.alert == "The order says skilled nursing facility; the stay itself says home."
    assert _two_places("home", "home", answer(BARTHEL, 95)).disposition.alert == ""
    assert "homeless" in _two_places("home", "home", HOMELESS).disposition.alert


def test_an_order_for_a_facility_is_a_place_to_go_whatever_the_stay_says() -> None:
    blocking = [one.key for one in _two_places("snf", "home", HOMELESS).readiness.blockers if one.blocks]
    assert blocking == []
    ordered_home = _two_places("home", "snf", HOMELESS).readiness.blockers
    assert "no-place-to-go" in {one.key for one in ordered_home}


def test_an_order_ends_the_stay_as_it_says_but_a_death_is_a_death() -> None:
    assert _two_places("other-hcf", "home").outcome is Outcome.TRANSFERRED
    assert _two_places("home", "other-hcf").outcome is Outcome.GOING_HOME
    assert _two_places("home", "exp").outcome is Outcome.DIED


def test_an_order_that_agrees_raises_none() -> None:
    assert _ordered("home", answer(BARTHEL, 95)).disposition.alert == ""


def test_the_whole_alert_is_a_sentence() -> None:
    assert _ordered("home", answer(BARTHEL, 30)).disposition.alert == (
        "The order says home; the patient needs help with most daily activities "
        "and nobody who can give it is recorded."
    )


def test_while_nothing_is_decided_needs_speak_against_going_home() -> None:
    factors = _assess(record(answer(BARTHEL, 40), fact("I63.9"))).disposition.factors
    assert {one.weighs for one in factors if one.text == "Stroke rehabilitation"} == {"against"}


def test_what_is_sensitive_among_what_is_missing_is_not_named_in_an_open_caveat() -> None:
    said = (answer(BARTHEL, 95), answer("93249-1", "LA33-6"))
    (caveat,) = [b for b in _assess(record(*said)).readiness.blockers if b.key == "disposition-open"]
    assert caveat.labels == frozenset()
    assert "mental-health" not in caveat.text


def test_what_stands_in_the_ehr_is_labelled_by_what_it_is_for() -> None:
    order = fact("1", Kind.ORDER, system="local", text="Methadone clinic")
    plain = fact("2", Kind.ORDER, system="local", text="Physical therapy")
    found = _assess(record(order, plain)).standing_labels
    assert set(found) == {order.reference}
    assert Label.SUD in found[order.reference]


def test_a_place_whose_name_tells_makes_its_visit_sensitive() -> None:
    told, plain = Slot(place="Opioid treatment center"), Slot(place="Example Heart Clinic")
    visits = [
        fact(str(n), Kind.APPOINTMENT, system="local", text="Visit", slot=slot)
        for n, slot in enumerate((told, plain))
    ]
    assert set(_assess(record(*visits)).standing_labels) == {visits[0].reference}


def test_a_factor_carries_the_labels_of_its_need() -> None:
    factors = _assess(record(answer(BARTHEL, 95), answer("93249-1", "LA33-6"))).disposition.factors
    danger = next(one for one in factors if "mental-health" in one.text)
    assert Label.BH in danger.labels


# --- readiness -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "is_asked"),
    [("F33.1", True), ("F11.20", True), ("I50.9", False)],
    ids=["mood", "drugs", "heart"],
)
def test_who_is_treated_for_mind_or_drugs_does_not_leave_unasked_about_self_harm(
    code: str, *, is_asked: bool
) -> None:
    found = {one.key: one for one in _assess(record(fact(code))).readiness.blockers}
    assert ("self-harm risk" in found["not-assessed-in-private"].text) is is_asked
    assert not found["not-assessed-in-private"].blocks


ALL_ASKED = (
    answer("71802-3", "LA31993-1"),
    answer("96778-6", "LA9-3"),
    answer("88122-7", "LA28398-8"),
    answer("88123-5", "LA28398-8"),
    answer("93030-5", "LA32-8"),
    answer("96779-4", "LA32-8"),
    answer("95614-4", 4),
    answer("44260-8", "LA6568-5"),
)


YOUNG = person(birth_date=TODAY.replace(year=TODAY.year - 40))


def _verdict(*said: Fact | Observation, **more: Any) -> Verdict | None:
    return _assess(record(*said, **{"patient": YOUNG, **more})).readiness.verdict


def test_ready_needs_all_questions_asked_and_a_place_known() -> None:
    assert _verdict(*ALL_ASKED, answer(BARTHEL, 100)) is Verdict.READY
    assert _verdict(*ALL_ASKED) is Verdict.WITH_CAVEATS
    assert _verdict(*ALL_ASKED[1:], answer(BARTHEL, 100)) is Verdict.WITH_CAVEATS


def test_of_older_people_and_of_those_of_unknown_age_it_is_asked_who_helps() -> None:
    asked = (*ALL_ASKED, answer(BARTHEL, 100))
    cared_for = answer("zbi-12-total", 3)
    for born in (TODAY.replace(year=TODAY.year - 65), None):
        assert _verdict(*asked, patient=person(birth_date=born)) is Verdict.WITH_CAVEATS
        assert _verdict(*asked, cared_for, patient=person(birth_date=born)) is Verdict.READY


def test_a_blocker_makes_not_ready_and_says_what_clears_it() -> None:
    readiness = _assess(record(*ALL_ASKED, answer(BARTHEL, 100), fact("N18.6"))).readiness
    assert readiness.verdict is Verdict.NOT_READY
    (blocker,) = [one for one in readiness.blockers if one.blocks]
    assert blocker.key == "dialysis-chair-unconfirmed"
    assert blocker.clears


def test_an_unread_part_of_the_record_is_a_caveat() -> None:
    gap = Gap("Condition", GapReason.REFUSED, "The EHR does not let us read it.")
    assessment = _assess(record(*ALL_ASKED, answer(BARTHEL, 100), gaps=(gap,)))
    assert assessment.readiness.verdict is Verdict.WITH_CAVEATS
    assert assessment.gaps == (gap,)


def test_what_was_not_asked_in_private_stays_apart_from_what_may_be_shared() -> None:
    caveats = {one.key: one for one in _assess(record()).readiness.blockers}
    assert caveats["not-assessed"].labels == frozenset()
    assert "violence" not in caveats["not-assessed"].text
    assert Label.SDV in caveats["not-assessed-in-private"].labels


# --- content -------------------------------------------------------------------------------------
@pytest.mark.parametrize("protocol", CONTENT.protocols, ids=lambda protocol: str(protocol.ref.id))
def test_every_protocol_has_a_source_and_something_to_do(protocol: Protocol) -> None:
    assert protocol.sources
    assert protocol.offers
    assert bool(protocol.labels) <= bool(protocol.neutral_title)


@pytest.mark.parametrize("day", [0, 1, 400])
def test_an_assessment_is_the_same_each_time(day: int) -> None:
    case = CASES[0]
    when = TODAY + timedelta(days=day)
    assert assess(case.record, CONTENT, today=when) == assess(case.record, CONTENT, today=when)
