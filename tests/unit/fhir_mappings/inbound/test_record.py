import copy
import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings import systems
from fhir_mappings.inbound.encounter import told_of_stay
from fhir_mappings.inbound.record import build_record
from service.domain.codes import Code, System
from service.domain.record import Gap, GapReason
from service.errors import BadInput, UnknownEncounter
from tests.builders import ENCOUNTER, concept, condition, encounter, observation, patient, resource

STRANGER = "Patient/p2"
SECRET = "Olga Otherperson"


def _record(*more, **options):
    return build_record([patient(), encounter(), *more], encounter=ENCOUNTER, **options)


def _gaps(record):
    return {(gap.about, gap.reason): gap.count for gap in record.gaps}


def test_the_planned_stay_tells_what_a_later_look_at_it_and_its_patient_will_be_compared_with():
    alive, dead = patient(), {**patient(), "deceasedBoolean": True}
    went = {**encounter(), "hospitalization": {"dischargeDisposition": concept("other-hcf")}}
    told = {
        build_record([who, stay], encounter=ENCOUNTER).encounter.told: told_of_stay(stay, died=who is dead)
        for who, stay in ((alive, encounter()), (dead, encounter()), (alive, went))
    }
    assert len(told) == 3
    assert all(kept == looked for kept, looked in told.items())


# --- what is read -------------------------------------------------------------------------------
def test_a_record_holds_the_patient_the_stay_and_all_that_is_said_of_them():
    record = _record(
        condition("c1", "I50.9"),
        observation("o1", "718-7", 11.2, unit="g/dL"),
        encounter("e0", class_code="EMER"),
        resource("Coverage", "v", type=concept("PUBLICPOL", systems.ACT_CODE)),
        resource("RelatedPerson", "r", name=[{"text": "Zita Testperson"}]),
        resource(
            "QuestionnaireResponse", "q", item=[{"linkId": "88122-7", "answer": [{"valueString": "often"}]}]
        ),
        resource("Immunization", "i"),
    )
    assert record.patient.name == "Zelda Testperson"
    assert record.encounter.reference == ENCOUNTER
    assert [one.reference for one in record.encounters] == ["Encounter/e0"]
    assert [fact.codes for fact in record.facts] == [(Code(System.ICD10CM, "I50.9"),)]
    assert [one.reference for one in record.observations] == ["Observation/o1", "QuestionnaireResponse/q"]
    assert [one.reference for one in record.coverages] == ["Coverage/v"]
    assert [one.name for one in record.related_persons] == ["Zita Testperson"]
    assert record.types_read == {
        *("Patient", "Encounter", "Condition", "Observation", "Coverage", "RelatedPerson"),
        *("QuestionnaireResponse", "Immunization"),
    }
    assert record.gaps == ()


def test_the_order_in_which_resources_come_does_not_matter():
    resources = [patient(), encounter(), *(condition(f"c{n}", f"I5{n}") for n in range(9))]
    shuffled = random.Random(7).sample(resources, len(resources))  # noqa: S311  a test's order, not a secret
    assert build_record(shuffled, encounter=ENCOUNTER) == build_record(resources, encounter=ENCOUNTER)


def test_the_need_for_an_interpreter_may_stand_on_the_stay():
    needed = {"url": systems.US_CORE_INTERPRETER_NEEDED, "valueCoding": {"code": "373066001"}}
    resources = [patient(), encounter(extension=[needed])]
    assert build_record(resources, encounter=ENCOUNTER).patient.interpreter is True


def test_contacts_on_the_patient_are_among_the_people_around_them():
    resources = [patient(contact=[{"name": {"text": "Zeno Testperson"}}]), encounter()]
    assert [one.name for one in build_record(resources, encounter=ENCOUNTER).related_persons] == [
        "Zeno Testperson"
    ]


def test_resources_without_a_patient_give_their_names_and_codes():
    record = _record(
        resource("Organization", "o", patient="", name="Medicaid"),
        resource("Coverage", "v", payor=[{"reference": "Organization/o"}]),
        resource("Medication", "m", patient="", code=concept("860975", systems.RXNORM)),
        resource("MedicationRequest", "r", medicationReference={"reference": "Medication/m"}),
    )
    assert record.coverages[0].payor == "Medicaid"
    assert record.facts[0].codes == (Code(System.RXNORM, "860975"),)
    assert "Organization" not in record.types_read


def test_with_a_day_given_later_ends_and_deaths_have_not_happened():
    resources = [
        patient(deceasedDateTime="2024-08-22"),
        encounter(period={"start": "2024-03-01", "end": "2024-03-08"}),
    ]
    record = build_record(resources, encounter=ENCOUNTER, today=date(2024, 3, 5))
    assert record.encounter.end is None
    assert not record.patient.deceased
    assert build_record(resources, encounter=ENCOUNTER).patient.deceased


