"""The pages a clinician reads: one for each discharge, and the list of them. Rendered here, without any script."""

from uuid import UUID

import flask
from flask import render_template

from service.domain.access import Scope
from service.domain.need import Need, NeedState
from service.domain.plan import Plan
from service.doors.guard import caller, guarded_by, scope
from service.doors.view import newest_of_all_tenants, sensitive_part, view_of
from service.doors.wiring import deps, tenant

pages = flask.Blueprint("pages", __name__, template_folder="templates")


@pages.get("/")
@guarded_by(scope(Scope.PLANS_READ))
def index() -> str:
    """The discharges of this deployment, the last changed first."""
    return render_template("index.html", discharges=newest_of_all_tenants(), tenants=deps().tenants)


@pages.get("/discharges/<uuid:discharge_id>")
@guarded_by(scope(Scope.PLANS_READ))
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
        written=view.written,
        plan=shared,
        not_assessed=_not_assessed(shared) if shared else (),
        sensitive=sensitive if caller().sees_sensitive_items() else None,
        withheld=sensitive is not None,
    )


def _not_assessed(plan: Plan) -> tuple[Need, ...]:
    return tuple(need for need in plan.needs if need.state is NeedState.NOT_ASSESSED)
