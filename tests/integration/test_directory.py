"""The directory of community services over REST: found, put, taken out, replaced as a whole; each hospital its own."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from config.directory_file import SAMPLE, load_directory
from config.settings import load_settings
from service.app import create_app
from service.bootstrap import build_deps
from service.doors import directory_upload
from service.store import Store, open_engine
from service.store.tables import audit
from tests.unit.doors.keys import bearer, keys_file

TENANTS = """\
tenants:
  - {id: here, fhir_base_url: 'http://127.0.0.1:9/fhir', organization: Example Hospital}
  - {id: elsewhere, fhir_base_url: 'http://127.0.0.1:9/other', organization: Other Hospital}
"""
KEYS: dict[str, dict[str, Any]] = {
    "keeper": {"key": "keeper", "scopes": ["directory:write"], "tenants": ["here"]},
    "display": {"key": "display", "scopes": ["plans:read"], "role": "manager", "tenants": ["here"]},
    "worker": {"key": "worker", "scopes": ["plans:read"], "role": "social-worker", "tenants": ["here"]},
    "other": {"key": "other", "scopes": ["directory:write"], "tenants": ["elsewhere"]},
    "asker": {"key": "asker", "scopes": ["discharges:write"], "tenants": ["here"]},
}
PANTRY = {
    "name": "Test Pantry",
    "organization": "Invented Pantries",
    "services": ["food-pantry", "home-delivered-meals"],
    "phone": "555-0100",
    "url": "https://pantry.example.org",
    "postal_code": "62701",
    "latitude": 39.8,
    "longitude": -89.6,
    "postal_codes": ["62701", "62702"],
    "languages": ["es"],
    "minimum_age": 18,
    "verified": "2026-01-02",
}
SHELTER = {
    "name": "Test Shelter",
    "organization": "Invented",
    "services": ["emergency-shelter"],
    "labels": ["SSP"],
}


@dataclass
class Desk:
    client: FlaskClient
    store: Store
    database_url: str

    def ask(
        self, method: str, path: str = "", key: str = "keeper", hospital: str = "here", **more: Any
    ) -> Any:
        return self.client.open(
            f"/api/v1/directory/{hospital}{path}", method=method, headers=bearer(key), **more
        )

    def put(self, number: str, **more: Any) -> Any:
        entry = {name: value for name, value in (PANTRY | more).items() if value is not ...}
        return self.ask("PUT", f"/services/{number}", json=entry)

    def found(self, key: str = "keeper", **asked: Any) -> list[str]:
        answer = self.ask("GET", "/services", key, query_string=asked)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json["services"]]

    def trail(self) -> list[tuple[str, str, str]]:
        engine = open_engine(self.database_url)
        with engine.begin() as connection:
            rows = connection.execute(
                select(audit.c.actor, audit.c.event, audit.c.reference).order_by(audit.c.id)
            )
            found = [(row.actor, row.event, row.reference) for row in rows]
        engine.dispose()
        return found


@pytest.fixture(scope="module")
def desk(database_url: str, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("directory")
    (folder / "tenants.yaml").write_text(TENANTS)
    known = load_settings(
        {
            "HOMEWARD_DATABASE_URL": database_url,
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_API_KEYS_FILE": str(keys_file(folder, **KEYS)),
        }
    )
    deps = build_deps(known)
    yield Desk(create_app(known, deps).test_client(), store, database_url)
    deps.store.close()


@pytest.fixture(autouse=True)
def _an_empty_directory(desk: Desk) -> None:
    for tenant in ("here", "elsewhere"):
        desk.store.directory.load(tenant, ())


def packed(**changed: str) -> bytes:
    """The sample's files in a folder of a zip file, some with another content."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in SAMPLE.glob("*.csv"):
            archive.writestr(f"directory/{file.name}", changed.get(file.stem, file.read_text()))
        archive.writestr("directory/README.txt", "not a table")
    return data.getvalue()


