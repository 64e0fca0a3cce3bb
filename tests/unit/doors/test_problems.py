import inspect

import pytest
from flask import Flask, abort, g

from service import errors
from service.doors import problems
from service.errors import EhrUnavailable, HomewardError, IllegalTransition, NotShown

MARK = "Zelda Testperson"
CLASSES = [
    found for found in vars(errors).values() if inspect.isclass(found) and issubclass(found, HomewardError)
]


def _raised(error: Exception, accept: str = "*/*"):
    app = Flask(__name__, template_folder="../../../service/doors/templates")
    problems.install(app)
    app.before_request(lambda: setattr(g, "request_id", "00000000-0000-4000-8000-000000000000"))

    @app.get("/")
    def view():
        raise error

    return app.test_client().get("/", headers={"Accept": accept})


def _made(kind: type[HomewardError]) -> HomewardError:
    if kind is IllegalTransition:
        return kind("received", "published")
    return kind("Encounter/7", is_absent=True) if kind is NotShown else kind()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_class_has_its_status_and_says_its_sentence(kind):
    error = _made(kind)
    answer = _raised(error)
    assert answer.status_code == kind.http_status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["detail"] == error.public_message
    assert answer.json["type"] == f"/docs#{problems.kind_of(kind)}"
    assert answer.json["status"] == kind.http_status
    assert ("Retry-After" in answer.headers) == kind.retryable


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_fhir_client_gets_an_operation_outcome(kind):
    answer = _raised(_made(kind), "application/fhir+json")
    [issue] = answer.json["issue"]
    assert (answer.status_code, answer.mimetype) == (kind.http_status, "application/fhir+json")
    assert (answer.json["resourceType"], issue["code"]) == ("OperationOutcome", kind.issue_code)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", "application/problem+json"),
        ("*/*", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("image/png", "application/problem+json"),
        ("application/fhir+json; fhirVersion=4.0", "application/fhir+json"),
        ("application/fhir+json;charset=utf-8, */*;q=0.1", "application/fhir+json"),
        ("application/json;q=0.5, application/fhir+json", "application/fhir+json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/fhir+json;q=0", "application/problem+json"),
        ("text/html;q=0, application/fhir+json;q=0.1", "application/fhir+json"),
    ],
)
def test_the_caller_chooses_the_format(client, accept, given):
    assert client.get("/nowhere", headers={"Accept": accept}).mimetype == given


def test_any_other_exception_is_a_fault_that_says_nothing_of_itself():
    answer = _raised(ValueError(MARK))
    assert answer.status_code == 500
    assert MARK not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json["instance"] == "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "accept", ["application/problem+json", "application/fhir+json", "application/json", "x/y"]
)
def test_a_fault_is_told_in_every_format(accept):
    answer = _raised(ZeroDivisionError(MARK), accept)
    assert answer.status_code == 500
    assert MARK not in answer.text


def test_the_ehrs_own_retry_after_is_passed_on():
    assert _raised(EhrUnavailable(retry_after=42.4)).headers["Retry-After"] == "42"


@pytest.mark.parametrize("status", [400, 404, 405, 408, 411, 413, 414, 415, 422, 429, 418, 501])
def test_what_flask_refuses_is_a_problem_too(status):
    app = Flask(__name__)
    problems.install(app)
    app.before_request(lambda: setattr(g, "request_id", "00000000-0000-4000-8000-000000000000"))
    app.add_url_rule("/", view_func=lambda: abort(status, MARK))
    answer = app.test_client().get("/")
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert MARK not in answer.text
