"""A Bundle in a file → its resources, with references one can follow; and which stay in it is to be planned."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from config.conventions import ENCOUNTER_CLASSES, USUAL, Conventions
from fhir_mappings.inbound.dates import moment
from fhir_mappings.inbound.elements import Json, items, text
from fhir_mappings.inbound.encounter import CALLED_OFF, goes_on, period_of, status_of, zone_of
from fhir_mappings.inbound.encounter_class import class_code
from fhir_mappings.inbound.logical import names_in, with_literals
from fhir_mappings.inbound.references import reference_of
from fhir_mappings.inbound.whole_stay import require_stay, whole_stay, whole_stays
from fhir_mappings.servers import reference_at
from service.errors import BadInput, NotAnInpatientStay, TooLarge, UnknownEncounter

MAX_BYTES = 150 * 1024 * 1024
#: FHIR resources nest some 30 levels; beyond this a file is an attack or an accident.
MAX_DEPTH = 120
_TYPES = frozenset({"collection", "transaction", "searchset", "batch"})
_UUID = "urn:uuid:"
#: Elements that name a patient.
_SUBJECTS = ("subject", "patient", "beneficiary")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def read_bundle(data: bytes) -> list[dict[str, Any]]:
    """The resources of a collection, transaction or searchset Bundle, in its order.

    Each has an id (one without gets it from its fullUrl) and refers to the others as "Type/id", however the file did:
    urn:uuid, fullUrl, or absolutely under a base that the file itself uses. Conditional references are left as they are.
    Raises TooLarge, and BadInput with the remedy for everything that is not such a Bundle.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"The Bundle is larger than {MAX_BYTES // 2**20} MB; send the resources of one patient only."
        )
    entries = _entries(_parsed(data))
    found: list[Json] = []
    addresses: dict[str, str] = {}
    for place, entry in enumerate(entries, start=1):
        one, full_url = entry.get("resource"), text(entry.get("fullUrl"))
        if one is not None:  # what is no object stays as an empty one, so that it is counted as unreadable
            resource = _with_id(one, full_url, place) if isinstance(one, dict) else {}
            found.append(resource)
            addresses.setdefault(full_url, reference_of(resource))
    if not found:
        raise BadInput("The Bundle holds no resources; export it again with its entries.")
    _resolve(found, {address: reference for address, reference in addresses.items() if address and reference})
    return found


def choose_stay(
    resources: Iterable[dict[str, Any]], encounter: str | None, today: date, conventions: Conventions = USUAL
) -> str:
    """The stay to plan, as "Encounter/id".

    encounter, with or without "Encounter/", names it; it must be a hospital stay or part of one. Without it, the inpatient stay that
    began last: stays that begin after `today` only if none has begun, and none that was cancelled or entered in error (such
    a stay is planned only when it is named). One without a start counts as begun today while it goes on, else as the oldest.
    Raises BadInput, UnknownEncounter or NotAnInpatientStay.
    """
    known = [one for one in resources if reference_of(one)]
    if names := names_in(known):
        known = [with_literals(resource, names) for resource in known]
    patients = {reference_of(one) for one in known if one["resourceType"] == "Patient"}
    if not patients:
        raise BadInput("The Bundle holds no Patient; add the Patient whose discharge is to be planned.")
    encounters = [one for one in known if one["resourceType"] == "Encounter"]
    if encounter:
        return _named(encounters, encounter, conventions)
    if len(patients) > 1:
        raise BadInput(f"The Bundle holds {len(patients)} patients; name the stay to plan (--encounter ID).")
    return _last_begun(encounters, today, conventions)


def _named(encounters: list[Json], encounter: str, conventions: Conventions) -> str:
    """The stay of this name, or the one that the contact of this name is part of or was merged into."""
    wanted = f"Encounter/{encounter.strip().removeprefix('Encounter/')}"
    known = {reference_of(contact): contact for contact in encounters}
    if wanted not in known:
        raise UnknownEncounter("The Bundle holds no such Encounter; check the id, or leave it out.")
    stay = whole_stay(known[wanted], known, conventions)
    require_stay(stay, conventions)
    return reference_of(stay)


