"""SMART App Launch: an EHR opens our page on a patient's chart, and says who the clinician is.

A launch is two visits of one browser: it is sent to sign in at the EHR, and comes back with a code. Between them a row
in the database holds what the answer must fit, once, and a cookie says that it is the same browser.
"""

import hashlib
import re
import secrets
from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import flask
from flask import Response, g, render_template, request, url_for

from config.launch import Launch
from config.tenants import Tenant
from fhir_mappings.inbound.people import human_name
from fhir_mappings.outbound.elements import clean
from fhir_mappings.references import is_id
from fhir_mappings.servers import is_same_server
from service.domain.access import Role, Scope
from service.domain.audit import AuditEntry, Event
from service.domain.decision import Signer
from service.domain.discharge import Discharge
from service.doors.caller import Caller
from service.doors.cookies import cookie, set_cookie
from service.doors.forms import check_form
from service.doors.guard import guarded_by, page
from service.doors.id_token import Expected, practitioner_of, verified_claims
from service.doors.session import Session, begin_session, end_session, session
from service.doors.wiring import buckets, deps, settings
from service.ehr.sign_in import Answered, Attempt, attempt_at, doorman_of, exchange, sign_in_address
from service.errors import BadInput, EhrError, NotAllowed, NotAuthenticated, NotFound
from service.pipeline.open_chart import OpenChart, discharge_of

launch = flask.Blueprint("launch", __name__, template_folder="templates")

#: So long may signing in at the EHR take.
SECONDS: Final = 600
_COOKIE: Final = "homeward-launch"
_BYTES: Final = 32
_LONGEST: Final = 2048
_LONGEST_NAME: Final = 200
_VISIBLE: Final = re.compile(r"[!-~]+")
_OAUTH_ERROR: Final = re.compile(r"[a-z_]{1,40}")
#: One launch in so many tidies up after all.
_TIDY_EVERY: Final = 100
_AGAIN: Final = "This launch is over or was begun elsewhere; open Homeward again from the patient's chart."


def known_ehr() -> Caller:
    """The EHR at `iss`, which must be a tenant's FHIR base, spelt as a URL may be. It is only compared."""
    base = request.args.get("iss", "")
    found = [tenant for tenant in deps().tenants.values() if is_same_server(base, tenant.fhir_base_url)]
    if not found:
        raise BadInput("iss is not the FHIR base of a hospital that is served here; see docs/launch.md.")
    g.hospital = next((one for one in found if one.launch), found[0])
    buckets().take(f"launch {g.hospital.id}")
    return Caller(g.hospital.id, Role.ANYONE)


def same_browser() -> Caller:
    """The browser that began the launch which `state` names; each state is good once."""
    state = _taken(request.args.get("state", ""))
    if state is None or not secrets.compare_digest(state.pop("browser"), _digest("browser", cookie(_COOKIE))):
        raise NotAuthenticated(_AGAIN)
    g.attempt = Attempt(**state)
    return Caller(g.attempt.tenant, Role.ANYONE)


@launch.get("/launch")
@guarded_by(known_ehr)
def begin() -> Response:
    """The EHR opens us: the browser is led to its sign-in."""
    hospital, registered = _registered(g.hospital)
    opened = request.args.get("launch", "")
    if len(opened) > _LONGEST or not _VISIBLE.fullmatch(opened):
        raise BadInput("Open Homeward from the EHR: it must send launch along with iss.")
    doorman, attempt = doorman_of(hospital, registered), attempt_at(hospital)
    state, browser = secrets.token_urlsafe(_BYTES), cookie(_COOKIE) or secrets.token_urlsafe(_BYTES)
    _keep(state, attempt, browser)
    there = sign_in_address(
        registered,
        attempt,
        doorman,
        aud=request.args["iss"],
        launch=opened,
        state=state,
        redirect_uri=_back(),
    )
    response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": there})
    set_cookie(response, _COOKIE, browser, same_site="Lax", seconds=SECONDS)
    return response


