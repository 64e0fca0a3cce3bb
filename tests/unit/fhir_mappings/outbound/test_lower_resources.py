"""The plan as document, message and health concerns: valid, for every reader, and within what an EHR takes."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from fhir_mappings import systems
from fhir_mappings.outbound import document
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.assessment import Outcome
from service.domain.decision import WHOLE_PLAN
from service.domain.evidence import Evidence
from service.domain.record import Patient
from service.domain.sensitivity import Label
from service.pipeline.decide import decide
from service.pipeline.publishing import lower
from tests.builders import decision, interventions, need, planned

AUTHOR = Author("Homeward", "Example Hospital")
RECORDED = datetime(2024, 3, 5, 12, tzinfo=UTC)


def usual(**more):
    told = Evidence("Observation/1", None, None, "Food did not last")
    return planned(need(evidence=(told,), interventions=interventions()), **more)


def made(plan, **more):
    return {draft.key: draft for draft in lower_resources(plan, author=AUTHOR, recorded=RECORDED, **more)}


def attachments(plan, **more):
    found = made(plan, **more)["plan-document"].body["content"]
    return {one["attachment"]["contentType"]: base64.b64decode(one["attachment"]["data"]) for one in found}


def test_the_document_is_a_preliminary_plan_of_care_note_about_the_stay():
    body = made(usual())["plan-document"].body
    assert body["type"]["coding"] == [
        {"system": systems.LOINC, "code": "18776-5", "display": "Plan of care note"}
    ]
    assert (body["status"], body["docStatus"]) == ("current", "preliminary")
    assert body["meta"]["profile"] == [f"{systems.US_CORE}us-core-documentreference"]
    assert body["category"][0]["coding"][0]["code"] == "clinical-note"
    assert body["context"]["encounter"] == [{"reference": usual().encounter.reference}]
    assert body["date"] == "2024-03-05T12:00:00+00:00"
    assert body["author"] == [{"type": "Device", "display": "Homeward"}]


def test_the_message_goes_to_the_care_team_or_the_social_workers_and_to_nobody_it_is_not_sent():
    plan, desk = replace(usual(), care_team=()), replace(AUTHOR, social_work_reference="Group/9")
    told = replace(plan, care_team=("CareTeam/7", "Practitioner/8"))
    assert "plan-message" not in made(plan)
    assert recipients(plan, desk) == [{"reference": "Group/9"}]
    assert recipients(told, desk) == [{"reference": "CareTeam/7"}, {"reference": "Practitioner/8"}]


def recipients(plan, author):
    drafts = lower_resources(plan, author=author, recorded=datetime(2024, 3, 5, tzinfo=UTC))
    return next(draft.body["recipient"] for draft in drafts if draft.key == "plan-message")


def test_a_message_that_was_sent_is_the_same_when_the_team_changes():
    plan = usual()
    told = replace(plan, care_team=("CareTeam/8",))
    assert told == plan
    assert made(told)["plan-message"].meaning == made(plan)["plan-message"].meaning


def test_the_document_and_the_message_say_who_approved_the_plan():
    approved = decide(usual(), [decision(WHOLE_PLAN)])
    bodies = {key: draft.body for key, draft in made(approved).items()}
    assert bodies["plan-document"]["docStatus"] == "final"
    assert bodies["plan-document"]["description"] == "Discharge plan. Approved by Dana Example, MSW"
    assert "Approved by Dana Example, MSW" in bodies["plan-message"]["payload"][0]["contentString"]
    assert bodies["plan-message"]["topic"] == made(usual())["plan-message"].body["topic"]


def test_it_says_in_html_and_in_plain_text_what_the_care_plan_says():
    plan = usual()
    words = attachments(plan)
    assert list(words) == ["text/plain", "text/html"]
    for text in map(bytes.decode, words.values()):
        for item in (*plan.referrals, *plan.tasks):
            assert getattr(item, "title", "") in text
    assert "<" not in words["text/plain"].decode()
    assert words["text/html"].startswith(b"<!DOCTYPE html>")


def test_a_printed_document_says_whose_it_is_and_that_software_made_it():
    plan = replace(
        usual(),
        patient=Patient("Patient/7", name="Zelda <Testperson>", birth_date=date(1941, 2, 3), sex="female"),
    )
    plain, page = (attachments(plan)[kind].decode() for kind in ("text/plain", "text/html"))
    lines = plain.splitlines()
    heading = lines.index("DISCHARGE PLAN")
    assert lines[heading + 1] == "Patient: Zelda <Testperson>, born 1941-02-03, female"
    assert lines[heading + 2].startswith("Hospital: ")
    assert lines[heading + 3].startswith(f"Plan of {plan.today}, drafted by software (")
    assert "Patient: Zelda &lt;Testperson&gt;, born 1941-02-03, female<br/>" in page
    nameless = replace(plan, patient=Patient("Patient/7"))
    assert "Patient:" not in attachments(nameless)["text/plain"].decode()


def test_the_document_means_the_same_on_the_next_day():
    plan = usual()
    later = replace(plan, today=plan.today + timedelta(days=1), encounter=replace(plan.encounter, end=None))
    before = replace(plan, encounter=replace(plan.encounter, end=None))
    assert attachments(later)["text/plain"] != attachments(before)["text/plain"]
    assert made(later)["plan-document"].meaning == made(before)["plan-document"].meaning


def test_a_pdf_is_added_where_one_can_be_made():
    assert attachments(usual(), pdf=lambda page: b"%PDF " + page.encode()[:9])["application/pdf"] == (
        b"%PDF <!DOCTYPE"
    )


def test_what_does_not_fit_into_five_megabytes_is_left_out_and_the_words_stay(monkeypatch):
    assert list(attachments(usual(), pdf=lambda _: b"x" * 4_000_000)) == ["text/plain", "text/html"]
    monkeypatch.setattr(document, "MAX_ATTACHED_BYTES", 10)
    assert "plan-document" not in made(usual())


def test_the_pdf_library_is_used_where_it_is_installed_and_may_fetch_nothing(monkeypatch):
    class Library:
        class HTML:
            def __init__(self, string, url_fetcher):
                self.string, self.fetch = string, url_fetcher

            def write_pdf(self):
                with pytest.raises(ValueError, match="fetches nothing"):
                    self.fetch("http://example.com/logo.png")
                return self.string.encode()

    lower.pdf_renderer.cache_clear()
    monkeypatch.setattr(lower, "find_spec", lambda _: object())
    monkeypatch.setattr(lower, "import_module", lambda _: Library)
    render = lower.pdf_renderer()
    lower.pdf_renderer.cache_clear()
    assert render
    assert render("page") == b"page"


def test_without_the_pdf_library_there_is_no_pdf(monkeypatch):
    lower.pdf_renderer.cache_clear()
    monkeypatch.setattr(lower, "find_spec", lambda _: None)
    assert lower.pdf_renderer() is None
    lower.pdf_renderer.cache_clear()


def test_the_message_holds_the_plan_for_the_care_team():
    body = made(usual())["plan-message"].body
    assert body["recipient"] == [{"reference": "CareTeam/7"}]
    assert usual().referrals[0].title in body["payload"][0]["contentString"]


def test_an_open_need_is_an_unconfirmed_health_concern_that_points_to_its_evidence():
    body = made(usual())["concern:food-insecurity"].body
    assert body["verificationStatus"]["coding"][0]["code"] == "unconfirmed"
    assert body["category"][0]["coding"][0]["code"] == "health-concern"
    assert "coding" not in body["code"]
    assert body["evidence"] == [{"detail": [{"reference": "Observation/1"}]}]
    assert body["meta"]["profile"] == [f"{systems.US_CORE}us-core-condition-problems-health-concerns"]


def test_what_the_chart_has_as_a_condition_is_not_written_again():
    told = Evidence("Condition/1", None, None, "Food insecurity")
    plan = planned(need(evidence=(told,), interventions=interventions()))
    assert "concern:food-insecurity" not in made(plan)


def test_who_does_not_go_home_has_no_concerns_written():
    assert not [key for key in made(usual(outcome=Outcome.DIED)) if key.startswith("concern:")]


def test_nothing_sensitive_enters_any_of_them():
    plan = usual()
    secret = replace(
        plan.needs[0], code="intimate-partner-violence", title="Xyzzy", labels=frozenset({Label.SDV})
    )
    hidden = replace(plan.referrals[0], key="referral:xyzzy", title="Xyzzy", labels=frozenset({Label.SDV}))
    both = replace(plan, needs=(*plan.needs, secret), referrals=(*plan.referrals, hidden))
    drafts = made(both)
    assert "concern:intimate-partner-violence" not in drafts
    texts = [*map(bytes.decode, attachments(both).values()), *(str(one.body) for one in drafts.values())]
    assert not [text for text in texts if "xyzzy" in text.casefold()]
    assert "Social work follow-up" in attachments(both)["text/plain"].decode()


def test_the_source_speaks_of_all_of_them():
    *drafts, source = lower_resources(usual(), author=AUTHOR, recorded=RECORDED)
    assert [one["reference"] for one in source.body["target"]] == [one.full_url for one in drafts]


def test_the_same_plan_means_the_same_however_late_it_is_written():
    one = lower_resources(usual(), author=AUTHOR, recorded=RECORDED)
    other = lower_resources(usual(), author=AUTHOR, recorded=RECORDED + timedelta(days=3))
    assert [draft.digest for draft in one] == [draft.digest for draft in other]
    changed = replace(usual(), referrals=())
    assert lower_resources(changed, author=AUTHOR, recorded=RECORDED)[0].digest != one[0].digest


# --- what counts as a change ---------------------------------------------------------------------------
def digests(plan):
    return {draft.key: draft.digest for draft in plan_resources(plan, author=AUTHOR, recorded=RECORDED)}


def test_another_due_date_after_the_same_leaving_is_a_change():
    plan = usual()
    sooner = tuple(replace(one, due=one.due - timedelta(days=1)) for one in plan.referrals)
    before, after = digests(plan), digests(replace(plan, referrals=sooner))
    assert before["referral:food-pantry"] != after["referral:food-pantry"]
    assert before["goal:food-insecurity:enough"] == after["goal:food-insecurity:enough"]


def test_a_day_of_the_record_is_no_day_of_the_plan():
    plan = usual()
    told = replace(plan.needs[0].evidence[0], on=plan.today - timedelta(days=5))
    older = replace(told, on=plan.today - timedelta(days=6))
    [one, other] = [
        digests(replace(plan, needs=(replace(plan.needs[0], evidence=(item,)),))) for item in (told, older)
    ]
    assert one["care-plan"] != other["care-plan"]


def test_a_pdf_library_without_what_it_draws_with_makes_no_pdf_and_loses_no_plan(monkeypatch):
    def missing(_):
        raise OSError("cannot load library 'libpango-1.0-0'")

    lower.pdf_renderer.cache_clear()
    monkeypatch.setattr(lower, "find_spec", lambda _: object())
    monkeypatch.setattr(lower, "import_module", missing)
    with capture_logs() as said:
        assert lower.pdf_renderer() is None
    lower.pdf_renderer.cache_clear()
    [warning] = said
    assert (warning["log_level"], "Pango" in warning["event"]) == ("warning", True)