# --- what is left out ---------------------------------------------------------------------------
def test_resources_of_another_patient_are_dropped_and_counted():
    record = _record(
        patient("p2", name=[{"text": SECRET}]),
        condition("c1", "I50.9", subject={"reference": STRANGER, "display": SECRET}),
        resource("Immunization", "i", patient=STRANGER),
        condition("c2", "E11.9"),
    )
    assert [fact.reference for fact in record.facts] == ["Condition/c2"]
    assert _gaps(record) == {("Patient", GapReason.FOREIGN): 3}
    assert SECRET not in str(record)


def test_a_visit_booked_for_mother_and_child_is_hers_and_names_nobody_else():
    names = (("baby", SECRET), ("p1", ""))
    both = [{"actor": {"reference": f"Patient/{one}", "display": name}} for one, name in names]
    visit = resource("Appointment", "a", status="booked", start="2024-03-09T10:00:00Z", participant=both)
    visit.pop("subject")
    record = _record(visit)
    assert [fact.reference for fact in record.facts] == ["Appointment/a"]
    assert SECRET not in str(record)


def test_a_device_of_another_patient_lends_no_name():
    device = resource("Device", "d", name="walker of a stranger") | {"patient": {"reference": STRANGER}}
    device.pop("subject")
    order = resource("DeviceRequest", "r", codeReference={"reference": "Device/d"})
    assert "stranger" not in str(_record(device, order))


def test_a_resource_that_names_no_patient_is_dropped_and_counted():
    record = _record(condition("c1", "I50.9", subject=None), resource("Slot", "s", patient=""))
    assert record.facts == ()
    assert record.gaps == (Gap("Condition", GapReason.UNREADABLE, "names no patient"),)


@pytest.mark.parametrize(
    "sent",
    [
        condition("c1", "I50.9", verificationStatus=concept("entered-in-error")),
        observation("o1", "718-7", 9, status="entered-in-error"),
        resource("Goal", "g", lifecycleStatus="entered-in-error", description={"text": "walk"}),
        encounter("e0", status="entered-in-error"),
    ],
)
def test_what_was_entered_in_error_is_kept_out_and_is_no_gap(sent):
    record = _record(sent)
    assert (record.facts, record.observations, record.encounters, record.gaps) == ((), (), (), ())
    assert record.types_read == {"Patient", "Encounter"}


def test_of_two_versions_the_one_updated_later_stands():
    old = condition("c1", "I50.9", meta={"lastUpdated": "2024-03-01T10:00:00Z"})
    new = condition("c1", "E11.9", meta={"lastUpdated": "2024-03-01T11:30:00+01:00"})
    for resources in ([old, new], [new, old]):
        assert [fact.codes[0].code for fact in _record(*resources).facts] == ["E11.9"]


def test_a_resource_moved_to_another_patient_is_gone_also_in_its_older_version():
    old = condition("c1", "I50.9", meta={"lastUpdated": "2024-03-01"})
    moved = condition("c1", "I50.9", subject={"reference": STRANGER}, meta={"lastUpdated": "2024-03-02"})
    assert _record(old, moved).facts == ()


def test_an_observation_about_the_mother_is_left_out_and_told():
    record = _record(observation("o1", "718-7", 9, focus=[{"reference": "RelatedPerson/mother"}]))
    assert record.observations == ()
    assert _gaps(record) == {("Observation", GapReason.UNCERTAIN): 1}


# --- gaps ---------------------------------------------------------------------------------------
def test_gaps_found_while_gathering_come_first():
    refused = Gap("Goal", GapReason.REFUSED, "403")
    assert _record(condition("c", "", code=None), gaps=[refused]).gaps[0] == refused


def test_what_cannot_be_understood_is_counted_by_its_type():
    record = _record(
        condition("c1", "I50.9", code=[]),
        condition("c2", "I50.9", code="  "),
        observation("o1", "718-7", valueQuantity=[]),
        encounter("e0") | {"class": 5},
        {"resourceType": "Condition", "subject": {"reference": "Patient/p1"}},
        "text",
        None,
        {"resourceType": []},
    )
    assert _gaps(record) == {
        ("Condition", GapReason.UNREADABLE): 1,
        ("Observation", GapReason.UNREADABLE): 1,
        ("Encounter", GapReason.UNREADABLE): 1,
        ("Resource", GapReason.UNREADABLE): 3,
    }
    assert Gap("Condition", GapReason.UNREADABLE, "could not be understood", 2) in record.gaps
    assert Gap("Condition", GapReason.UNREADABLE, "has no type or no id", 1) in record.gaps


