"""What Homeward says of where a plan stands, held against charts that do and do not hold it."""

from base64 import b64encode
from typing import Any

import pytest

from service.domain.publication import Landing, WriteStanding
from service.sandbox.chart import Chart, read_chart
from service.sandbox.claims import find_unheld, find_unknown, read_page

TITLE = "Rides to medical visits"


def note(words: str = TITLE, **more: Any) -> dict[str, Any]:
    data = b64encode(words.encode()).decode()
    content = [{"attachment": {"contentType": "text/plain", "data": data}}]
    return {"resourceType": "DocumentReference", "id": "1", "status": "current", "content": content, **more}


def chart(*resources: dict[str, Any]) -> Chart:
    return read_chart((resource, "") for resource in resources)


def row(
    rung: Landing, standing: str, *, item: str = "referral:rides", title: str = TITLE, reference: str = ""
):
    return {"item": item, "title": title, "rung": rung.value, "standing": standing, "reference": reference}


@pytest.mark.parametrize(
    ("claim", "held", "words"),
    [
        (row(Landing.RESOURCE, "landed", reference="DocumentReference/1"), [], "not in the chart"),
        (
            row(Landing.RESOURCE, "landed", reference="DocumentReference/1"),
            [note(status="superseded")],
            "taken back",
        ),
        (
            row(Landing.RESOURCE, "withdrawn", reference="DocumentReference/1"),
            [note()],
            "stands in the chart",
        ),
        (row(Landing.RESOURCE, "replaced", reference="DocumentReference/1"), [], "is told as replaced"),
        (row(Landing.RESOURCE, "landed"), [note()], "without a resource"),
        (row(Landing.DOCUMENT, "not-possible"), [], "no DocumentReference stands"),
        (row(Landing.DOCUMENT, "landed"), [note("Other words")], "do not hold it (referral:rides)"),
        (row(Landing.DOCUMENT, ""), [note("Other words")], "do not hold it"),
        (row(Landing.MESSAGE, "landed"), [note()], "no Communication stands"),
        (row(Landing.CONCERN, "not-possible"), [note()], "no Condition stands"),
        (
            row(Landing.DOCUMENT, "not-possible", item="care-plan", title="CarePlan"),
            [],
            "no DocumentReference",
        ),
    ],
)
def test_a_claim_that_the_chart_does_not_hold_is_told(claim, held, words):
    [sentence] = find_unheld([claim], chart(*held))
    assert words in sentence


@pytest.mark.parametrize(
    ("claim", "held"),
    [
        (row(Landing.RESOURCE, "landed", reference="DocumentReference/1"), [note()]),
        (row(Landing.RESOURCE, "withdrawn", reference="DocumentReference/1"), [note(status="superseded")]),
        (row(Landing.RESOURCE, "", reference="ServiceRequest/their-own"), []),
        (row(Landing.DOCUMENT, "not-possible"), [note("rides to\n   medical visits")]),
        (row(Landing.PAGE, "not-possible"), []),
        *[
            (row(rung, standing.value), [])
            for rung in Landing
            for standing in set(WriteStanding)
            - {WriteStanding.LANDED, WriteStanding.REPLACED, WriteStanding.NOT_POSSIBLE}
        ],
    ],
)
def test_what_is_held_or_not_claimed_is_no_finding(claim, held):
    assert list(find_unheld([claim], chart(*held))) == []


def test_what_was_declined_is_landed_when_it_is_taken_back():
    claim = row(Landing.RESOURCE, "landed", reference="DocumentReference/1")
    back = chart(note(status="superseded"))
    assert len(list(find_unheld([claim], back))) == 1
    assert list(find_unheld([claim], back, is_declined=True)) == []
    assert len(list(find_unheld([claim], chart(), is_declined=True))) == 1


def test_what_a_person_was_asked_about_is_found():
    rows = [row(Landing.RESOURCE, "unknown"), row(Landing.RESOURCE, "waiting", item="goal:1")]
    assert find_unknown(rows) == ["referral:rides"]


def test_the_rows_of_the_page_claim_as_those_of_the_status_document():
    cells = (
        f'<th scope="row">{TITLE}</th><td>document <span class="quiet">It stands in the plan document.</span></td>'
        "<td></td><td>not possible</td>"
    )
    waits = "<th>CarePlan</th><td>resource</td><td><a>CarePlan/1</a></td><td>waiting: it is tried again</td>"
    table = f'<table><caption id="written-table">Where</caption><thead><tr><th>Item</th><th>As</th><th>In</th><th>State</th></tr></thead><tr>{cells}</tr><tr>{waits}</tr></table>'
    other = "<table><caption>Other</caption><tr><td>a</td><td>b</td><td>c</td><td>landed</td></tr></table>"
    _, first, second = read_page(f"<main>{other}{table}{other}</main>")
    assert (first["title"], first["rung"], first["standing"]) == (TITLE, "document", "not-possible")
    assert (second["reference"], second["standing"]) == ("CarePlan/1", "waiting")
    assert list(find_unheld([first, second], chart(note()))) == []
    [sentence] = find_unheld([first, second], chart(note("Other words")))
    assert "do not hold it" in sentence
