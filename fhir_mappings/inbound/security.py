"""Security labels of a resource → the sensitivity labels that Homeward knows."""

from collections.abc import Iterable

from fhir_mappings.inbound.elements import Json, items, text
from service.domain.sensitivity import NONE, Label, Labels

_LABELS = {label.upper(): label for label in Label}


def labels(resource: Json) -> Labels:
    """The ActCode labels of meta.security and of DocumentReference.securityLabel.

    The system is not asked for: a label too many withholds, one too few leaks. Confidentiality (R, V) alone is no
    label: it says how much, not what.
    """
    meta = resource.get("meta")
    marked = meta.get("security") if isinstance(meta, dict) else None
    if marked is None and "securityLabel" not in resource:
        return NONE
    concepts = items(resource.get("securityLabel"))
    codings = [*items(marked), *(coding for one in concepts for coding in items(one.get("coding")))]
    return labels_of(codings)


def labels_of(codings: Iterable[Json]) -> Labels:
    """The labels that these codings name."""
    found = (_LABELS.get(text(coding.get("code")).upper()) for coding in codings)
    return frozenset(label for label in found if label)
