"""Orders that stand in the EHR, in every spelling: which referrals they cover, and which they must not."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest

from config.content import SHIPPED, load_content
from fhir_mappings import systems
from fhir_mappings.narrative import referral_phrase
from fhir_mappings.outbound.references import Names
from service.domain.codes import Code, System
from service.domain.community_service import Matches
from service.domain.ordered import words_of_order
from service.domain.plan_parts import Superseded
from service.domain.protocol import Interventions, ReferralTemplate
from service.domain.record import Kind
from service.domain.sensitivity import Label
from service.pipeline.assess import assess
from service.pipeline.decide import check, decide, still_open
from service.pipeline.draft import draft
from tests import builders as a

CONTENT = load_content()
NURSE, THERAPY, AIDE = "home-health-nursing", "home-health-therapy", "home-health-aide"
AT_HOME = {NURSE, THERAPY, AIDE}
#: Every service that a protocol refers to, with a need that asks for it.
ASKED = {
    offer.template.service: protocol.ref.id
    for protocol in reversed(CONTENT.protocols)
    for offer in protocol.offers
    if isinstance(offer.template, ReferralTemplate)
}
ASKED["medical-equipment"] = "durable-medical-equipment"


def needs():
    """A need for every service, each with one referral."""
    for service, need in ASKED.items():
        asked = Interventions(referrals=(ReferralTemplate(service, f"Ours: {service}"),))
        yield a.need(need, interventions=asked)


def order(text="", *, kind=Kind.ORDER, number="7", codes=(), **more):
    return a.fact(number, kind, codes=codes, text=text, reference=f"{kind}/{number}", **more)


def plan_of(*orders, today=a.TODAY, **more):
    record = a.record(*orders)
    ordered = assess(record, CONTENT, today=today)
    judged = a.assessment(*needs(), ordered=ordered.ordered, standing_labels=ordered.standing_labels, **more)
    return draft(record, judged, Matches(), tenant="example")


def covered(*orders, **more):
    """The services of which nothing new is drafted."""
    return {referral.service for referral in plan_of(*orders, **more).referrals if referral.existing}


IN_WORDS = [
    ("Home Health Referral", AT_HOME),
    ("Consult to Home Health", AT_HOME),
    ("AMB REFERRAL TO HOME HEALTH", AT_HOME),
    ("Ambulatory referral to Home Health", AT_HOME),
    ("Referral to Home Health - Outpatient", AT_HOME),
    ("Home Care Agency Referral", AT_HOME),
    ("HHC referral", AT_HOME),
    ("Home Hlth Svc Referral", AT_HOME),
    ("Resume home health services", AT_HOME),
    ("DISCHARGE INTERAGENCY REFERRAL TO HOME NURSING", {NURSE}),
    ("Home health: skilled nursing for wound care", {NURSE}),
    ("HH RN", {NURSE}),
    ("Skilled nursing visits at home", {NURSE}),
    ("VNA referral", {NURSE}),
    ("Visiting Nurse Service of Example County", {NURSE}),
    ("Discharge: home health PT", {THERAPY}),
    ("HH PT/OT eval and treat", {THERAPY}),
    ("Home Physical Therapy", {THERAPY}),
    ("Home health speech therapy", {THERAPY}),
    ("Home Health RN, PT, OT", {NURSE, THERAPY}),
    ("Home Health Aide", {AIDE}),
    ("Personal care aide, 4 h/day", {AIDE}),
    ("IP CONSULT TO HOSPICE", {"hospice"}),
    ("Ambulatory referral to Hospice", {"hospice"}),
    ("AMB REFERRAL TO HOME HOSPICE", {"hospice"}),
    ("DISCHARGE HOSPICE SERVICES HOME HEALTH", {"hospice"}),
    ("AMB REFERRAL TO PALLIATIVE", {"palliative-care"}),
    ("Palliative home care consult", {"palliative-care"}),
    ("Medicaid transportation", {"medical-transport"}),
    ("Home vent", {"respiratory-homecare"}),
    ("Meals on Wheels referral", {"home-delivered-meals"}),
    ("Home-delivered meals, 2 weeks", {"home-delivered-meals"}),
    ("Medically tailored meals", {"home-delivered-meals"}),
    ("DME Walker", {"medical-equipment"}),
    ("Walker, rolling", {"medical-equipment"}),
    ("Front wheeled walker (FWW)", {"medical-equipment"}),
    ("Wheelchair - standard", {"medical-equipment"}),
    ("3-in-1 commode", {"medical-equipment"}),
    ("Hospital bed, semi-electric", {"medical-equipment"}),
    ("Durable Medical Equipment", {"medical-equipment"}),
    ("Shower chair", {"medical-equipment"}),
    ("Home nebulizer", {"medical-equipment"}),
    ("Home oxygen", {"home-oxygen"}),
    ("HOME O2 2L NC CONTINUOUS", {"home-oxygen"}),
    ("DME Oxygen", {"home-oxygen"}),
    ("Oxygen concentrator, stationary", {"home-oxygen"}),
    ("Wheelchair van transport", {"medical-transport"}),
    ("NEMT referral", {"medical-transport"}),
    ("Home infusion - vancomycin", {"home-infusion"}),
    ("OPAT referral", {"home-infusion"}),
    ("Home IV antibiotics with HH nursing", {"home-infusion", NURSE}),
    ("Home tube feeding supplies", {"enteral-supply"}),
    ("Home suction machine", {"respiratory-homecare"}),
    ("Outpatient dialysis chair placement", {"dialysis-unit"}),
    ("Outpatient cardiac rehab", {"cardiac-rehabilitation"}),
    ("Pulmonary Rehab referral", {"pulmonary-rehabilitation"}),
    ("AMB REFERRAL TO PHYSICAL THERAPY-EVAL AND TREAT", {"outpatient-therapy"}),
    ("OP PT eval & treat", {"outpatient-therapy"}),
    ("Diabetes self-management education (DSMES)", {"diabetes-education"}),
    ("Postpartum nurse home visit", {"postpartum-home-visit"}),
    ("Adult day health care", {"adult-day-care"}),
]
NOT_IN_WORDS = [
    "Home health declined",
    "Pt declined HH",
    "No home health needed",
    "Home health not indicated",
    "Patient refuses hospice",
    "Hospice education",
    "Discuss hospice with family",
    "Consider home health",
    "Home health vs SNF",
    "Home oxygen if needed",
    "Discontinue home oxygen",
    "Home oxygen evaluation",
    "Oxygen therapy 2 L nasal cannula",
    "Wean oxygen to room air",
    "Physical therapy evaluation inpatient",
    "PT eval and treat",
    "IP Consult to Physical Therapy",
    "HOSP CONSULT TO PALLIATIVE CARE",
    "Consult social work",
    "Case management consult",
    "Nursing home placement",
    "Referral to nursing home care",
    "Skilled nursing facility referral",
    "Referral to health home",
    "Home care instructions",
    "Home medication reconciliation",
    "OT home safety evaluation",
    "Gait training with walker",
    "Supplemental oxygen",
    "SNF placement, no home health",
    "Discharge patient to home",
    "Homelessness screening",
    "Mental health home visit",
    "Ambulate with walker TID",
    "Bedside commode privileges",
    "Transport patient by wheelchair to radiology",
    "Sitter 1:1 nursing aide",
    "PCA morphine",
    "Meal tray for family",
    "Diet: low sodium meals",
    "Nebulizer treatment albuterol q4h",
    "Enteral feeding: Example 1.5 at 50 mL/h",
    "Hemodialysis inpatient",
    "Cardiac rehab phase 1 inpatient",
    "IP consult diabetes education",
    "Basic metabolic panel",
]


@pytest.mark.parametrize(("text", "services"), IN_WORDS)
def test_an_order_in_a_vendors_words_stands_for_its_kind_of_service(text, services):
    assert covered(order(text)) == services


@pytest.mark.parametrize("text", NOT_IN_WORDS)
def test_words_that_ask_for_no_such_service_leave_every_referral(text):
    assert covered(order(text)) == set()


@pytest.mark.parametrize(
    ("text", "services"), [pair for pair in IN_WORDS if len(pair[0]) > len("HH RN")][::3]
)
def test_words_are_known_wherever_an_order_has_them(text, services):
    local = (Code("https://ehr.example/orderables", "4711", text),)
    assert covered(order(codes=local)) == services
    assert covered(order(text.upper(), kind=Kind.DEVICE)) == services
    assert covered(order(f"  {text.replace(' ', '  ')} ")) == services
    assert covered(order("Referral", beside=(text,))) == services


CODED = [
    (System.HCPCS, "G0299", {NURSE}, True),
    (System.CPT, "G0300", {NURSE}, True),
    (System.HCPCS, "G0151", {THERAPY}, True),
    (System.HCPCS, "G0153", {THERAPY}, True),
    (System.HCPCS, "G0156", {AIDE}, True),
    (System.HCPCS, "T1019", {AIDE}, True),
    (System.HCPCS, "S5170", {"home-delivered-meals"}, True),
    (System.HCPCS, "A0130", {"medical-transport"}, True),
    (System.HCPCS, "E0143", {"medical-equipment"}, False),
    (System.HCPCS, "K0003", {"medical-equipment"}, False),
    (System.HCPCS, "E0304", {"medical-equipment"}, False),
    (System.HCPCS, "E0431", {"home-oxygen"}, True),
    (System.HCPCS, "K0738", {"home-oxygen"}, True),
    (System.HCPCS, "B4150", {"enteral-supply"}, True),
    (System.HCPCS, "S9341", {"enteral-supply"}, True),
    (System.HCPCS, "S9500", {"home-infusion"}, True),
    (System.CPT, "99601", {"home-infusion"}, True),
    (System.HCPCS, "T2042", {"hospice"}, True),
    (System.HCPCS, "G0337", {"hospice"}, True),
    (System.CPT, "90960", {"dialysis-unit"}, True),
    (System.HCPCS, "G0108", {"diabetes-education"}, True),
    (System.CPT, "93798", {"cardiac-rehabilitation"}, True),
    (System.CPT, "94625", {"pulmonary-rehabilitation"}, True),
    (System.SNOMED, "417511005", AT_HOME, False),
    (System.SNOMED, "385763009", {"hospice"}, True),
    (System.SNOMED, "306205009", {"hospice"}, True),
    (System.SNOMED, "713109004", {"home-delivered-meals"}, True),
    (System.SNOMED, "306237005", {"palliative-care"}, True),
    (System.SNOMED, "58938008", {"medical-equipment"}, False),
    (System.SNOMED, "426990007", {"home-oxygen"}, True),
]


@pytest.mark.parametrize(("system", "code", "services", "surely"), CODED)
def test_an_order_by_code_stands_for_its_kind_of_service(system, code, services, surely):
    referrals = plan_of(order("Order 12", codes=(Code(system, code),))).referrals
    assert {one.service for one in referrals if one.existing} == services
    assert {one.is_ordered() for one in referrals if one.existing} == {surely}


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (System.HCPCS, "G0155"),  # a social worker at home is no nurse
        (System.HCPCS, "Q5001"),  # at home: hospice or home health, the code does not say which
        (System.CPT, "97110"),  # therapeutic exercise, wherever that is
        (System.CPT, "90935"),  # hemodialysis, in hospital too
        (System.CPT, "99232"),
        (System.SNOMED, "385763008"),
        ("https://ehr.example/orderables", "G0299"),
    ],
)
def test_a_code_that_does_not_say_which_service_covers_none_of_these(system, code):
    assert covered(order("Order 12", codes=(Code(system, code),))) == set()


def test_a_declined_service_is_not_ordered_whatever_its_code():
    assert covered(order("Walker: patient declined", codes=(Code(System.HCPCS, "E0143"),))) == set()


def test_words_tell_which_of_the_services_of_a_general_code_is_meant():
    general = (Code(System.SNOMED, "417511005"),)
    assert covered(order("Home health PT", codes=general)) == {THERAPY}


@pytest.mark.parametrize(
    ("beside", "services"),
    [
        (("Example Home Health Agency",), {THERAPY}),
        (("Patient's Residence",), {THERAPY}),
        (("Inpatient",), set()),
    ],
)
def test_who_does_it_and_where_tells_what_kind_of_therapy_it_is(beside, services):
    assert covered(order("Physical therapy", beside=beside)) == services


def test_where_something_is_done_orders_nothing_by_itself():
    assert covered(order("Basic metabolic panel", beside=("Home Health",))) == set()


def test_equipment_is_ordered_for_the_need_that_it_serves():
    asked = Interventions(referrals=(ReferralTemplate("medical-equipment", "Equipment"),))
    both = [
        a.need(code, interventions=asked) for code in ("pressure-injury-risk", "durable-medical-equipment")
    ]
    walker, mattress = order("Walker"), order("Low air loss mattress", number="8")
    record = a.record(walker, mattress)
    known = assess(record, CONTENT, today=a.TODAY).ordered

    def existing(*orders):
        judged = a.assessment(*both, ordered=known)
        (referral,) = draft(a.record(*orders), judged, Matches(), tenant="example").referrals
        return referral.existing

    assert existing(walker) == existing(mattress) == ""
    assert existing(walker, mattress) != ""


# --- which orders stand --------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["active", "draft", "on-hold"])
@pytest.mark.parametrize("encounter", ["", a.ENCOUNTER, "Encounter/before"])
def test_an_open_order_stands_whichever_stay_it_is_of(status, encounter):
    assert covered(order("Home health PT", status=status, encounter=encounter)) == {THERAPY}


@pytest.mark.parametrize(
    "more",
    [
        {"status": "completed"},
        {"status": "revoked"},
        {"status": "cancelled"},
        {"status": "entered-in-error"},
        {"status": "unknown"},
        {"status": "do-not-perform"},
        {"intent": "proposal"},
        {"intent": "option"},
        {"began": a.TODAY - timedelta(days=366)},
    ],
)
def test_what_is_over_off_suggested_or_older_than_a_year_is_no_order_that_stands(more):
    assert covered(order("Home health PT", **more)) == set()


@pytest.mark.parametrize(
    ("days", "services"), [(0, {"cardiac-rehabilitation"}), (9, {"cardiac-rehabilitation"}), (-1, set())]
)
def test_a_visit_that_is_booked_stands_for_its_service(days, services):
    when = a.TODAY + timedelta(days=days)
    visit = order("Cardiac rehab intake", kind=Kind.APPOINTMENT, status="booked", began=when)
    assert covered(visit) == services


def test_a_visit_that_is_not_booked_yet_stands_for_nothing():
    visit = order("Cardiac rehab intake", kind=Kind.APPOINTMENT, status="proposed", began=a.TODAY)
    assert covered(visit) == set()


def identified(encounter, service):
    name = Names("example", encounter).identifier(f"referral:{service}")
    return {"identifiers": (f"{systems.URI_IDENTIFIER}|{name}",), "encounter": encounter}


@pytest.mark.parametrize(
    ("encounter", "more", "services"),
    [
        (a.ENCOUNTER, {"status": "active", "intent": "order"}, set()),
        (a.ENCOUNTER, {"status": "draft", "intent": "proposal"}, set()),
        ("Encounter/before", {"status": "draft", "intent": "proposal"}, set()),
        ("Encounter/before", {"status": "active", "intent": "order"}, {THERAPY}),
        # Approved where everything is written as a draft: a person has ordered it, whoever signs it in the EHR.
        ("Encounter/before", {"status": "draft", "intent": "order"}, {THERAPY}),
        (a.ENCOUNTER, {"status": "draft", "intent": "order"}, set()),
    ],
)
def test_what_of_ours_was_ordered_in_an_earlier_stay_is_not_drafted_twice(encounter, more, services):
    assert covered(order("Home health PT", **identified(encounter, THERAPY), **more)) == services


def test_what_of_ours_was_ordered_is_known_by_its_name_whatever_the_ehr_keeps_of_it():
    known = identified("Encounter/before", THERAPY)
    ordered = order(
        "Church people help out", **known, status="active", intent="order", by="Practitioner/dana"
    )
    [referral] = [referral for referral in plan_of(ordered).referrals if referral.existing]
    assert (referral.service, referral.existing_words) == (THERAPY, "")
    assert (referral.existing_on, referral.existing_by) == (ordered.began, "Practitioner/dana")
    assert (
        referral_phrase(referral)
        == f"already ordered {ordered.began} by Practitioner/dana (ServiceRequest/7)"
    )


@pytest.mark.parametrize(("days", "services"), [(-1, set()), (0, {THERAPY}), (30, {THERAPY})])
def test_an_order_whose_time_is_over_stands_in_nobodys_way(days, services):
    ended = a.TODAY + timedelta(days=days)
    known = identified("Encounter/before", THERAPY)
    assert covered(order("Home health PT", **known, status="active", intent="order", ended=ended)) == services


def test_what_nobody_signed_in_an_earlier_stay_is_taken_over_by_this_one():
    known = identified("Encounter/before", THERAPY)
    plan = plan_of(order("Home health PT", **known, status="draft", intent="proposal"))
    assert plan.supersedes == (Superseded("Encounter/before", f"referral:{THERAPY}"),)
    approved = order("Home health PT", **known, status="draft", intent="order")
    assert plan_of(approved).supersedes == ()
    assert plan_of().supersedes == ()


# --- how it is told ------------------------------------------------------------------------------
def perhaps():
    return plan_of(order("Home Health Referral"))


def referral_of(plan, service=NURSE):
    return next(one for one in plan.referrals if one.service == service)


def test_an_order_known_by_its_words_is_told_in_its_words():
    referral = referral_of(perhaps())
    assert (referral.existing, referral.existing_words) == (
        "ServiceRequest/7",
        "Home Health Referral, 2024-03-01",
    )


def test_what_is_perhaps_ordered_waits_for_nobody_and_can_still_be_approved():
    plan = perhaps()
    key = referral_of(plan).key
    assert key not in still_open(plan)
    approval = a.decision(key)
    check(plan, approval)
    decided = referral_of(decide(plan, [approval]))
    assert (decided.existing, decided.existing_words) == ("", "")


def test_an_order_for_a_sensitive_service_makes_the_referral_it_covers_sensitive():
    found = referral_of(plan_of(order("Home health nursing, methadone clinic")))
    assert Label.SUD in found.labels


# --- the tables ----------------------------------------------------------------------------------
def rows(name):
    with Path(SHIPPED / "terminology" / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("name", ["order_codes.csv", "order_words.csv"])
def test_what_orders_serve_are_needs_that_ask_for_the_service(name):
    asked = {
        (protocol.ref.id, offer.template.service)
        for protocol in CONTENT.protocols
        for offer in protocol.offers
        if isinstance(offer.template, ReferralTemplate)
    }
    named = {
        (need, service)
        for row in rows(name)
        for service in row["services"].split()
        for need in row["needs"].split()
    }
    assert named <= asked


def test_a_phrase_that_is_longer_than_the_name_of_an_order_is_cut():
    assert len(words_of_order("walker " * 10_000)) < 100
