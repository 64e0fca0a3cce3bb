"""Community services for what the patient needs: asked of the directory, then ranked by what speaks for each.

Ranking is neutral: nothing but fit, distance, freshness and cost counts, and what counted is said in words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from config.languages import languages_known
from service.domain.assessment import Assessment
from service.domain.community_service import CommunityService, Directory, Match, Matches
from service.domain.language import primary
from service.domain.record import Language, Patient
from service.domain.sensitivity import NONE, VIOLENCE, Labels
from service.pipeline.assess.languages import preferred_languages
from service.pipeline.place import Place, kilometres, place_of

#: A first choice and two others in reserve.
OFFERED: Final = 3
#: An entry that nobody has checked for longer is stale.
FRESH_DAYS: Final = 365
#: Services within the same band are equally near; km.
_BANDS: Final = (5.0, 15.0, 40.0)


@dataclass(frozen=True, slots=True)
class Seeker:
    """What matching must know of the patient: age in years, preferred language, place; each None where unknown."""

    today: date
    age: int | None
    language: Language | None
    postal_code: str
    place: Place | None


def match(assessment: Assessment, patient: Patient, directory: Directory, *, today: date) -> Matches:
    """The best services for each referral that the directory can answer, best first, at most OFFERED.

    A key without services was asked for and nothing suitable was found. Without a postal code the directory's whole
    area, the hospital's, is asked.
    """
    found = _matches(assessment, patient, directory, today)
    shared = assessment.for_everybody
    if shared is None:
        return found
    same = _wanted(shared.assessment) == _wanted(assessment)
    for_everybody = found if same else _matches(shared.assessment, patient, directory, today)
    return replace(found, for_everybody=for_everybody)


def _matches(assessment: Assessment, patient: Patient, directory: Directory, today: date) -> Matches:
    wanted = _wanted(assessment)
    if not wanted:
        return Matches()
    seeker = seeker_of(patient, today)
    candidates = directory.candidates(wanted, seeker.postal_code)
    return Matches(
        tuple((key, rank(_answering(key, candidates, wanted[key]), seeker)) for key in sorted(wanted))
    )


def seeker_of(patient: Patient, today: date) -> Seeker:
    """The patient as a seeker of services."""
    address = patient.address
    postal_code = address.postal_code.partition("-")[0].strip() if address else ""
    understood = (language for language in preferred_languages(patient.languages) if language.tag)
    language = next(understood, None)
    return Seeker(today, patient.age_on(today), language, postal_code, place_of(address))


def rank(services: Iterable[CommunityService], seeker: Seeker) -> tuple[Match, ...]:
    """Those that the person may use, best first, each with its reasons; at most OFFERED."""
    matches = [_matched(service, seeker) for service in services if _open_to(service, seeker)]
    return tuple(sorted(matches, key=lambda found: _order(found, seeker))[:OFFERED])


def _wanted(assessment: Assessment) -> Mapping[str, Labels]:
    """Referral keys to ask for, with the labels that every need asking for it carries.

    A shelter for survivors must not be offered, by its name, to someone who only lacks a bed.
    """
    wanted: dict[str, Labels] = {}
    for need in assessment.present():
        for template in need.interventions.referrals:
            if template.community:
                labels = need.labels | template.labels
                wanted[template.service] = wanted.get(template.service, labels) & labels
    return wanted


def _answering(key: str, candidates: Sequence[CommunityService], labels: Labels) -> list[CommunityService]:
    known = labels | (VIOLENCE if labels & VIOLENCE else NONE)
    return [service for service in candidates if key in service.services and service.labels <= known]


def _open_to(service: CommunityService, seeker: Seeker) -> bool:
    if not service.serves(seeker.postal_code):
        return False
    if seeker.age is None:
        return True
    return (service.minimum_age or 0) <= seeker.age and (
        service.maximum_age is None or seeker.age <= service.maximum_age
    )


def _matched(service: CommunityService, seeker: Seeker) -> Match:
    distance = _distance(service, seeker)
    reasons = (
        _about_room(service),
        _about_language(service, seeker),
        _about_place(service, distance),
        _about_age(service, seeker),
        _about_freshness(service, seeker.today),
        service.fees,
    )
    return Match(service, tuple(reason for reason in reasons if reason), distance)


def _distance(service: CommunityService, seeker: Seeker) -> float | None:
    if seeker.place is None or service.latitude is None or service.longitude is None:
        return None
    return round(kilometres(seeker.place, Place(service.latitude, service.longitude)), 1)


def _order(found: Match, seeker: Seeker) -> tuple[object, ...]:
    """The smaller, the better; name and id only keep the order the same every time."""
    service, distance = found.service, found.distance_km
    return (
        not service.accepting,
        _language_rank(service, seeker),
        # A national line helps everyone a little; a service of the area comes first.
        not service.postal_codes,
        sum(distance > band for band in _BANDS) if distance is not None else len(_BANDS) + 1,
        _freshness_rank(service, seeker.today),
        not service.fees.lower().startswith("free"),
        distance if distance is not None else float("inf"),
        service.name,
        service.id,
    )


def _language_rank(service: CommunityService, seeker: Seeker) -> int:
    """0 speaks it, 1 unknown, 2 does not."""
    if seeker.language is None or not service.languages:
        return 1
    table = languages_known()
    different = {table.differs(table.read_tag(tag), seeker.language.tag) for tag in service.languages}
    if False in different:
        return 0
    # Who speaks Chinese may speak Cantonese or not.
    return 1 if None in different else 2


def _freshness_rank(service: CommunityService, today: date) -> int:
    """0 checked within a year, 1 longer ago, 2 never."""
    if service.verified is None:
        return 2
    return int((today - service.verified).days > FRESH_DAYS)


def _about_room(service: CommunityService) -> str:
    return "" if service.accepting else "does not take new people now"


def _about_language(service: CommunityService, seeker: Seeker) -> str:
    if seeker.language is None or primary(seeker.language.tag) == "en":
        return ""
    name = seeker.language.text or languages_known().name(seeker.language.tag)
    return (f"speaks {name}", f"ask for {name}", f"does not speak {name}: bring an interpreter")[
        _language_rank(service, seeker)
    ]


def _about_place(service: CommunityService, distance: float | None) -> str:
    if distance is not None:
        return f"{distance:g} km away"
    if service.labels & VIOLENCE:
        return "by phone first"
    if service.latitude is not None:
        return "distance not known"
    return "comes to the person or by phone" if service.postal_codes else "by phone, from anywhere"


def _about_age(service: CommunityService, seeker: Seeker) -> str:
    if service.minimum_age is None and service.maximum_age is None:
        return ""
    if service.maximum_age is None:
        limits = f"ages {service.minimum_age} and over"
    else:
        limits = f"ages {service.minimum_age or 0} to {service.maximum_age}"
    return f"for {limits}" + ("" if seeker.age is not None else "; the age is not known")


def _about_freshness(service: CommunityService, today: date) -> str:
    if service.verified is None:
        return "never verified"
    if _freshness_rank(service, today):
        return f"not verified for over a year (last {service.verified.isoformat()})"
    return f"last verified {service.verified.isoformat()}"
