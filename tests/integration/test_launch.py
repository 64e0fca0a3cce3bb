"""SMART App Launch of our page: a browser, two hospitals' authorization servers, gunicorn and a real database."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
import requests
from sqlalchemy import func, select

from service.domain.audit import Event
from service.domain.discharge import Discharge, DischargeState
from service.domain.sensitivity import Label
from service.sandbox.homeward_process import free_port
from service.store import Store, open_engine
from service.store.plans import PlanVersion
from service.store.tables import sessions
from tests import builders
from tests.launch_server import STRANGER, LaunchServer, launch_server
from tests.processes import answers, running, wait_until
from tests.smart_keys import EC_KEY

SECRET_NEED = "Intimate partner violence"
TENANTS = """\
tenants:
  - id: one
    fhir_base_url: {one}
    organization: First Hospital
    launch:
      client_id: homeward-page
      roles:
        - role: social-worker
          approves: yes
          practitioners: [Practitioner/dana]
        - role: clinician
          claim: groups
          values: [ward]
  - id: two
    fhir_base_url: {two}
    organization: Second Hospital
    auth: {{kind: smart, client_id: homeward, keys: ["file:{key}"]}}
    launch: {{client_id: homeward-page, client_authentication: private_key_jwt}}
  - id: three
    fhir_base_url: {one}/three
    organization: Third Hospital
