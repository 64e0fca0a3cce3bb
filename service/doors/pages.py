"""The pages a clinician reads: one for each discharge, and the list of them. Rendered here, without any script."""

from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Final
from urllib.parse import quote
from uuid import UUID

import flask
from flask import Response, render_template, request, url_for

from fhir_mappings.narrative import READINESS_TOLD, verdict_phrase
from fhir_mappings.outbound.elements import review_phrase
from service.domain.access import Scope
from service.domain.assessment import Outcome
from service.domain.decision import UNCHANGED, Choice, Edit, Signer
from service.domain.need import Need, NeedState
from service.domain.plan import Plan
from service.domain.record import Gap
from service.domain.sensitivity import may_be_shared
from service.doors.forms import check_form, form_token, remember_name, remembered_name
from service.doors.guard import caller, guarded_by, page
from service.doors.session import session
from service.doors.view import DischargeView, newest_of_all_tenants, sensitive_part, view_of
from service.doors.wiring import deps, tenant
from service.errors import BadInput, NotFound
from service.pipeline.decide import decidable, difference
from service.pipeline.sign import Act, is_blocked, service_for, sign
from service.presentation.landing import landing
from service.presentation.patient_sheet import Reader, sheet_note, write_sheet
from service.presentation.sheet_form import find_sheet_form

pages = flask.Blueprint("pages", __name__, template_folder="templates")

_LONGEST_NAME: Final = 64
_LONGEST_TEXT: Final = 500
_LONGEST_NUMBER: Final = 9
#: What is said after a decision; nothing else that stands in an address is ever shown.
_DONE: Final = {
    Choice.APPROVED.value: "Approved. It is being written to the EHR.",
    Choice.DECLINED.value: "Declined. It is being revoked in the EHR, with your reason.",
    Choice.EDITED.value: "Changed. It is being written to the EHR.",
    Choice.REOPENED.value: "Reopened. It is proposed again.",
}


@pages.context_processor
def _who_is_here() -> dict[str, str]:
    """Whoever came by an EHR's launch is told who they are, and may leave."""
    begun = session()
    return {"signed_in": begun.person.name, "leave_token": form_token()} if begun else {}


@pages.get("/")
@guarded_by(page(Scope.PLANS_READ))
def index() -> str:
    """The discharges of this deployment, the last changed first."""
    discharges = newest_of_all_tenants()
    held = sorted({discharge.tenant for discharge in discharges if discharge.held})
    return render_template("index.html", discharges=discharges, tenants=deps().tenants, held=held)


@pages.get("/discharges/<uuid:discharge_id>")
@guarded_by(page(Scope.PLANS_READ))
def discharge_page(discharge_id: UUID) -> str:
    """One discharge with its plan. Sensitive items stand apart, and only for those who may see them."""
    view = view_of(discharge_id)
    sensitive = sensitive_part(view.plan) if view.plan else None
    shared = view.plan.shareable() if view.plan else None
    return render_template(
        "discharge.html",
        discharge=view.discharge,
        hospital=tenant(view.discharge.tenant),
        history=view.history,
        landing=landing(shared, view.written) if shared else (),
        plan=shared,
        sheet=sheet_note(shared).text if shared and shared.outcome is Outcome.GOING_HOME else "",
        gaps=_gaps(view.plan, shared),
        not_assessed=_not_assessed(shared) if shared else (),
        sensitive=sensitive if caller().sees_sensitive_items() else None,
        verdict=_verdict(view.plan),
        sees_all=caller().sees_sensitive_items(),
        told_to_everybody=READINESS_TOLD,
        suggestion=_suggestion(view.plan, sensitive),
        reasons=_reasons(view.plan),
        desk=_desk(view),
        signed_before=view.is_to_be_signed_anew,
        undecidable=view.undecidable if _may_sign() else "",
        review=review_phrase(shared.content) if shared else "",
        done=_DONE.get(request.args.get("done", ""), ""),
    )


@pages.get("/discharges/<uuid:discharge_id>/sheet")
@guarded_by(page(Scope.PLANS_READ))
def sheet_page(discharge_id: UUID) -> str:
    """Show the patient's own sheet, to be printed; in large print where the patient needs it, or `?print=large` asks."""
    view = view_of(discharge_id)
    plan, hospital = view.seen(), tenant(view.discharge.tenant)
    reader = Reader.PATIENT
    sheet = write_sheet(plan, reader, phone=hospital.phone, zone=hospital.time_zone) if plan else None
    if plan is None or sheet is None:
        raise NotFound("There is no sheet for this patient.")
    sizes = {"large": True, "normal": False}
    is_large = sizes.get(request.args.get("print", ""), find_sheet_form(plan).large_print)
    return render_template("sheet.html", sheet=sheet, is_large=is_large, discharge=view.discharge)


def _verdict(plan: Plan | None) -> str:
    """The verdict of the whole plan with how much stands behind it; "" for whoever may not know all of that."""
    if plan is None or plan.readiness is None or not caller().sees_sensitive_items():
        return ""
    return verdict_phrase(plan.readiness)


def _gaps(plan: Plan | None, shared: Plan | None) -> tuple[Gap, ...]:
    """What could not be read; with the record's own words for those who may read all, but for what is sensitive."""
    if plan is None or shared is None or not caller().sees_sensitive_items():
        return shared.gaps if shared else ()
    return tuple(gap for gap in plan.gaps if may_be_shared(gap.labels))


