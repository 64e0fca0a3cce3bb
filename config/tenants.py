"""A tenant: one hospital with its EHR, and what it allows. `config/tenants_file.py` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from config.conventions import PATIENT_DISCHARGE, Conventions
from config.hook_issuers import HookIssuer, TokenIssuer
from config.keys import SigningKey
from config.launch import Launch
from service.domain.brake import USUAL_LIMIT
from service.domain.claims import StayFilter
from service.domain.preference_list import EMPTY, PreferenceList
from service.domain.write_shape import ProblemList

UTC: Final = ZoneInfo("UTC")


class WritePolicy(StrEnum):
    """How far Homeward may write into this EHR."""

    OFF = "off"  # nothing is even made ready to be written: plans stand on our page only
    SHADOW = (
        "shadow"  # all is made ready and nothing sent; `homeward shadow-report` shows what would have been
    )
    DRAFT = "draft"  # everything is written as a draft
    FULL = "full"  # and what a named person approved may be written as active

    @property
    def writes(self) -> bool:
        """Whether anything at all is sent to the EHR."""
        return self in {WritePolicy.DRAFT, WritePolicy.FULL}


class AuthKind(StrEnum):
    """The ways to show an EHR who we are."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    SMART = "smart"  # SMART Backend Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How we show who we are to the EHR; the secret and the keys never show in repr.

    username and secret are those of basic, secret that of bearer. client_id, keys and scopes are those of smart: the
    first key signs, all are published; scopes are asked for instead of our own list where it is not empty.
    """

    kind: str = AuthKind.NONE
    username: str = ""
    secret: str = field(default="", repr=False)
    client_id: str = ""
    keys: tuple[SigningKey, ...] = field(default=(), repr=False)
    scopes: tuple[str, ...] = ()


NO_AUTH: Final = Auth()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceArea:
    """Where the hospital's patients live: five-digit ZIP codes, empty for anywhere.

    default_postal_code stands for a patient without an address.
    """

    postal_codes: frozenset[str] = frozenset()
    default_postal_code: str = ""


ANYWHERE: Final = ServiceArea()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestations:
    """What the hospital vouches for and no /metadata says."""

    #: The EHR shows resources with a sensitivity label in meta.security only to those who may see them.
    enforces_security_labels: bool = False


NOTHING_ATTESTED: Final = Attestations()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One hospital.

    language is the BCP 47 tag in which its staff work; organization is the hospital's name, organization_reference its
    FHIR reference if known; social_work_reference whom in the EHR a message or task goes to where the record names nobody; stays says which stays of the server are theirs, None for all; phone is whom patients call with questions, for their sheet. subscription_secret is what the EHR sends back with each notification; the previous one is
    taken as well while it is being replaced. census_list says who is in hospital: the literal reference of a List or
    Group, or "file:PATH"; "" if there is none. hooks are those who sign CDS Hooks calls for it, token_issuers those who give access
    tokens for our REST API; launch is how our page is registered there, None where the EHR does not open it. plan_at_admission lets an admission start a plan, which the order refreshes; subscription_topic is
    the topic that tells of discharge orders, for an EHR that does not describe its topics; poll_seconds is how often one
    without subscriptions is searched. plans_taken_back_per_hour is how many plans may be called off within an hour because
    their stay or order is gone, before a person is asked. encounter_classes are its own classes of encounters (see Conventions). quirks are ids of config/vendors that hold here whatever /metadata says.
    """

    id: str
    fhir_base_url: str
    organization: str
    organization_reference: str = ""
    stays: StayFilter | None = None
    social_work_reference: str = ""
    time_zone: ZoneInfo = UTC
    language: str = "en"
    phone: str = ""
    order_codes: frozenset[str] = frozenset({PATIENT_DISCHARGE})
    encounter_classes: Mapping[str, str] = field(default_factory=dict)
    #: The hospital's own orders for our referrals, by service, for an EHR that takes orders by their key alone.
    preference_list: PreferenceList = field(default_factory=lambda: EMPTY)
    auth: Auth = NO_AUTH
    write_policy: WritePolicy = WritePolicy.DRAFT
    subscription_secret: str = field(default="", repr=False)
    previous_subscription_secret: str = field(default="", repr=False)
    hooks: tuple[HookIssuer, ...] = ()
    token_issuers: tuple[TokenIssuer, ...] = ()
    launch: Launch | None = None
    service_area: ServiceArea = ANYWHERE
    attestations: Attestations = NOTHING_ATTESTED
    census_list: str = ""
    plan_at_admission: bool = False
    subscription_topic: str = ""
    poll_seconds: float = 300.0
    quirks: frozenset[str] = frozenset()
    #: The Practitioner in its EHR in whose name documents stand, and messages where no other sends them; "" for nobody.
    author_practitioner: str = ""
    message_sender: str = ""
    #: As what it wants open needs in an EHR that takes problems, and no health concerns.
    problems: ProblemList = ProblemList.NO
    #: The type of a plan's note where the EHR has its own: "system|code".
    note_type: str = ""
    #: A document that the EHR takes as signed only is written before a person has signed it too, under a heading that says so.
    unsigned_documents: bool = False
    #: A folder whose content files stand in place of the deployment's, or beside them; None where the hospital has none.
    content: Path | None = None
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
    max_connections: int = 8
    requests_per_second: float = 20.0
    plans_taken_back_per_hour: int = USUAL_LIMIT

    @property
    def conventions(self) -> Conventions:
        """What one must know to read its record."""
        zone = None if self.time_zone is UTC else self.time_zone  # UTC stands where nobody has said
        classes = {name.casefold(): meant for name, meant in self.encounter_classes.items()}
        return Conventions(self.order_codes, zone, classes)

    @property
    def subscription_secrets(self) -> tuple[str, ...]:
        """The secrets that are taken now."""
        both = (self.subscription_secret, self.previous_subscription_secret)
        return tuple(secret for secret in both if secret)
