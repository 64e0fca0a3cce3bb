"""Every table of ours. The migrations make them; `homeward migrate --check` compares both."""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from service.domain.absence import Subject
from service.domain.claims import UnclaimedReason
from service.domain.decision import Choice
from service.domain.discharge import CallOff, DischargeState
from service.domain.offer import Answer, OfferKind
from service.domain.publication import Landing, WriteState
from service.domain.record import GapReason, Lasting
from service.domain.watch import Way

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _one_of(
    column: str,
    states: type[StrEnum],
) -> CheckConstraint:
    """Adding a state needs a migration, so that no process writes what another cannot read."""
    values = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} IN ({values})", name=column)


discharges = Table(
    "discharges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("encounter", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("changed", DateTime(timezone=True), nullable=False),
    Column("problem", Text, nullable=False),
    #: What was last told of the stay, as a digest that is only ever compared with another.
    Column("told", Text, nullable=False, server_default=text("''")),
    #: Its status then, in R4's words; '' where none was told.
    Column("stay", Text, nullable=False, server_default=text("''")),
    #: Why it was called off, and when, if there was a plan to take back; '' while it stands.
    Column("call_off", Text, nullable=False, server_default=text("''")),
    Column("called_off", DateTime(timezone=True)),
    #: The stay or order because of which it would be called off, were the brake not closed.
    Column("held", Text, nullable=False, server_default=text("''")),
    #: One plan for one stay, provably.
    UniqueConstraint("tenant", "encounter"),
    _one_of("state", DischargeState),
    _one_of("call_off", CallOff),
    Index(None, "state", "changed"),
)

#: Every order ever seen for a discharge, so that a late duplicate of an old one starts nothing.
discharge_orders = Table(
    "discharge_orders",
    metadata,
    Column("discharge_id", ForeignKey(discharges.c.id, ondelete="CASCADE"), primary_key=True),
    Column("order", Text, primary_key=True),
    Column("cancelled", Boolean, nullable=False),
    #: The EHR itself called it off, so it may say again that it stands.
    Column("ended", Boolean, nullable=False, server_default=text("false")),
    #: What its last notification said of the date; a digest.
    Column("told", Text, nullable=False, server_default=text("''")),
    #: The EHR has shown it. What it never showed, such as an order that a hook named before it was signed, is not missed.
    Column("in_ehr", Boolean, nullable=False, server_default=text("true")),
    #: Only a notification told of it: it is read before anything is planned.
    Column("hint", Boolean, nullable=False, server_default=text("false")),
)

