import pytest

from fhir_mappings.outcomes import Cause, Remark, cause_of, remarks_in, remarks_of

EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"


def issue(severity="warning", code="processing", detail="", system=EPIC, **more):
    coding = {"details": {"coding": [{"system": system, "code": detail}]}} if detail else {}
    return {"severity": severity, "code": code, **coding, **more}


def outcome(*issues):
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def remark(*args, **more):
    [(found, _)] = remarks_of(outcome(issue(*args, **more)))
    return found


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("4101", "4119", "4134"), Remark.HARMLESS),
        (("59204", "59133", "4127", "4135"), Remark.INCOMPLETE),
        (("4118", "4130", "4131"), Remark.WITHHELD),
        (("4122", "59100", "59101", "59109"), Remark.NOT_HONOURED),
    ],
)
@pytest.mark.parametrize("severity", ["warning", "information", "error", "fatal"])
@pytest.mark.parametrize("kind", ["processing", "suppressed", "not-supported", "informational"])
def test_epics_own_code_goes_before_type_and_severity(codes, expected, severity, kind):
    assert {remark(severity, kind, code) for code in codes} == {expected}


@pytest.mark.parametrize(
    "system",
    [
        EPIC,
        "urn:oid:1.2.840.114350.1.13.861.1.7.2.657369",
        "urn:oid:1.2.840.114350.1.13.172.3.7.2.657369",
        "URN:OID:1.2.840.114350.1.13.99.7.2.657369",
        "1.2.840.114350.1.13.0.1.7.2.657369",
        f" {EPIC} ",
    ],
)
def test_every_environment_of_epic_has_the_same_codes(system):
    assert remark(detail="4119", system=system) is Remark.HARMLESS


@pytest.mark.parametrize(
    "system",
    [
        "",
        None,
        "urn:oid:1.2.840.114350.1.13.0.1.7.2.657368",
        "urn:oid:1.2.840.114350.1.13.0.1.7.2.6573690",
        "urn:oid:1.2.840.114351.1.13.0.1.7.2.657369",
        "urn:oid:1.2.840.114350.1.13.7.2.657369",
        "https://other-vendor.example/errors",
    ],
)
def test_the_same_number_of_another_list_is_no_code_of_epics(system):
    assert remark(detail="4119", system=system) is Remark.UNKNOWN


def test_a_text_decides_nothing():
    assert remark(details={"text": "4119"}) is Remark.UNKNOWN
    assert remark(diagnostics="4119", details={"text": "suppressed"}) is Remark.UNKNOWN


def test_any_coding_of_the_details_may_decide():
    codings = [{"system": "urn:local", "code": "9"}, None, {"system": EPIC, "code": 4119}]
    assert remark(details={"coding": codings}) is Remark.HARMLESS
    assert remark(details={"coding": [{"system": EPIC, "code": "99999"}]}) is Remark.UNKNOWN


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *(
            (type_of_issue, Remark.INCOMPLETE)
            for type_of_issue in ("suppressed", "too-costly", "required", "structure", "invariant")
        ),
        *(
            (type_of_issue, Remark.CUT_SHORT)
            for type_of_issue in (
                *("transient", "timeout", "throttled"),
                *("no-store", "incomplete", "lock-error"),
            )
        ),
        *((type_of_issue, Remark.WITHHELD) for type_of_issue in ("security", "forbidden")),
        *((type_of_issue, Remark.SIGNED_OUT) for type_of_issue in ("login", "expired")),
        *((type_of_issue, Remark.NOT_HONOURED) for type_of_issue in ("not-supported", "limited-filter")),
    ],
)
@pytest.mark.parametrize("severity", ["fatal", "error", "warning", "information"])
def test_a_type_that_says_what_it_means_means_it_in_any_severity(severity, code, expected):
    assert remark(severity, code) is expected


@pytest.mark.parametrize(
    ("severity", "code", "expected"),
    [
        ("information", "processing", Remark.HARMLESS),
        ("information", "informational", Remark.HARMLESS),
        ("warning", "informational", Remark.HARMLESS),
        ("success", "success", Remark.HARMLESS),
        ("warning", "processing", Remark.UNKNOWN),
        ("warning", "a-word-of-their-own", Remark.UNKNOWN),
        ("error", "informational", Remark.FAILED),
        ("error", "exception", Remark.FAILED),
        ("fatal", "processing", Remark.FAILED),
        (None, None, Remark.UNKNOWN),
        ([], {}, Remark.UNKNOWN),
    ],
)
def test_otherwise_the_severity_decides(severity, code, expected):
    assert remark(severity, code) is expected


def test_every_issue_of_every_outcome_counts_also_without_a_search_mode():
    bundle = {
        "entry": [
            {
                "resource": outcome(issue(detail="4119"), issue(code="suppressed")),
                "search": {"mode": "outcome"},
            },
            {"resource": {"resourceType": "Condition", "issue": [issue(code="forbidden")]}},
            {"resource": outcome(issue())},
            {"resource": None},
            7,
        ]
    }
    assert [found for found, _ in remarks_in(bundle)] == [Remark.HARMLESS, Remark.INCOMPLETE, Remark.UNKNOWN]


@pytest.mark.parametrize(
    "odd", [None, {}, [], outcome(), {"resourceType": "OperationOutcome", "issue": 7}, outcome(None, "x")]
)
def test_what_holds_no_issue_says_nothing(odd):
    assert list(remarks_of(odd)) == []


@pytest.mark.parametrize(
    ("element", "path", "name"),
    [
        ("expression", ["http.patient"], "patient"),
        ("location", ["/f:category"], "category"),
        ("location", "_count", "_count"),
        ("expression", ["clinical-status"], "clinical-status"),
    ],
)
def test_an_issue_may_point_to_a_parameter(element, path, name):
    [(_, names)] = remarks_of(outcome(issue("warning", "not-supported", **{element: path})))
    assert names == {name}


@pytest.mark.parametrize(
    ("severity", "code", "cause"),
    [
        ("fatal", "required", Cause.A_RECORD),
        ("error", "structure", Cause.A_RECORD),
        ("fatal", "exception", Cause.PERHAPS_A_RECORD),
        ("error", "processing", Cause.PERHAPS_A_RECORD),
        ("warning", "required", Cause.ELSEWHERE),
        ("fatal", "timeout", Cause.ELSEWHERE),
        ("fatal", "throttled", Cause.ELSEWHERE),
        ("fatal", None, Cause.ELSEWHERE),
    ],
)
def test_an_error_says_whether_one_record_may_have_made_it(severity, code, cause):
    assert cause_of(outcome(issue(severity, code))) is cause


@pytest.mark.parametrize("nothing", [None, {}, {"issue": "x"}, []])
def test_an_error_without_an_outcome_says_nothing_of_its_cause(nothing):
    assert cause_of(nothing) is Cause.ELSEWHERE
