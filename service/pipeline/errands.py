"""The jobs of a hospital that are not yet those of a discharge."""

from service import metrics
from service.errors import HospitalNotConfigured
from service.jobs import Errand
from service.pipeline.heed import heal
from service.pipeline.look import look
from service.pipeline.ports import Deps
from service.pipeline.reread import reread
from service.pipeline.rounds import make_round


def run_errand(errand: Errand, tenant: str, reference: str, deps: Deps) -> None:
    """`look` at "Type/id", `heal` what "Subscription/id" did not tell, `reread` for "Encounter/id", or make a `round`."""
    hospital = deps.tenants.get(tenant)
    if hospital is None:
        raise HospitalNotConfigured(tenant)
    with metrics.step(tenant, errand):
        if errand is Errand.LOOK:
            look(reference, hospital, deps)
        elif errand is Errand.HEAL:
            heal(reference, hospital, deps)
        elif errand is Errand.REREAD:
            reread(reference, hospital, deps)
        else:
            make_round(hospital, deps)
