"""Bodies against written rules: what keeps to them passes, and each rule that is broken is named."""

import base64
from dataclasses import replace

import pytest

from service.domain.write_shape import AuthorShape, WriteShape
from service.pipeline.preflight_rules import broken_rules

SHAPE = WriteShape(
    elements=(
        "status",
        "docStatus",
        "author",
        "category",
        "code",
        "content.attachment",
        "context.period",
        "note",
    ),
    fixed={"docStatus": "final"},
    drop=frozenset({"description"}),
    categories=("problem-list-item",),
    coded=True,
    attachments=("text/html;charset=utf-8", "text/plain;charset=utf-8"),
    author=AuthorShape.PRACTITIONER,
    period_end=True,
    note_limit=20,
    text_limit=10,
)


def attached(text, kind="text/html;charset=utf-8"):
    data = base64.b64encode(text.encode()).decode()
    return {"attachment": {"contentType": kind, "data": data}}


BODY = {
    "resourceType": "DocumentReference",
    "status": "current",
    "docStatus": "final",
    "author": [{"reference": "Practitioner/7"}],
    "category": [{"coding": [{"code": "problem-list-item"}]}],
    "code": {"coding": [{"code": "1"}]},
    "content": [attached("<p>A plan.</p>")],
    "context": {"period": {"end": "2026-12-01T10:00:00Z"}},
    "note": [{"text": "Short."}],
}


def test_a_body_that_keeps_to_all_rules_breaks_none():
    assert broken_rules(BODY, SHAPE) == ()


def test_nothing_is_asked_of_a_body_where_there_is_no_rule():
    assert broken_rules({"resourceType": "Goal", "author": [{"reference": "Device/1"}]}, WriteShape()) == ()


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"identifier": []}, "identifier"),
        ({"description": "x"}, "description"),
        ({"docStatus": "preliminary"}, "docStatus"),
        ({"category": []}, "category"),
        ({"category": [{"coding": [{"code": "health-concern"}]}]}, "category"),
        (
            {"category": [{"coding": [{"code": "problem-list-item"}, {"code": "problem-list-item"}]}]},
            "category",
        ),
        ({"code": {"text": "words"}}, "code.coding"),
        ({"content": []}, "content"),
        ({"content": [attached("<p>A</p>"), attached("<p>B</p>")]}, "content"),
        ({"content": [attached("a", "text/html")]}, "content.contentType"),
        ({"content": [attached("<p>A<br></p>")]}, "content.data"),
        ({"content": [attached("eleven more", "text/plain;charset=utf-8")]}, "content.data"),
        ({"author": [{"reference": "Device/1"}]}, "author"),
        ({"context": {"period": {"end": "2026-12-01"}}}, "context.period.end"),
        ({"context": {}}, "context.period.end"),
        ({"note": [{"text": "a"}, {"text": "b"}]}, "note"),
        ({"note": [{"text": "x" * 21}]}, "note"),
    ],
)
def test_a_rule_that_is_broken_is_named(change, broken):
    assert broken in broken_rules({**BODY, **change}, SHAPE)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({}, ()),
        ({"sender": {"reference": "Device/1"}}, ("sender",)),
        ({"recipient": []}, ("recipient",)),
        ({"recipient": [{"reference": "CareTeam/1"}]}, ("recipient",)),
        ({"payload": [{"contentString": "words"}]}, ("payload",)),
    ],
)
def test_a_message_is_from_and_to_those_who_may(change, broken):
    shape = WriteShape(
        sender=frozenset({"Practitioner"}),
        recipients=frozenset({"Practitioner", "Group"}),
        attachments=("text/plain",),
    )
    data = {"contentType": "text/plain", "data": "QQ=="}
    message = {
        "resourceType": "Communication",
        "sender": {"reference": "Practitioner/1"},
        "recipient": [{"reference": "Group/2"}],
        "payload": [{"contentAttachment": data}],
    }
    assert broken_rules({**message, **change}, shape) == broken


def test_a_provenance_has_one_target_where_only_one_is_taken():
    two = {"resourceType": "Provenance", "target": [{"reference": "Goal/1"}, {"reference": "Goal/2"}]}
    assert broken_rules(two, WriteShape(one_target=True)) == ("target",)
    assert broken_rules({**two, "target": two["target"][:1]}, WriteShape(one_target=True)) == ()


def test_nobody_may_stand_as_author_where_none_is_taken():
    assert broken_rules(BODY, replace(SHAPE, author=AuthorShape.NONE)) == ("author",)