plan_versions = Table(
    "plan_versions",
    metadata,
    Column("discharge_id", ForeignKey(discharges.c.id, ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("round", Integer, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("content", JSONB, nullable=False),
    #: The day of leaving, by which a caseload is ordered without reading the plans.
    Column("leaving", Text, Computed("content ->> 'discharge_date'::text", persisted=True)),
)

publications = Table(
    "publications",
    metadata,
    Column("discharge_id", ForeignKey(discharges.c.id, ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("full_url", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("wanted", Boolean, nullable=False),
    Column("reference", Text, nullable=False),
    Column("etag", Text, nullable=False),
    #: For processes of the version before alone, as is `reason`: the sentence that belongs to reason_code.
    Column("problem", Text, nullable=False),
    #: Where the item stands in the EHR.
    Column("rung", Text, nullable=False, server_default=text("'resource'")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    #: The body that the receipt is for: what the EHR has if nobody changed it; the digest of the draft it was made from.
    Column("sent", JSONB(none_as_null=True)),
    #: Why it stands so, as a code of WriteReason, and what belongs into its sentence.
    Column("reason_code", Text, nullable=False, server_default=text("''")),
    Column("detail", Text, nullable=False, server_default=text("''")),
    Column("sent_digest", Text, nullable=False, server_default=text("''")),
    #: The version in the EHR that holds no words but ours.
    Column("observed", Text, nullable=False, server_default=text("''")),
    #: The status that it had before we took it back, and the one we gave it.
    Column("status_before", Text, nullable=False, server_default=text("''")),
    Column("status_given", Text, nullable=False, server_default=text("''")),
    #: The draft and the capability with which the EHR refused it.
    Column("refused_as", Text, nullable=False, server_default=text("''")),
    #: Tries in a row that were not let through, and when the last was.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    #: How often this row was changed; a process of the version before does not count.
    Column("changes", Integer, nullable=False, server_default=text("0")),
    #: What was put on the wire and is not confirmed: see InFlight.
    Column("in_flight", JSONB(none_as_null=True)),
    Column("tried", DateTime(timezone=True)),
    #: Since when it stands, or waits, as it does; kept by a trigger of the migration.
    Column("since", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("discharge_id", "identifier"),
    # Not possible here is stored as pending with its reason, as the version before knows it.
    CheckConstraint(
        f"state IN ({', '.join(repr(s.value) for s in WriteState if s is not WriteState.IMPOSSIBLE)})",
        name="state",
    ),
    _one_of("rung", Landing),
)

#: What a plan lacks because of a fault, by resource type, and when it is asked for again.
unread = Table(
    "unread",
    metadata,
    Column("discharge_id", ForeignKey(discharges.c.id, ondelete="CASCADE"), primary_key=True),
    Column("resource_type", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("lasting", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("due", DateTime(timezone=True), nullable=False),
    Column("tries", Integer, nullable=False),
    #: How many of its searches failed: fewer than before are worth a new plan.
    Column("searches", Integer, nullable=False),
    _one_of("reason", GapReason),
    _one_of("lasting", Lasting),
    Index(None, "due"),
)

#: Cards and suggestions shown to clinicians by CDS Hooks, and their answers.
offers = Table(
    "offers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("discharge_id", ForeignKey(discharges.c.id, ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("shown_to", Text, nullable=False),
    Column("shown", DateTime(timezone=True), nullable=False),
    Column("answer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("answered", DateTime(timezone=True)),
    Column("first_shown", DateTime(timezone=True)),
    _one_of("kind", OfferKind),
    _one_of("answer", Answer),
    Index(None, "discharge_id"),
)

#: Signed calls that were let in, by a digest of issuer and jti, until their time is over: none is let in twice.
spent_tokens = Table(
    "spent_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index(None, "expires"),
)

#: Launches of our page that are under way and the sessions they began, by a digest of the browser's secret.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content", JSONB, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index(None, "expires"),
)

#: What people decided about the items of a plan. Append-only, as the audit trail is.
decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("discharge_id", ForeignKey(discharges.c.id), nullable=False),
    Column("act", Uuid, nullable=False),
    Column("item", Text, nullable=False),
    Column("choice", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("content", JSONB, nullable=False),
    _one_of("choice", Choice),
    Index(None, "discharge_id"),
)

#: Answers to requests that carried an Idempotency-Key; request is a digest of what was asked, status 0 while it runs.
answers = Table(
    "answers",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "at"),
)

#: How each hospital's EHR tells us of discharges, and how far we have looked ourselves.
watches = Table(
    "watches",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("way", Text, nullable=False),
    Column("due", DateTime(timezone=True), nullable=False),
    Column("since", DateTime(timezone=True)),
    Column("stays_seen", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False),
    _one_of("way", Way),
)

#: Every hospital that a process of the deployment has served; left_at: nothing is planned for it from then on.
hospitals = Table(
    "hospitals",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("seen", DateTime(timezone=True), nullable=False),
    Column("left_at", DateTime(timezone=True)),
    Column("takes", Text, nullable=False, server_default=text("''")),
    Column("vanished", JSONB, nullable=False, server_default=text("'{}'")),
)

#: Stays of a shared FHIR server that no hospital's filter claims, or several do, as each tenant heard of them.
unclaimed_stays = Table(
    "unclaimed_stays",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("encounter", Text, primary_key=True),
    Column("order", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    #: When to look again whose it is, and how often that was done.
    Column("due", DateTime(timezone=True), nullable=False),
    Column("looks", Integer, nullable=False),
    _one_of("reason", UnclaimedReason),
    Index(None, "due"),
)

#: Numbered notifications: those heard, and those passed over that have not come yet.
notices = Table(
    "notices",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("subscription", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("heard", Boolean, nullable=False),
)

#: What was looked for in an EHR and not shown: absent or refused. One look concludes nothing (service/domain/absence.py).
doubts = Table(
    "doubts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("shown", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("discharge", Uuid),
    Column("first", DateTime(timezone=True), nullable=False),
    Column("last", DateTime(timezone=True), nullable=False),
    Column("due", DateTime(timezone=True), nullable=False),
    Column("looks", Integer, nullable=False),
    #: The first of the looks at which the EHR was well.
    Column("proven", DateTime(timezone=True)),
    #: When a person was first asked.
    Column("asked", DateTime(timezone=True)),
    CheckConstraint("shown IN ('absent', 'not-let')", name="shown"),
    _one_of("subject", Subject),
    Index(None, "due"),
)

#: What all discharges of a hospital share in the EHR of a FHIR base. reference: "" where that EHR took none when asked.
shared_resources = Table(
    "shared_resources",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("base", Text, primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("looked", DateTime(timezone=True), nullable=False),
)

#: Which hospitals' plans are no longer taken back by themselves (service/domain/brake.py).
brakes = Table(
    "brakes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("closed", DateTime(timezone=True)),
    Column("released", DateTime(timezone=True)),
)

#: Orders of stays that are not known here which the EHR said to be called off: a late word that they stand starts nothing.
called_off_orders = Table(
    "called_off_orders",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("order", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
)

#: What is lent to each process of what all may ask together, of an EHR or of our doors. full_at: epoch seconds;
#: shares: process → [calls held, calls wanted, until when].
allowances = Table(
    "allowances",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("full_at", Double, nullable=False),
    Column("shares", JSONB, nullable=False),
)

community_services = Table(
    "community_services",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("services", ARRAY(Text), nullable=False),
    Column("phone", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("postal_code", Text, nullable=False),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("postal_codes", ARRAY(Text), nullable=False),
    Column("languages", ARRAY(Text), nullable=False),
    Column("minimum_age", Integer),
    Column("maximum_age", Integer),
    Column("eligibility", Text, nullable=False),
    Column("fees", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("hours", Text, nullable=False),
    Column("wait", Text, nullable=False),
    Column("accepting", Boolean, nullable=False),
    Column("verified", Date),
    Column("labels", ARRAY(Text), nullable=False),
    Index(None, "services", postgresql_using="gin"),
)

#: Why a job of the queue failed last: the class of the error and nothing of what it said. Kept while the job is.
job_faults = Table(
    "job_faults",
    metadata,
    Column("job", BigInteger, primary_key=True, autoincrement=False),
    Column("error", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

#: By how many seconds each EHR's clock is ahead of ours, and by how few it lately was.
ehr_clocks = Table(
    "ehr_clocks",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("ahead", Double, nullable=False),
    Column("lowest", Double, nullable=False),
    Column("lowest_at", DateTime(timezone=True), nullable=False),
    Column("measured", DateTime(timezone=True), nullable=False),
)

#: When something was last told in the log for all workers together.
alarms = Table(
    "alarms",
    metadata,
    Column("name", Text, primary_key=True),
    Column("told", DateTime(timezone=True), nullable=False),
)

#: Append-only: a trigger of the migration refuses to change or delete a row.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("tenant", Text, nullable=False),
    Column("discharge_id", Uuid),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Index(None, "discharge_id"),
)
