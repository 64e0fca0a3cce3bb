"""What a person who looks at the demo is shown of a chart."""

from base64 import b64encode
from typing import Any

from service.sandbox.chart import read_chart
from service.sandbox.landing import show_chart, show_reasons

WORDS = "\n".join(f"Line {number}" for number in range(20))


def note(number: int, words: str = WORDS, **more: Any) -> dict[str, Any]:
    content = [{"attachment": {"contentType": "text/plain", "data": b64encode(words.encode()).decode()}}]
    body = {"resourceType": "DocumentReference", "id": str(number), "docStatus": "final", "content": content}
    return {**body, "status": "current", "type": {"text": "Plan"}, **more}


def order(number: int) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": str(number),
        "status": "draft",
        "intent": "proposal",
        "code": {"text": f"Service {number}"},
    }


def shown(*resources: dict[str, Any], **how: Any) -> list[str]:
    return list(show_chart(read_chart((resource, "") for resource in resources), **how))


def test_an_empty_chart_says_where_the_plan_is():
    assert shown() == ["In the chart: nothing: the plan stands on the card and on Homeward's page."]


def test_a_note_is_shown_whole_once_and_then_in_short():
    assert "  │ Line 19" in shown(note(1))
    again = shown(note(1), known=[WORDS])
    assert again[-1] == "  │ … 10 more lines"
    assert "  │ Line 9" in again
    assert "  │ Line 10" not in again
    assert shown(note(1), whole=False) == again
    assert "  │ Line 19" not in shown(note(1, status="superseded"))


def test_few_things_are_named_and_many_of_a_kind_are_counted():
    few, many = shown(*map(order, range(2))), shown(*map(order, range(9)))
    assert "  Proposed order “Service 1”, draft: nobody has signed it" in few
    assert many[1:] == ["  9 of these: Proposed order, draft: nobody has signed it"]


def test_why_something_stands_lower_is_told_with_how_much():
    document = {"rung": "document", "reason": "It stands in the plan document.", "problem": ""}
    own = {"rung": "resource", "reason": "", "problem": ""}
    doubtful = {"rung": "resource", "reason": "", "problem": "A person must look."}
    assert list(show_reasons([document, document, own, doubtful])) == [
        "2 of the plan: It stands in the plan document.",
        "1 of the plan: A person must look.",
    ]
