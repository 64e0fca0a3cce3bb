"""A body → a draft: tidy, valid, named, and with the digest of what counts in it."""

from fhir_mappings.outbound.elements import Json, tidy
from fhir_mappings.outbound.meaning import meaning_of
from fhir_mappings.outbound.references import Names
from fhir_mappings.outbound.validate import validate
from fhir_mappings.own_marks import own_identifier, with_source, with_tag
from service.domain.plan import Plan
from service.domain.publication import Draft


def named(names: Names, key: str, body: Json, plan: Plan, *, says: str = "", page: str = "") -> Draft:
    """A draft that carries our identifier and our tag, and in meta.source the page where one decides about it.

    says: what is hidden in it as base64 or prose and counts in its place.
    """
    identifier = names.identifier(key)
    whole = body | {"identifier": [own_identifier(identifier)]}
    return unnamed(names, key, whole, plan, says=says, page=page)


def unnamed(names: Names, key: str, body: Json, plan: Plan, *, says: str = "", page: str = "") -> Draft:
    """A draft of a type that has no identifier in R4. InvalidResource if it would not be valid FHIR."""
    valid = validate(tidy(with_source(with_tag(body), page)))
    counts = {**valid, "content": says, "payload": says} if says else valid
    return Draft(
        key,
        body["resourceType"],
        names.identifier(key),
        names.full_url(key),
        valid,
        meaning=meaning_of(counts, plan),
    )