"""


@dataclass
class Stage:
    url: str
    log: Path
    one: LaunchServer
    two: LaunchServer
    stays: dict[str, UUID] = field(default_factory=dict)

    def page(self, stay: str) -> str:
        return f"{self.url}/discharges/{self.stays[stay]}"


@pytest.fixture(scope="module")
def stage(database_url: str, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("launch")
    (folder / "key.pem").write_text(EC_KEY.private.as_pem(private=True).decode())
    address = f"127.0.0.1:{free_port(0)}"
    back = f"http://{address}/launch/callback"
    with (
        launch_server(redirect_uri=back) as one,
        launch_server(redirect_uri=back, client_keys=(EC_KEY,)) as two,
    ):
        tenants = TENANTS.format(one=one.base, two=two.base, key=folder / "key.pem")
        (folder / "tenants.yaml").write_text(tenants)
        settings = {
            "HOMEWARD_DATABASE_URL": database_url,
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_BIND": address,
            "HOMEWARD_PUBLIC_URL": f"http://{address}",
            "HOMEWARD_WEB_WORKERS": "2",
        }
        stage = Stage(f"http://{address}", folder / "log", one, two)
        stage.stays = {"e1": _plan(store, "one", "e1"), "e2": _plan(store, "one", "e2", "p2")}
        stage.stays |= {"two/e9": _plan(store, "two", "e9"), "two/e1": _plan(store, "two", "e1")}
        with running("web", settings, folder / "log") as process:
            wait_until(lambda: answers(f"{stage.url}/livez") or process.poll() is not None, "the start")
            yield stage


def _plan(store: Store, tenant: str, stay: str, patient: str = "p1") -> UUID:
    now = datetime.now(UTC)
    made = Discharge(uuid4(), tenant, f"Encounter/{stay}", "", DischargeState.PUBLISHED, 1, now, now)
    assert store.discharges.add(made)
    plan = builders.planned(builders.need(interventions=builders.interventions()), builders.need("transport"))
    secret = replace(plan.needs[1], title=SECRET_NEED, labels=frozenset({Label.SDV}))
    who = replace(plan.patient, reference=f"Patient/{patient}")
    shown = replace(plan, tenant=tenant, patient=who, needs=(plan.needs[0], secret))
    store.plans.keep(made.id, PlanVersion(1, 1, now, shown))
    return made.id


@pytest.fixture(autouse=True)
def _as_it_was(stage: Stage) -> Iterator[None]:
    yield
    for server in (stage.one, stage.two):
        fresh = LaunchServer(server.odd)
        for name in ("context", "claims", "key", "alg", "said", "error", "refusals", "asks"):
            setattr(server, name, getattr(fresh, name))


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with _browser() as made:
        yield made


def _browser() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.headers["Accept"] = "text/html"
    return made


def _launch(
    browser: requests.Session, stage: Stage, server: LaunchServer, **context: object
) -> requests.Response:
    """What the browser ends at: the page of a stay, or a refusal."""
    server.context = dict(context)
    asked = {"iss": server.base, "launch": "opened-7"}
    return browser.get(f"{stage.url}/launch", params=asked, timeout=30)


def _returning(browser: requests.Session, stage: Stage, **context: object) -> str:
    """The address with code and state at which the browser would come back to us."""
    stage.one.context = dict(context)
    asked = {"iss": stage.one.base, "launch": "opened-7"}
    to_ehr = browser.get(f"{stage.url}/launch", params=asked, timeout=30, allow_redirects=False)
    assert to_ehr.status_code == 303
    back = browser.get(to_ehr.headers["Location"], timeout=30, allow_redirects=False)
    return back.headers["Location"]


def _card(stage: Stage, stay: str) -> str:
    return f'{{"discharge":"{stage.stays[stay]}"}}'


# --- who comes in, and to what -----------------------------------------------------------------
def test_a_clinician_whom_the_ehr_sends_reads_the_plan_of_the_open_stay(stage, browser):
    page = _launch(browser, stage, stage.one, patient="p1", encounter="e1")
    assert (page.status_code, page.url) == (200, stage.page("e1"))
    assert "Dana Testworker" in page.text
    assert stage.one.refusals == []


def test_a_client_that_is_registered_with_our_keys_signs(stage, browser):
    stage.two.claims = {"name": "Dana Testworker"}
    page = _launch(browser, stage, stage.two, patient="p1", encounter="e1")
    assert (page.status_code, page.url) == (200, stage.page("two/e1"))
    assert stage.two.refusals == []


def test_what_is_asked_of_the_ehr_is_what_smart_wants_with_pkce(stage, browser):
    _launch(browser, stage, stage.one, patient="p1", encounter="e1")
    [asks] = stage.one.asks
    assert asks["aud"] == stage.one.base
    assert asks["code_challenge_method"] == "S256"
    assert asks["scope"].split() == ["launch", "openid", "fhirUser"]
    assert {"state", "nonce", "code_challenge"} < set(asks)


def test_the_card_that_was_followed_leads_to_its_plan_where_only_the_patient_is_open(stage, browser):
    page = _launch(browser, stage, stage.one, patient="p1", appContext=_card(stage, "e1"))
    assert page.url == stage.page("e1")


def test_without_a_card_the_patients_own_stay_is_found(stage, browser):
    assert _launch(browser, stage, stage.one, patient="p2").url == stage.page("e2")


@pytest.mark.parametrize("base", [str, "{}/".format, lambda base: f"HTTP{base[4:]}"])
def test_the_spelling_of_iss_makes_no_difference(stage, browser, base):
    asked = {"iss": base(stage.one.base), "launch": "opened-7"}
    sent = browser.get(f"{stage.url}/launch", params=asked, timeout=30, allow_redirects=False)
    assert sent.status_code == 303
    assert parse_qs(urlsplit(sent.headers["Location"]).query)["aud"] == [asked["iss"]]


def test_who_the_tenants_file_names_sees_what_is_sensitive_and_may_decide(stage, browser):
    page = _launch(browser, stage, stage.one, patient="p1", encounter="e1").text
    assert SECRET_NEED in page
    assert "Decide about the whole plan" in page


def test_who_it_does_not_name_reads_without_what_is_sensitive_and_decides_nothing(stage, browser):
    stage.one.claims = {"fhirUser": f"{stage.one.base}/Practitioner/other", "name": "Otto Other"}
    page = _launch(browser, stage, stage.one, patient="p1", encounter="e1").text
    assert SECRET_NEED not in page
    assert "is shown to clinicians and social workers only" in page
    assert "<summary>Decide" not in page
    refused = browser.post(f"{stage.page('e1')}/decisions", data={"form": _form(page)}, timeout=30)
    assert refused.status_code == 403


def test_a_claim_may_say_who_sees_what_is_sensitive_without_deciding(stage, browser):
    stage.one.claims = {"fhirUser": "PractitionerRole/other", "groups": ["ward", "choir"]}
    page = _launch(browser, stage, stage.one, patient="p1", encounter="e1").text
    assert SECRET_NEED in page
    assert "<summary>Decide" not in page


def test_a_name_that_no_database_can_hold_is_tidied(stage, browser):
    stage.one.claims = {"name": "Otto\x00Other"}
    page = _launch(browser, stage, stage.one, patient="p1", encounter="e1")
    assert page.status_code == 200
    assert "Otto Other" in page.text


def test_an_id_token_for_somebody_who_cannot_be_written_down_lets_nobody_in(stage, browser):
    stage.one.claims = {"sub": "dana\x001"}
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").status_code == 401


def test_what_they_sign_stands_there_with_their_name(stage, browser, store):
    page = _launch(browser, stage, stage.one, patient="p2", encounter="e2").text
    form = {"form": _form(page), "seen": "1", "choice": "declined", "reason": "Goes to her daughter"}
    done = browser.post(f"{stage.page('e2')}/decisions", data=form, timeout=30)
    assert (done.status_code, "Declined." in done.text) == (200, True)
    [made, *_] = store.decisions.of(stage.stays["e2"])
    assert (made.by.name, made.by.reference) == ("Dana Testworker", "Practitioner/dana")
    assert made.by.subject == f"{stage.one.issuer} dana-1"


def test_a_launch_is_in_the_trail_and_not_in_the_history_that_all_read(stage, browser, store):
    page = _launch(browser, stage, stage.one, patient="p1", encounter="e1").text
    opened = [one for one in store.audit.of(stage.stays["e1"]) if one.event is Event.OPENED]
    assert opened[-1].actor == f"Dana Testworker ({stage.one.issuer} dana-1)"
    assert "opened from the EHR" not in page


# --- what a session is good for ----------------------------------------------------------------
def test_a_session_opens_the_stays_that_were_launched_and_no_other(stage, browser):
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").ok
    assert browser.get(stage.page("e2"), timeout=30).status_code == 404
    assert browser.get(stage.page("two/e1"), timeout=30).status_code == 404
    assert _launch(browser, stage, stage.one, patient="p2", encounter="e2").ok
    assert browser.get(stage.page("e1"), timeout=30).ok, "two charts may be open beside each other"
    index = browser.get(f"{stage.url}/", timeout=30).text
    assert len(re.findall(r'href="/discharges/', index)) == 2


def test_a_session_of_another_hospital_takes_the_place_of_the_first(stage, browser):
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").ok
    assert _launch(browser, stage, stage.two, patient="p1", encounter="e9").ok
    assert browser.get(stage.page("e1"), timeout=30).status_code == 404


def test_no_door_of_the_api_takes_a_session(stage, browser):
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").ok
    api = f"{stage.url}/api/v1/discharges/{stage.stays['e1']}"
    assert browser.get(api, timeout=30).status_code == 401
    assert browser.post(f"{api}/cancel", timeout=30).status_code == 401


def test_a_session_that_is_over_lets_nobody_in(stage, browser, database_url):
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").ok
    assert _all_are_over(database_url) <= datetime.now(UTC) + timedelta(hours=1)
    refused = browser.get(stage.page("e1"), timeout=30)
    assert refused.status_code == 401
    assert "from the patient&#39;s chart" in refused.text


def test_who_logs_out_is_out_even_with_a_copy_of_the_cookie(stage, browser):
    page = _launch(browser, stage, stage.one, patient="p1", encounter="e1").text
    kept = browser.cookies.get_dict()
    out = browser.post(f"{stage.url}/logout", data={"form": _form(page)}, timeout=30)
    assert "Logged out" in out.text
    assert browser.get(stage.page("e1"), timeout=30).status_code == 401
    browser.cookies.update(kept)
    assert browser.get(stage.page("e1"), timeout=30).status_code == 401


@pytest.mark.parametrize("sent", [{}, {"form": "guessed"}])
def test_a_form_of_another_site_decides_nothing_in_a_session(stage, browser, sent):
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").ok
    form = sent | {"seen": "1", "choice": "approved"}
    assert browser.post(f"{stage.page('e1')}/decisions", data=form, timeout=30).status_code == 403
    assert browser.post(f"{stage.url}/logout", data=sent, timeout=30).status_code == 403
    assert browser.get(stage.page("e1"), timeout=30).ok


def test_two_charts_that_are_open_beside_each_other_can_both_be_decided_on(stage, browser):
    first = _launch(browser, stage, stage.one, patient="p1", encounter="e1").text
    second = _launch(browser, stage, stage.one, patient="p2", encounter="e2").text
    for page, stay in ((first, "e1"), (second, "e2")):
        form = {"form": _form(page), "seen": "1", "choice": "nothing"}
        refused = browser.post(f"{stage.page(stay)}/decisions", data=form, timeout=30)
        assert (refused.status_code, "Choose what to do" in refused.text) == (400, True)


def test_our_cookies_are_seen_by_no_script_and_sent_to_us_alone(stage, browser):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    let_in = browser.get(back, timeout=30, allow_redirects=False)
    cookie = let_in.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=3600"} <= set(cookie.split("; "))
    assert let_in.headers["Location"] == f"/discharges/{stage.stays['e1']}"


# --- what is refused ---------------------------------------------------------------------------
def test_an_ehr_that_is_not_known_is_refused_and_never_dialled(stage, browser):
    with launch_server() as stranger:
        answer = _launch(browser, stage, stranger, patient="p1", encounter="e1")
        assert (answer.status_code, stranger.odd.asked) == (400, [])
    assert "hospital that is served here" in answer.text


def test_a_hospital_that_has_not_registered_our_page_has_no_launch_door(stage, browser):
    asked = {"iss": f"{stage.one.base}/three", "launch": "opened-7"}
    answer = browser.get(f"{stage.url}/launch", params=asked, timeout=30)
    assert answer.status_code == 404
    assert "names no launch" in answer.text


@pytest.mark.parametrize("more", ["//", "?x=1", "/Patient"])
def test_an_iss_that_is_nearly_the_base_is_not_it(stage, browser, more):
    asked = {"iss": f"{stage.one.base}{more}", "launch": "opened-7"}
    assert browser.get(f"{stage.url}/launch", params=asked, timeout=30).status_code == 400


@pytest.mark.parametrize("launch", ["", "two words", "x" * 2100])
def test_a_launch_without_its_word_is_refused(stage, browser, launch):
    asked = {"iss": stage.one.base, "launch": launch}
    assert browser.get(f"{stage.url}/launch", params=asked, timeout=30).status_code == 400


def test_a_state_that_we_did_not_give_is_refused(stage, browser):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    assert browser.get(re.sub(r"state=[^&]+", "state=guessed", back), timeout=30).status_code == 401
    assert browser.get(f"{stage.url}/launch/callback", timeout=30).status_code == 401


def test_a_state_is_good_once(stage, browser):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    assert browser.get(back, timeout=30).ok
    assert browser.get(back, timeout=30).status_code == 401


def test_another_browser_cannot_come_back_in_this_ones_place(stage, browser):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    with _browser() as other:
        assert other.get(back, timeout=30).status_code == 401
    assert browser.get(back, timeout=30).status_code == 401, "and the state is spent"


def test_a_launch_that_took_too_long_is_begun_again(stage, browser, database_url):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    _all_are_over(database_url)
    assert browser.get(back, timeout=30).status_code == 401


def test_a_code_that_the_ehr_does_not_know_is_refused_without_its_words(stage, browser):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    answer = browser.get(re.sub(r"code=[^&]+", "code=guessed", back), timeout=30)
    assert (answer.status_code, "invalid_grant" in answer.text) == (401, True)
    assert "Zelda" not in answer.text


def test_a_clinician_who_is_not_let_in_there_is_not_let_in_here(stage, browser):
    stage.one.error = "access_denied"
    answer = _launch(browser, stage, stage.one, patient="p1", encounter="e1")
    assert (answer.status_code, "access_denied" in answer.text) == (403, True)


def test_an_answer_by_another_issuer_is_refused(stage, browser):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    answer = browser.get(re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", back), timeout=30)
    assert answer.status_code == 401


_FORGED = {
    "expired": {"claims": {"exp": 1_700_000_000}},
    "without an expiry": {"claims": {"exp": None}},
    "of another nonce": {"claims": {"nonce": "another"}},
    "without a nonce": {"claims": {"nonce": None}},
    "of another issuer": {"claims": {"iss": "https://evil.example.org"}},
    "for another client": {"claims": {"aud": "other"}},
    "without a subject": {"claims": {"sub": None}},
    "alg none": {"alg": "none"},
    "by a stranger with the same kid": {"key": STRANGER},
}


@pytest.mark.parametrize("forged", _FORGED.values(), ids=_FORGED)
def test_an_id_token_that_does_not_hold_lets_nobody_in(stage, browser, forged):
    for name, value in forged.items():
        setattr(stage.one, name, value)
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").status_code == 401
    assert browser.get(stage.page("e1"), timeout=30).status_code == 401


@pytest.mark.parametrize(
    "who", ["Patient/p1", "RelatedPerson/r1", "https://evil.example/fhir/Practitioner/dana", None]
)
def test_who_is_no_practitioner_of_this_ehr_is_refused(stage, browser, who):
    stage.one.claims = {"fhirUser": who}
    answer = _launch(browser, stage, stage.one, patient="p1", encounter="e1")
    assert (answer.status_code, "staff" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({"encounter": "e9", "patient": "p1"}, "No discharge is being planned"),
        ({"encounter": "e1", "patient": "p2"}, "No discharge is being planned"),
        ({"patient": "p7"}, "No discharge is being planned"),
        ({"encounter": "e1/../e2"}, "without a patient or stay"),
        ({}, "without a patient or stay"),
    ],
)
def test_a_stay_of_another_hospital_or_patient_is_not_found(stage, browser, context, says):
    answer = _launch(browser, stage, stage.one, **context)
    assert (answer.status_code, says in answer.text) == (404, True)


@pytest.mark.parametrize("card", ["two/e9", "two/e1", "e2"])
@pytest.mark.parametrize("context", [{"patient": "p1"}, {"encounter": "e1", "patient": "p1"}])
def test_a_card_about_another_plan_than_the_open_charts_is_refused(stage, browser, card, context):
    answer = _launch(browser, stage, stage.one, **context, appContext=_card(stage, card))
    assert (answer.status_code, "not about the patient" in answer.text) == (404, True)
    assert browser.get(stage.page("e1"), timeout=30).status_code == 401


@pytest.mark.parametrize("said", ["not json", '["a list"]', {"other": "app"}, 7])
def test_a_context_that_is_not_ours_says_nothing(stage, browser, said):
    assert _launch(browser, stage, stage.one, encounter="e1", appContext=said).url == stage.page("e1")


@pytest.mark.parametrize(
    "said",
    [
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"token_endpoint": "http://10.0.0.7/token"},
        {"jwks_uri": None},
        {"issuer": None},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_an_ehr_whose_discovery_cannot_be_trusted_opens_nothing(stage, browser, said):
    stage.one.said = said
    assert _launch(browser, stage, stage.one, patient="p1", encounter="e1").status_code == 502


def test_nothing_of_a_launch_stands_in_the_log(stage, browser):
    back = _returning(browser, stage, patient="p1", encounter="e1")
    assert browser.get(back, timeout=30).ok
    log = stage.log.read_text()
    assert "/launch/callback" in log
    told = {"opened-7", "dana", "Testworker", *re.findall(r"(?:code|state)=([^&]+)", back)}
    assert [word for word in told if word in log] == []


def _all_are_over(database_url: str) -> datetime:
    """Until when the last session would have held; the hour has passed."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        until: datetime = connection.execute(select(func.max(sessions.c.expires))).scalar_one()
        connection.execute(sessions.update().values(expires=datetime.now(UTC)))
    engine.dispose()
    return until


def _form(page: str) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page)
    assert found, "the page has no form"
    return found[1]