def test_an_entry_that_is_put_is_read_found_and_offered(desk):
    made = desk.put("pantry-1")
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/directory/here/services/pantry-1")
    read = desk.ask("GET", "/services/pantry-1").json
    assert read == made.json
    assert {name: read[name] for name in PANTRY} == PANTRY
    assert (read["id"], read["accepting"], read["maximum_age"], read["labels"]) == (
        "pantry-1",
        True,
        None,
        [],
    )
    [offered] = desk.store.directory.of("here").candidates({"food-pantry"}, "62702")
    assert offered.name == "Test Pantry"


def test_putting_it_again_replaces_the_whole_entry(desk):
    desk.put("pantry-1")
    again = desk.put("pantry-1", name="Another Name", phone=..., languages=...)
    assert (again.status_code, "Location" in again.headers) == (200, False)
    assert (again.json["name"], again.json["phone"], again.json["languages"]) == ("Another Name", "", [])
    assert desk.found() == ["pantry-1"]


def test_an_entry_that_is_taken_out_is_offered_to_nobody(desk):
    desk.put("pantry-1")
    assert desk.ask("DELETE", "/services/pantry-1").status_code == 204
    assert desk.ask("GET", "/services/pantry-1").status_code == 404
    assert desk.ask("DELETE", "/services/pantry-1").status_code == 404
    assert desk.store.directory.of("here").candidates({"food-pantry"}, "") == ()


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({}, ["a", "b", "c"]),
        ({"service": "food-pantry"}, ["a", "b"]),
        ({"postal_code": "62702"}, ["a", "c"]),
        ({"postal_code": "99999"}, ["c"]),
        ({"words": "SECOND"}, ["b"]),
        ({"words": "%"}, []),
        ({"words": "invented"}, ["a", "b", "c"]),
        ({"service": "food-pantry", "words": "first"}, ["a"]),
    ],
)
def test_a_search_is_by_service_place_and_words(desk, asked, ids):
    desk.put("a", name="First")
    desk.put("b", name="Second", postal_codes=["10001"])
    desk.put("c", name="Third", services=["legal-aid"], postal_codes=[])
    assert desk.found(**asked) == ids


def test_pages_follow_each_other(desk):
    for number in "edcba":
        desk.put(number)
    found: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        page = desk.ask("GET", "/services", query_string={"limit": 2, "after": after}).json
        found.append([one["id"] for one in page["services"]])
        after = page["next"]
    assert found == [["a", "b"], ["c", "d"], ["e"]]


def test_a_place_for_survivors_is_told_to_the_care_team_and_to_who_keeps_the_directory(desk):
    assert desk.ask("PUT", "/services/shelter", json=SHELTER).status_code == 201
    assert {key: desk.found(key) for key in ("keeper", "worker", "display")} == {
        "keeper": ["shelter"],
        "worker": ["shelter"],
        "display": [],
    }
    assert desk.ask("GET", "/services/shelter", "worker").status_code == 200
    assert desk.ask("GET", "/services/shelter", "display").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": ...}, "name: This is required."),
        ({"name": "  "}, "name: "),
        ({"name": "x" * 201}, "name: This is 1 to 200"),
        ({"name": 7}, "name: This is text."),
        ({"phone": "a\x00b"}, "phone: This holds a NUL"),
        ({"services": []}, "services: This is a list of 1"),
        ({"services": ["Food Pantry"]}, "services: 0: This is like food-pantry."),
        ({"services": ["food-pantry", "food-pantry\n"]}, "services: 1: "),
        ({"services": "food-pantry"}, "services: "),
        ({"url": "javascript:alert(1)"}, "url: This is like https://"),
        ({"postal_code": "627"}, "postal_code: This is like 62701."),
        ({"postal_codes": ["62701", "x"]}, "postal_codes: 1: This is like 62701."),
        ({"languages": ["Spanish!"]}, "languages: 0: This is like es."),
        ({"latitude": 91}, "latitude: This is -90 to 90"),
        ({"longitude": ...}, "latitude: Send both or neither."),
        ({"minimum_age": 70, "maximum_age": 60}, "minimum_age: This is above maximum_age."),
        ({"maximum_age": -1}, "maximum_age: "),
        ({"minimum_age": 1.5}, "minimum_age: "),
        ({"accepting": "yes"}, "accepting: "),
        ({"verified": "yesterday"}, "verified: "),
        ({"labels": ["SECRET"]}, "labels: 0: Must be one of"),
        ({"labels": ["SDV"]}, "postal_code: Where survivors of violence are safe"),
        ({"colour": "red"}, "Only these fields are accepted"),
    ],
)
def test_a_mistake_is_told_with_its_field(desk, wrong, says):
    answer = desk.put("pantry-1", **wrong)
    assert answer.status_code == 400
    assert says in answer.json["detail"]
    assert desk.found() == []


