"""Preflight by asking the EHR itself: reachable, TLS, credential, scopes, and then what its /metadata says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

from config.ehr_quirks import Quirk
from config.tenants import NO_AUTH, AuthKind, Tenant
from config.vendor_files import Vendor
from fhir_mappings.bundle import Search
from service import clock
from service.domain.ehr_clock import BOUND_SECONDS, say_clock
from service.domain.publication import Draft
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.search import Lack
from service.ehr.smart import SmartCredentials
from service.ehr.tls import tls_of
from service.errors import EhrError, EhrRefused, EhrRejected
from service.pipeline.finding import Area, Finding, Preflight, Verdict
from service.pipeline.preflight import POLLING, Services, of_capability, orders_by_code
from service.pipeline.preflight_bodies import of_bodies
from service.pipeline.preflight_stays import of_stays
from service.pipeline.preflight_tries import of_registration

#: Cannot exist: what counts is whether the EHR says "no such patient" or "who are you".
_NOBODY: Final = "Patient/homeward-preflight"
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_REMEDIES: Final = {
    AuthKind.NONE: "Name one under auth in the tenants file.",
    AuthKind.BASIC: "Check username and secret under auth in the tenants file.",
    AuthKind.BEARER: "Check the secret under auth in the tenants file.",
    AuthKind.SMART: (
        "Check client_id and scopes under auth in the tenants file, and that our JWKS (HOMEWARD_PUBLIC_URL + "
        "/.well-known/jwks.json) is registered with the EHR."
    ),
}
#: A certificate that ends sooner is a finding; days.
_SOON: Final = 21


Drafts = Callable[[date], Sequence[Draft]]


def no_drafts(_: date) -> Sequence[Draft]:
    """For those who want no bodies tried."""
    return ()


def of_tenant(
    tenant: Tenant,
    quirks: Sequence[Quirk],
    now: datetime,
    *,
    drafts: Drafts = no_drafts,
    sleep: Callable[[float], None] = clock.sleep,
    services: Services | None = None,
) -> Preflight:
    """All findings about a tenant's EHR; what does not answer ends the list, and is the worst of it.

    drafts gives resources about nobody for a day, whose bodies are tried.
    """
    found = _findings(tenant, quirks, now, sleep=sleep, services=services, drafts=drafts)
    return Preflight(tenant.id, tuple(found))


def _findings(
    tenant: Tenant,
    quirks: Sequence[Quirk],
    now: datetime,
    *,
    sleep: Callable[[float], None],
    services: Services | None,
    drafts: Drafts,
) -> Iterator[Finding]:
    yield from _tls(tenant, now)
    granted, refused = _token(tenant)
    # A refused credential must not hide what else is wrong, and /metadata is open on most servers.
    asked = replace(tenant, auth=NO_AUTH) if refused else tenant
    with Ehr(asked, quirks=quirks, sleep=sleep) as ehr:
        capability = _capability(ehr)
        if isinstance(capability, Finding):
            yield capability
            yield from [refused] if refused else []
            return
        yield Finding(Area.CONNECTION, "reachable", Verdict.READY, "Its /metadata is a CapabilityStatement.")
        yield _clock(ehr)
        credential = refused or _credential(ehr)
        yield credential
        if credential.verdict is not Verdict.UNUSABLE:
            yield from of_stays(tenant, ehr)
        today = now.astimezone(tenant.time_zone).date()
        for finding in of_capability(capability, tenant, today=today, granted=granted, services=services):
            polled = finding.subject == POLLING and credential.verdict is Verdict.READY
            yield _tried(finding, capability, ehr) if polled else _as_far_as(finding, credential)
        if credential.verdict is Verdict.READY:
            yield from of_registration(ehr, capability, today)
            if tenant.write_policy.writes:
                yield from of_bodies(ehr, capability, drafts(today))


def of_unnamed_rules(tenant: Tenant, vendor: Vendor, quirks: Sequence[Quirk]) -> Iterator[Finding]:
    """Which rules of a product its /metadata does not call for: they hold only once the tenants file names them."""
    with Ehr(tenant, quirks=quirks) as ehr:
        capability = _capability(ehr)
    if isinstance(capability, Finding):
        return
    unnamed = sorted(vendor.rules - {quirk.id for quirk in capability.quirks})
    if unnamed:
        said = (
            f"Its /metadata does not tell that it is {vendor.name}; plans are written by these rules once the tenants file says "
            f"quirks: [{', '.join(unnamed)}]."
        )
        yield Finding(Area.SETUP, "vendor", Verdict.DEGRADED, said)
    else:
        said = f"All rules of {vendor.name} hold by what its /metadata says."
        yield Finding(Area.SETUP, "vendor", Verdict.READY, said)


def _as_far_as(finding: Finding, credential: Finding) -> Finding:
    """Nobody sees anything of a plan while the EHR does not let us in."""
    if finding.area is not Area.CLINICIAN or credential.verdict is not Verdict.UNUSABLE:
        return finding
    said = "Nothing, until the EHR takes our credential; what then, the rows above say."
    return replace(finding, verdict=Verdict.UNUSABLE, said=said)


def _tried(finding: Finding, capability: Capability, ehr: Ehr) -> Finding:
    """How orders are looked for, by looking for some that cannot be: /metadata does not say all that is refused."""
    search = orders_by_code(capability, ehr.tenant)
    if search is None:
        return finding
    names = " and ".join(name for name, _ in search.parameters)
    problem = _problem(search, ehr)
    if not problem:
        return replace(finding, verdict=Verdict.READY, said=f"Orders are looked for by {names}; tried.")
    ways = "Name a census_list, or trigger by CDS Hooks or REST."
    said = f"Tried without a patient, by {names}: {problem} {ways}"
    return replace(finding, verdict=Verdict.DEGRADED, said=said)


def _problem(search: Search, ehr: Ehr) -> str:
    """Why a search was not answered; "" if it was."""
    try:
        [result] = ehr.batch([search])
    except EhrError as error:
        return str(error)
    if result.lack is Lack.NOTHING:
        return ""
    return next((gap.detail for gap in result.gaps), "")


def _tls(tenant: Tenant, now: datetime) -> Iterator[Finding]:
    if urlsplit(tenant.fhir_base_url).scheme != "https":
        yield Finding(Area.CONNECTION, "TLS", Verdict.READY, "None: the EHR is on this machine.")
        return
    try:
        tls = tls_of(tenant.fhir_base_url, timeout_seconds=tenant.connect_timeout_seconds)
    except EhrError as error:
        yield Finding(Area.CONNECTION, "TLS", Verdict.UNUSABLE, str(error))
        return
    if tls is None:
        yield Finding(Area.CONNECTION, "TLS", Verdict.READY, "Not looked at: a proxy stands between.")
        return
    verdict = Verdict.DEGRADED if (tls.expires - now).days < _SOON else Verdict.READY
    said = f"{tls.version}; its certificate ends on {tls.expires.date()}."
    yield Finding(Area.CONNECTION, "TLS", verdict, said)


def _token(tenant: Tenant) -> tuple[str | None, Finding | None]:
    """The granted scopes where tokens have any, or why there is no token."""
    if tenant.auth.kind != AuthKind.SMART:
        return None, None
    try:
        return SmartCredentials(tenant).granted(), None
    except EhrError as error:
        remedy = f" {_REMEDIES[AuthKind.SMART]}" if isinstance(error, EhrRefused) else ""
        return None, Finding(Area.AUTH, tenant.auth.kind, Verdict.UNUSABLE, f"{error}{remedy}")


def _clock(ehr: Ehr) -> Finding:
    """Its clock against ours: signatures are refused and changes are missed where they differ."""
    ahead = ehr.skew.ahead_seconds()
    if ahead is None:
        said = "Its answers bring no Date of their own, so its clock cannot be compared with ours."
        return Finding(Area.CONNECTION, "clock", Verdict.READY, said)
    if abs(ahead) > BOUND_SECONDS:
        return Finding(Area.CONNECTION, "clock", Verdict.DEGRADED, say_clock(ahead))
    said = f"Within {BOUND_SECONDS:.0f} s of ours."
    return Finding(Area.CONNECTION, "clock", Verdict.READY, said)


def _capability(ehr: Ehr) -> Capability | Finding:
    try:
        return ehr.capability()
    except EhrError as error:
        return Finding(Area.CONNECTION, "reachable", Verdict.UNUSABLE, str(error))


def _credential(ehr: Ehr) -> Finding:
    kind = ehr.tenant.auth.kind
    answered = _asked_for_nobody(ehr)
    if answered == _UNAUTHORIZED:
        said = f"The EHR does not take our credential. {_REMEDIES[AuthKind(kind)]}"
        return Finding(Area.AUTH, kind, Verdict.UNUSABLE, said)
    if answered == _FORBIDDEN:
        return Finding(
            Area.AUTH, kind, Verdict.UNUSABLE, "The EHR knows us and does not let us read a Patient."
        )
    if isinstance(answered, EhrError):
        said = f"Unclear whether the EHR takes our credential. {answered}"
        return Finding(Area.AUTH, kind, Verdict.DEGRADED, said)
    said = "No credential is asked for." if kind == AuthKind.NONE else "The EHR takes our credential."
    return Finding(Area.AUTH, kind, Verdict.READY, said)


def _asked_for_nobody(ehr: Ehr) -> int | EhrError:
    """The status of the answer, or why there was none."""
    try:
        ehr.read(_NOBODY)
    except (EhrRefused, EhrRejected) as error:
        return error.status
    except EhrError as error:
        return error
    return 200
