"""A chart is read as a clinician reads it: decoded, without markup, the newest note told from older ones."""

from base64 import b64encode
from typing import Any

import pytest

from service.sandbox.chart import describe, fold, holds, read_chart, render_lines, strip_markup


def attachment(words: str, kind: str = "text/plain") -> dict[str, Any]:
    return {"attachment": {"contentType": kind, "data": b64encode(words.encode()).decode()}}


def note(number: int, *content: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"resourceType": "DocumentReference", "id": str(number), "status": "current", "docStatus": "final"}
    return {**body, "type": {"text": "Discharge plan"}, "content": list(content), **more}


def chart_of(*resources: dict[str, Any]):
    return read_chart((resource, f"2026-12-0{place + 1}") for place, resource in enumerate(resources))


def test_of_several_attachments_the_first_readable_one_is_read():
    document = note(1, attachment("%PDF", "application/pdf"), attachment("Plain words"), attachment("More"))
    [entry] = chart_of(document).entries
    assert entry.text == "Plain words"


@pytest.mark.parametrize(
    "kind", ["text/html", "text/html;charset=utf-8", "application/xhtml+xml; charset=utf-8"]
)
def test_markup_is_read_as_lines_without_its_head_and_scripts(kind):
    html = "<html><head><title>T</title><style>p {}</style></head><body><h1>Plan</h1><ul><li>Meals &amp; rides</li></ul></body></html>"
    [entry] = chart_of(note(1, attachment(html, kind))).entries
    assert entry.text == "Plan\n- Meals & rides"


def test_a_message_is_read_in_either_of_its_forms():
    data = b64encode(b"<div><p>In a file</p></div>").decode()
    forms = [{"contentString": "In words"}, {"contentAttachment": {"contentType": "text/html", "data": data}}]
    [entry] = chart_of({"resourceType": "Communication", "id": "1", "payload": forms}).entries
    assert entry.text == "In words\nIn a file"


def test_words_are_held_wherever_lines_break_and_not_otherwise():
    assert holds("Rides to\n  medical visits", "rides to medical visits")
    assert not holds("Rides to visits", "rides to medical visits")
    assert fold(" A\n b ") == "a b"


def test_the_newest_note_that_stands_is_told_by_the_day_it_was_made():
    chart = chart_of(note(3), note(1), note(2, status="entered-in-error"))
    newest = chart.newest("DocumentReference")
    assert newest is not None
    assert newest.reference == "DocumentReference/1"
    assert [entry.reference for entry in chart.standing("DocumentReference")] == [
        "DocumentReference/3",
        "DocumentReference/1",
    ]
    assert chart.find("DocumentReference/9") is None
    assert chart.newest("Communication") is None


def concept(*codes: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"code": code} for code in codes], "text": text}


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (note(1), "Note “Discharge plan”, final: signed"),
        (note(1, docStatus="preliminary"), "Note “Discharge plan”, preliminary: nobody has signed it"),
        (note(1, status="superseded"), "Note “Discharge plan”, taken back"),
        (
            {
                "resourceType": "Condition",
                "category": [concept("problem-list-item")],
                "code": concept(text="Food insecurity"),
                "verificationStatus": concept("provisional"),
                "clinicalStatus": concept("active"),
            },
            "Problem “Food insecurity”, provisional: it waits until a clinician reconciles it",
        ),
        (
            {
                "resourceType": "Condition",
                "category": [concept("encounter-diagnosis")],
                "code": concept(text="Food insecurity"),
                "clinicalStatus": concept("inactive"),
            },
            "Encounter diagnosis “Food insecurity”, taken back",
        ),
        (
            {
                "resourceType": "ServiceRequest",
                "status": "draft",
                "intent": "proposal",
                "code": {"text": "Meals"},
            },
            "Proposed order “Meals”, draft: nobody has signed it",
        ),
        (
            {
                "resourceType": "Communication",
                "status": "completed",
                "topic": {"text": "Plan"},
                "recipient": [{}],
            },
            "Message “Plan”, completed, to 1",
        ),
    ],
)
def test_an_entry_is_named_as_in_a_clinicians_list(resource, words):
    [entry] = chart_of(resource).entries
    assert describe(entry) == words


def test_long_lines_are_broken_at_72_columns_and_short_ones_stay():
    lines = render_lines("Short\n" + "word " * 40)
    assert lines[0] == "Short"
    assert max(map(len, lines)) <= 72
    assert " ".join(" ".join(lines[1:]).split()) == ("word " * 40).strip()


def test_text_without_markup_loses_nothing():
    assert strip_markup("Aged 65 < 70") == "Aged 65 < 70"