def _last_begun(encounters: list[Json], today: date, conventions: Conventions) -> str:
    stays = whole_stays(encounters, conventions)
    if not stays:
        unread = next(
            (contact for contact in encounters if class_code(contact, conventions) not in ENCOUNTER_CLASSES),
            None,
        )
        if unread:
            require_stay(unread, conventions)
        raise NotAnInpatientStay(
            "The Bundle holds no inpatient stay; add an Encounter of class IMP, ACUTE, NONAC, SS or OBSENC."
        )
    held = [
        (_start(stay, today, conventions.zone or zone_of(stay)), reference_of(stay))
        for stay in stays
        if status_of(stay) not in CALLED_OFF
    ]
    if not held:
        raise NotAnInpatientStay(
            "Every inpatient stay in the Bundle is cancelled or entered in error; to plan one all the same, name it."
        )
    begun = [stay for stay in held if stay[0].date() <= today]
    return max(begun)[1] if begun else min(held)[1]


def _start(encounter: Json, today: date, zone: tzinfo) -> datetime:
    period = period_of(encounter)
    is_open = goes_on(encounter) and not period.get("end")
    undated = datetime.combine(today, time.max, tzinfo=zone) if is_open else _LONG_AGO
    return moment(period.get("start"), zone) or undated


def _parsed(data: bytes) -> Json:
    try:
        found = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise BadInput(
            f"This is not JSON (line {error.lineno}, column {error.colno}); send a FHIR Bundle as JSON."
        ) from None
    if not isinstance(found, dict) or found.get("resourceType") != "Bundle":
        raise BadInput(
            "This is not a FHIR Bundle; put the patient's resources into a Bundle of type collection."
        )
    return found


def _entries(bundle: Json) -> list[Json]:
    if text(bundle.get("type")) not in _TYPES:
        raise BadInput(
            "This Bundle's type cannot be planned from; send type collection, transaction or searchset."
        )
    entries = items(bundle.get("entry"))
    if not entries:
        raise BadInput("The Bundle holds no entries; export it again with the patient's resources.")
    return entries


def _with_id(resource: Json, full_url: str, place: int) -> Json:
    """The resource with an id: its own, else the last part of its fullUrl, else one made from that or from its place."""
    if text(resource.get("id")):
        return resource
    head, _, last = full_url.rpartition("/")
    if full_url.startswith(_UUID):
        number = full_url.removeprefix(_UUID)
    elif last and head.endswith(f"/{resource.get('resourceType')}"):
        number = last
    else:
        number = str(uuid5(NAMESPACE_URL, full_url)) if full_url else f"entry-{place}"
    return {**resource, "id": number}


def _resolve(resources: list[Json], addresses: dict[str, str]) -> None:
    """Rewrite every reference below these resources, level by level, so that no nesting is too deep for us."""
    bases = {address.removesuffix(own) for address, own in addresses.items() if address.endswith(f"/{own}")}
    bases = bases or _only_base(resources)
    level: list[Any] = list(resources)
    for _ in range(MAX_DEPTH):
        for node in level:
            if isinstance(node, dict) and isinstance(node.get("reference"), str):
                node["reference"] = _literal(node["reference"], addresses, bases)
            if isinstance(node, dict) and (form := text(node.get("questionnaire"))) in addresses:
                node["questionnaire"] = addresses[form]
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
        if not level:
            return
    raise BadInput(f"The Bundle nests deeper than {MAX_DEPTH} levels; send one that was exported as FHIR.")


def _only_base(resources: list[Json]) -> set[str]:
    """The one server by which resources without any fullUrl name their patient.

    None where there are two, or where some name them relatively: then an absolute reference may be to somebody else.
    """
    own = {reference_of(resource) for resource in resources}
    named = (resource.get(name) for resource in resources for name in _SUBJECTS if name in resource)
    found: set[str] = set()
    for value in named:
        reference = text(value.get("reference")) if isinstance(value, dict) else ""
        unversioned = reference.partition("/_history/")[0]
        target = "/".join(unversioned.rsplit("/", 2)[-2:])
        if target in own:
            found.add(unversioned.removesuffix(target))
    return found if len(found) == 1 and "" not in found else set()


def _literal(reference: str, addresses: dict[str, str], bases: set[str]) -> str:
    unversioned = reference.strip().partition("/_history/")[0]
    if unversioned in addresses:
        return addresses[unversioned]
    *_, kind, number = ("", "", *unversioned.rsplit("/", 2))
    own = f"{kind}/{number}"
    if unversioned.removesuffix(own) in bases:
        return own
    return next((found for base in bases if (found := _in_other_words(unversioned, base))), unversioned)


def _in_other_words(reference: str, base: str) -> str:
    """What an absolute reference names under this base, spelt otherwise; "" for what is elsewhere, or relative."""
    return reference_at(reference, base) if "://" in reference else ""


def _children(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node