def _suggestion(plan: Plan | None, sensitive: Plan | None) -> str:
    """Where the record suggests to go, for those who may know all it rests on; "" where that stands in the sensitive part."""
    place = plan.disposition if plan and caller().sees_sensitive_items() else None
    if place is None or (sensitive and sensitive.disposition):
        return ""
    return place.display if place.suggested and not place.named else ""


def _reasons(plan: Plan | None) -> dict[str, str]:
    """Why items were approved over an open blocker, by their keys, for those who may know of it."""
    if plan is None or not caller().sees_sensitive_items():
        return {}
    keys = {decision.item for decision in plan.decisions}
    stands = {key: plan.decision_on(key) for key in keys}
    return {key: one.reason for key, one in stands.items() if one and one.choice is Choice.APPROVED}


@pages.post("/discharges/<uuid:discharge_id>/decisions")
@pages.post("/discharges/<uuid:discharge_id>/decisions/<string:key>")
@guarded_by(page(Scope.PLANS_APPROVE))
def decide(discharge_id: UUID, key: str = "") -> Response:
    """One decision, signed on the page; the browser is then led back to it."""
    check_form()
    by = _signer()
    view = view_of(discharge_id)
    sign(discharge_id, _act(view, key), by, deps())
    back = url_for("pages.discharge_page", discharge_id=discharge_id, done=_choice().value)
    response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": back})
    if _is_nameless(by):
        remember_name(response, by.name)
    return response


@dataclass(frozen=True, slots=True)
class Desk:
    """What the forms of a page need: where they go, what they carry, and whether they ask who signs."""

    discharge: UUID
    seen: int
    token: str
    asks_name: bool
    name: str
    #: Whether an approval has to say why, as something still stands in the way of leaving.
    asks_reason: bool

    def action(self, key: str) -> str:
        """The address that takes a decision about an item, or about the whole plan for ""."""
        whole = url_for("pages.decide", discharge_id=self.discharge)
        return f"{whole}/{quote(key, safe=':')}" if key else whole


def _desk(view: DischargeView) -> Desk | None:
    """The desk of somebody who may decide now; None for everybody else."""
    if not _may_sign() or view.undecidable:
        return None
    asks = _is_nameless(caller().as_signer())
    return Desk(
        view.discharge.id,
        view.version,
        form_token(),
        asks,
        remembered_name(),
        is_blocked(view.plan) if view.plan else False,
    )


def _may_sign() -> bool:
    """Whether the caller decides about plans at all."""
    is_person = caller().signer is not None and caller().sees_sensitive_items()
    return is_person and Scope.PLANS_APPROVE in caller().scopes


def _signer() -> Signer:
    """The caller; where nobody is asked for a credential, whoever they say they are."""
    by = caller().as_signer()
    if not _is_nameless(by):
        return by
    name = request.form.get("name", "").strip()
    if not 0 < len(name) <= _LONGEST_NAME:
        raise BadInput("Type your name: it stands on what you sign.")
    return replace(by, name=name)


def _is_nameless(signer: Signer) -> bool:
    """Whether nobody has said who this is: where no credential is asked for."""
    return not signer.subject


def _choice() -> Choice:
    try:
        return Choice(request.form.get("choice", ""))
    except ValueError:
        raise BadInput("Choose what to do with it.") from None


def _act(view: DischargeView, key: str) -> Act:
    """What the form asks for; only what differs from the item as it stands is an edit."""
    choice, seen = _choice(), request.form.get("seen", "")
    reason = request.form.get("reason", "").strip()
    if choice is Choice.DECLINED and not 0 < len(reason) <= _LONGEST_TEXT:
        raise BadInput("Say why it is declined, in 500 characters at most.")
    if len(reason) > _LONGEST_TEXT:
        raise BadInput("The reason is too long; 500 characters are taken.")
    if not key and choice not in {Choice.APPROVED, Choice.DECLINED}:
        raise BadInput("A whole plan is approved or declined.")
    edit = _edit(view, key) if choice is Choice.EDITED else UNCHANGED
    # An empty or broken number is no version that anybody has seen, and so is one that no database counts to.
    read = int(seen) if seen.isdecimal() and len(seen) <= _LONGEST_NUMBER else 0
    return Act(choice=choice, item=key, reason=reason, edit=edit, seen=read)


def _edit(view: DischargeView, key: str) -> Edit:
    item = decidable(view.plan).get(key) if view.plan else None
    if item is None or view.plan is None:
        raise NotFound("The plan has no such item.")
    text, due, chosen = (request.form.get(name, "").strip() for name in ("text", "due", "community_service"))
    if len(text) > _LONGEST_TEXT:
        raise BadInput("The words are too long; 500 characters are taken.")
    service = service_for(view.plan, key, chosen, deps().directory(view.discharge.tenant)) if chosen else None
    return difference(item, Edit(text, _day(due), service))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput("A due date is a day, written like 2026-03-31.") from None


def _not_assessed(plan: Plan) -> tuple[Need, ...]:
    return tuple(need for need in plan.needs if need.state is NeedState.NOT_ASSESSED)