@pytest.mark.parametrize("number", ["a%20b", "x" * 65, "%00", "a:b"])
def test_an_id_that_is_none_is_refused(desk, number):
    assert desk.put(number).status_code == 400
    assert desk.ask("GET", f"/services/{number}").status_code == 404
    assert desk.ask("DELETE", f"/services/{number}").status_code == 404


def test_the_whole_directory_is_replaced_by_the_files_that_the_command_reads(desk):
    desk.put("pantry-1")
    answer = desk.ask("PUT", data=packed(), content_type="application/zip")
    assert (answer.status_code, answer.json) == (200, {"services": len(load_directory())})
    assert desk.store.directory.get("here", "pantry-1") is None
    [first, *_] = load_directory()
    assert desk.store.directory.get("here", first.id) == first


def test_a_mistake_in_a_file_is_told_with_its_line_and_nothing_changes(desk):
    desk.put("pantry-1")
    broken = (SAMPLE / "phone.csv").read_text().replace("service_id", "service", 1)
    answer = desk.ask("PUT", data=packed(phone=broken))
    assert (answer.status_code, answer.json["detail"]) == (
        422,
        "phone.csv line 1: the column service_id is missing",
    )
    assert desk.found() == ["pantry-1"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_file_whose_data_are_broken_is_refused(desk, method):
    data = bytearray(_of_one_file(method))
    name_ends = data.index(b"service.csv") + len(b"service.csv")
    data[name_ends + 10 : name_ends + 30] = b"\xff" * 20
    answer = desk.ask("PUT", data=bytes(data))
    assert (answer.status_code, "one zip file" in answer.json["detail"]) == (400, True)


def _of_one_file(method: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr("service.csv", SAMPLE.joinpath("service.csv").read_text())
    return data.getvalue()


def test_what_is_no_zip_file_or_too_large_is_refused(desk, monkeypatch):
    assert desk.ask("PUT", data=b"").status_code == 400
    assert desk.ask("PUT", data=b"PK\x03\x04 not really").status_code == 400
    assert desk.ask("PUT", data=packed()[:-40]).status_code == 400
    monkeypatch.setattr(directory_upload, "MAX_BYTES", 10_000)
    assert desk.ask("PUT", data=packed()).status_code == 413


def test_another_hospitals_directory_does_not_exist(desk):
    desk.put("pantry-1")
    answers = [
        desk.ask("GET", "/services", "other"),
        desk.ask("GET", "/services/pantry-1", "other"),
        desk.ask("PUT", "/services/pantry-1", "other", json=PANTRY),
        desk.ask("DELETE", "/services/pantry-1", "other"),
        desk.ask("PUT", "", "other", data=packed()),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert desk.ask("GET", "/services", "other", "elsewhere").json == {"services": [], "next": None}
    assert desk.found() == ["pantry-1"]


@pytest.mark.parametrize(("method", "path"), [("PUT", "/services/a"), ("DELETE", "/services/a"), ("PUT", "")])
def test_only_who_keeps_the_directory_changes_it(desk, method, path):
    assert desk.ask(method, path, "worker", json=PANTRY).status_code == 403
    assert desk.ask("GET", "/services", "asker").status_code == 403


def test_who_changed_what_stands_in_the_trail(desk):
    before = len(desk.trail())
    desk.put("pantry-1")
    desk.ask("DELETE", "/services/pantry-1")
    desk.ask("PUT", data=packed())
    desk.put("pantry-1", name="")
    assert desk.trail()[before:] == [
        ("key keeper", "community service kept", "pantry-1"),
        ("key keeper", "community service removed", "pantry-1"),
        ("key keeper", "directory replaced", f"{len(load_directory())} services"),
    ]