@launch.get("/launch/callback")
@guarded_by(same_browser)
def come_back() -> Response:
    """The clinician has signed in: the page of the stay that is open, for an hour."""
    hospital, registered = _registered(deps().tenants[g.attempt.tenant])
    doorman = doorman_of(hospital, registered)
    if request.args.get("iss", doorman.issuer.issuer) != doorman.issuer.issuer:
        raise NotAuthenticated("The answer is not by the issuer that the EHR names.")
    answered = exchange(hospital, registered, g.attempt, doorman, code=_code(), redirect_uri=_back())
    expected = Expected(doorman.issuer, registered.client_id, g.attempt.nonce)
    claims = verified_claims(answered.id_token, expected, keys=deps().hook_keys, now=deps().now())
    practitioner = practitioner_of(claims, hospital.fhir_base_url)
    opened = discharge_of(_chart(answered), hospital, deps())
    hospital, registered = _registered(deps().tenants[opened.tenant])  # a neighbour's, with roles of its own
    role = registered.role_of(practitioner, claims)
    person = Signer(_name(claims, practitioner, hospital), f"{claims['iss']} {claims['sub']}", practitioner)
    begun = Session(hospital.id, person, role.role, role.approves, (opened.id,)).also(session())
    return _let_in(begun, opened)


@launch.post("/logout")
@guarded_by(page(Scope.PLANS_READ))
def log_out() -> Response:
    """The session is over, in the database as well."""
    check_form()
    g.pop("session", None)
    response = Response(render_template("logged_out.html"), content_type="text/html; charset=utf-8")
    end_session(response)
    return response


def _registered(hospital: Tenant) -> tuple[Tenant, Launch]:
    if hospital.launch is None:
        raise NotFound(
            "This hospital's EHR does not open Homeward: its entry in the tenants file names no launch."
        )
    return hospital, hospital.launch


def _back() -> str:
    """Our redirect URI, as it is registered: from our own public URL, never from the Host header."""
    return f"{settings().public_url}{url_for('launch.come_back')}"


def _keep(state: str, attempt: Attempt, browser: str) -> None:
    now, sessions = deps().now(), deps().store.sessions
    content = asdict(attempt) | {"browser": _digest("browser", browser)}
    sessions.keep(_digest("launch", state), content, expires=now + timedelta(seconds=SECONDS))
    if secrets.randbelow(_TIDY_EVERY) == 0:
        sessions.forget(now)


def _taken(state: str) -> dict[str, Any] | None:
    return deps().store.sessions.take(_digest("launch", state), deps().now())


def _digest(use: str, secret: str) -> str:
    return hashlib.sha256(f"{use}\x1f{secret}".encode()).hexdigest()


def _code() -> str:
    """The code; NotAllowed with OAuth's own word where the EHR gave none."""
    refused, code = request.args.get("error", ""), request.args.get("code", "")
    if refused or len(code) > _LONGEST or not _VISIBLE.fullmatch(code):
        word = f" ({refused})" if _OAUTH_ERROR.fullmatch(refused) else ""
        raise NotAllowed(f"The EHR did not let you in{word}; open Homeward again from the patient's chart.")
    return code


def _chart(answered: Answered) -> OpenChart:
    card = answered.context.get("discharge")
    return OpenChart(
        _reference("Patient", answered.patient),
        _reference("Encounter", answered.encounter),
        card if isinstance(card, str) else "",
    )


def _reference(kind: str, number: str) -> str:
    return f"{kind}/{number}" if is_id(number) else ""


def _name(claims: Any, practitioner: str, hospital: Tenant) -> str:
    """What they are called on what they sign: by the id token, else by the EHR, else by their reference."""
    name = claims.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME:
        try:
            name = human_name(deps().ehr(hospital.id).read(practitioner).get("name"))
        except EhrError:
            name = ""
    return clean(name)[:_LONGEST_NAME] or practitioner


def _let_in(begun: Session, opened: Discharge) -> Response:
    who = begun.caller().name
    deps().store.audit.record(AuditEntry(deps().now(), begun.tenant, who, Event.OPENED, opened.id))
    there = url_for("pages.discharge_page", discharge_id=opened.id)
    response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": there})
    begin_session(response, begun)
    return response