@pytest.mark.parametrize(
    "sent",
    [
        condition("c1", "I50.9", onsetDateTime="last winter"),
        observation("o1", "718-7", 9, effectiveDateTime="last winter"),
        encounter("e0", period={"start": "last winter"}),
    ],
)
def test_a_date_that_cannot_be_read_is_told_and_the_rest_is_kept(sent):
    record = _record(sent)
    assert record.gaps == (Gap(sent["resourceType"], GapReason.UNREADABLE, "a date could not be read"),)
    assert record.facts or record.observations or record.encounters


def test_an_unreadable_birth_date_is_told():
    record = build_record([patient(birthDate="long ago"), encounter()], encounter=ENCOUNTER)
    assert record.gaps == (Gap("Patient", GapReason.UNREADABLE, "a date could not be read"),)


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_stay_that_did_not_take_place_is_planned_when_named_and_told(status):
    record = build_record([patient(), encounter(status=status)], encounter=ENCOUNTER)
    assert record.encounter.status == status
    assert _gaps(record) == {("Encounter", GapReason.DISAGREES): 1}


# --- errors -------------------------------------------------------------------------------------
@pytest.mark.parametrize("reference", ["Encounter/other", "e1", "", "Patient/p1"])
def test_a_stay_that_is_not_there_is_unknown(reference):
    with pytest.raises(UnknownEncounter):
        build_record([patient(), encounter()], encounter=reference)


@pytest.mark.parametrize(
    "subject", [None, {"reference": "Patient/p2"}, {"reference": "Group/g"}, {"reference": ENCOUNTER}]
)
def test_a_stay_without_its_patient_cannot_be_read(subject):
    with pytest.raises(BadInput, match=r"Encounter\.subject"):
        build_record([patient(), encounter(subject=subject)], encounter=ENCOUNTER)


# --- any JSON -----------------------------------------------------------------------------------
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SAMPLES = (
    patient(
        telecom=[{"system": "phone", "value": "1"}],
        contact=[{"name": {"text": "Z"}}],
        extension=[{"url": "x"}],
    ),
    encounter(
        participant=[{"individual": {"reference": "Practitioner/1"}}],
        diagnosis=[{"condition": {"reference": "x"}}],
    ),
    condition("c1", "I50.9", meta={"lastUpdated": "2024-03-01", "security": [{"code": "BH"}]}),
    observation(
        "o1",
        "76499-3",
        1,
        component=[{"code": concept("76500-8"), "valueInteger": 1}],
        hasMember=[{"reference": "x"}],
    ),
    resource(
        "QuestionnaireResponse",
        "q",
        item=[{"linkId": "88122-7", "answer": [{"valueCoding": {"code": "LA28397-0"}}]}],
    ),
    resource(
        "Coverage", "v", type=concept("x"), payor=[{"reference": "Organization/o"}], period={"start": "2024"}
    ),
    resource("RelatedPerson", "r", name=[{"given": ["Z"]}], relationship=[concept("C")]),
    resource(
        "MedicationRequest",
        "m",
        medicationReference={"reference": "#m"},
        contained=[{"id": "m", "code": concept("1")}],
    ),
    resource("CareTeam", "t", participant=[{"role": [concept("x")]}], period={"start": "2024"}),
    resource("Organization", "o", patient="", name="Example"),
)


def _places(value, path=()):
    """Every path in a JSON value, the whole excepted."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*path, key)
        yield from _places(child, (*path, key))


@st.composite
def mutated(draw):
    """One of the samples with up to three of its parts replaced by any JSON."""
    sample = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(sorted(_places(sample), key=str) or [("id",)]))
        holder = sample
        for key in way:
            holder = holder[key]
        holder[last] = draw(JSON)
    return sample


@settings(max_examples=400)
@given(st.lists(mutated() | JSON, max_size=4))
def test_no_mutation_of_any_resource_raises(broken):
    try:
        record = build_record([*SAMPLES, *broken], encounter=ENCOUNTER)
    except BadInput:
        return
    assert record.encounter.reference == ENCOUNTER
    assert all(gap.count > 0 for gap in record.gaps)


@settings(max_examples=200)
@given(mutated(), st.sampled_from([None, *range(4)]))
def test_no_mutation_of_a_stranger_s_resource_enters_the_record(theirs, versions):
    subject = {
        "reference": STRANGER + ("" if versions is None else f"/_history/{versions}"),
        "display": SECRET,
    }
    kind = theirs.get("resourceType")
    stranger = theirs | {"id": "p2" if kind == "Patient" else "theirs", "subject": subject, "note": SECRET}
    record = build_record([patient(), encounter(), stranger], encounter=ENCOUNTER)
    read = (record.facts, record.observations, record.coverages, record.related_persons, record.encounters)
    assert not any(read)
    assert SECRET not in str(record)
