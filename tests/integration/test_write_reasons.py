"""Rows of the version before: their sentences become codes, also those it writes while it runs beside the new schema."""

from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from service.domain.publication import InFlight, WriteState
from service.domain.write_reason import WriteReason
from service.store import Store, migrations, open_engine

_BEFORE = "0012_job_faults"
_BODY = {"resourceType": "Goal", "description": {"text": "Eats daily"}}


@pytest.fixture
def database(new_database):
    url = new_database()
    migrations.upgrade(url, _BEFORE)
    return url


@pytest.fixture
def connection(database):
    with psycopg.connect(database, autocommit=True) as connected:
        yield connected


@pytest.fixture
def discharge(connection):
    made = uuid4()
    connection.execute(
        'INSERT INTO discharges (id, tenant, encounter, "order", state, round, created, changed, problem, told) '
        "VALUES (%s, 't', 'Encounter/1', '', 'planned', 1, now(), now(), '', '')",
        [made],
    )
    return made


def insert(connection, discharge, key, state, problem):
    connection.execute(
        "INSERT INTO publications (discharge_id, key, position, resource_type, identifier, full_url, body, digest, state,"
        " wanted, reference, etag, problem) VALUES (%s, %s, 0, 'Goal', %s, 'urn:uuid:1', %s, 'd1', %s, true, '', '', %s)",
        [discharge, key, key, Jsonb(_BODY), state, problem],
    )


def entries(database, discharge):
    store = Store(open_engine(database))
    try:
        return {entry.draft.key: entry for entry in store.publications.entries(discharge)}
    finally:
        store.close()


#: What the version before stored, and what it means.
STORED = {
    ("pending", ""): (WriteState.WAITING, WriteReason.NONE, ""),
    ("conflict", "A clinician signed this in the EHR; theirs stands."): (
        WriteState.THEIRS,
        WriteReason.SIGNED_THERE,
        "",
    ),
    ("conflict", "A person removed this from the EHR; it is not written again."): (
        WriteState.THEIRS,
        WriteReason.REMOVED_BY_PERSON,
        "",
    ),
    ("pending", "The EHR does not let us create a CarePlan."): (
        WriteState.IMPOSSIBLE,
        WriteReason.NO_CREATE,
        "CarePlan",
    ),
    (
        "pending",
        "A Goal whose confirmation got lost could not be found again, so it could be made twice.",
    ): (WriteState.IMPOSSIBLE, WriteReason.NOT_FINDABLE, "Goal"),
    ("pending", "This hospital's write policy is shadow: nothing is sent to its EHR."): (
        WriteState.WAITING,
        WriteReason.NOT_SENT,
        "shadow",
    ),
    ("refused", "Writing Goal: the EHR answered 422."): (
        WriteState.REFUSED,
        WriteReason.REJECTED,
        "Writing Goal: the EHR answered 422.",
    ),
    ("pending", "PUT Goal: the EHR answered 403."): (
        WriteState.WAITING,
        WriteReason.NOT_LET,
        "PUT Goal: the EHR answered 403.",
    ),
    ("sending", "PUT Goal: no answer."): (
        WriteState.SENDING,
        WriteReason.NO_ANSWER,
        "PUT Goal: no answer.",
    ),
    ("conflict", "Words of long ago."): (WriteState.THEIRS, WriteReason.OTHER, "Words of long ago."),
}


def told(entry):
    return entry.state, entry.reason, entry.detail


def test_every_stored_sentence_becomes_its_code(database, connection, discharge):
    for number, (state, problem) in enumerate(STORED):
        insert(connection, discharge, str(number), state, problem)
    migrations.upgrade(database)
    rows = entries(database, discharge)
    assert [told(rows[str(number)]) for number in range(len(STORED))] == list(STORED.values())


def test_what_was_on_its_way_is_known_by_what_was_wanted_then(database, connection, discharge):
    insert(connection, discharge, "a", "sending", "")
    migrations.upgrade(database)
    assert entries(database, discharge)["a"].in_flight == InFlight(_BODY, "d1", WriteState.WAITING)


@pytest.mark.parametrize("stored", STORED, ids=[f"{state} {problem[:30]}" for state, problem in STORED])
def test_what_the_version_before_goes_on_writing_gets_its_code_too(database, connection, discharge, stored):
    state, problem = stored
    insert(connection, discharge, "a", "unknown", "It is not known; a person must.")
    migrations.upgrade(database)
    connection.execute("UPDATE publications SET state = %s, problem = %s", [state, problem])
    assert told(entries(database, discharge)["a"]) == STORED[stored]


def test_a_receipt_of_the_version_before_settles_what_it_wanted(database, connection, discharge):
    insert(connection, discharge, "a", "pending", "")
    migrations.upgrade(database)
    connection.execute("UPDATE publications SET state = 'sending'")
    assert entries(database, discharge)["a"].in_flight == InFlight(_BODY, "d1", WriteState.WAITING)
    connection.execute("UPDATE publications SET state = 'written', sent = body, reference = 'Goal/1'")
    entry = entries(database, discharge)["a"]
    assert (entry.sent_digest, entry.in_flight) == ("d1", None)


@pytest.mark.parametrize(
    ("before", "sent", "told"),
    [
        ({"status": "draft"}, {"status": "revoked"}, ("draft", "revoked")),
        ({"status": "active"}, {"status": "on-hold"}, ("active", "on-hold")),
        ({"lifecycleStatus": "proposed"}, {"lifecycleStatus": "cancelled"}, ("proposed", "cancelled")),
        (
            {"clinicalStatus": {"coding": [{"code": "active"}]}},
            {"clinicalStatus": {"coding": [{"code": "inactive"}]}},
            ("active", "inactive"),
        ),
    ],
)
def test_what_the_version_before_takes_back_is_known_by_the_status_it_gave(
    database, connection, discharge, before, sent, told
):
    state = "on-hold" if told[1] == "on-hold" else "revoked"
    insert(connection, discharge, "a", "pending", "")
    migrations.upgrade(database)
    flight = {"body": sent, "digest": "d1", "was": "written", "becomes": state, "reason": "", "said": None}
    connection.execute(
        "UPDATE publications SET state = 'sending', reference = 'Goal/1', sent = %s, in_flight = %s, changes = 1",
        [Jsonb(before), Jsonb(flight)],
    )
    connection.execute(
        "UPDATE publications SET state = %s, in_flight = NULL, sent = %s, changes = 2", [state, Jsonb(sent)]
    )
    entry = entries(database, discharge)["a"]
    assert (entry.status_before, entry.status_given) == told


def test_what_this_version_closes_is_not_taken_for_the_version_befores(database, connection, discharge):
    insert(connection, discharge, "a", "pending", "")
    migrations.upgrade(database)
    flight = {"body": {"status": "cancelled"}, "digest": "d1", "was": "written", "status_given": ""}
    connection.execute(
        "UPDATE publications SET state = 'sending', in_flight = %s, changes = 1", [Jsonb(flight)]
    )
    connection.execute("UPDATE publications SET state = 'revoked', in_flight = NULL, changes = 2")
    assert entries(database, discharge)["a"].status_given == ""
