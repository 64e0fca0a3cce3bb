"""The ledger says why by a code, and keeps what was sent beside what is wanted.

Processes of the version before this one still write sentences into `problem` while they run beside the new schema. A
trigger gives their rows the codes; it knows them by `changes`, which only this version counts. The next version takes
the trigger, `problem` and `reason` away.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013_write_reasons"
down_revision = "0012_job_faults"
branch_labels = None
depends_on = None

#: The sentences of the versions before, as they were stored, and the codes for them.
_CODES = {
    "This waits for another resource of which it is not known whether the EHR has it.": "waits-for-another",
    "A clinician signed this in the EHR; theirs stands.": "signed-there",
    "Nothing that this speaks of is in the EHR.": "nothing-to-speak-of",
    "Someone else is changing this in the EHR at the same time; theirs stands.": "at-the-same-time",
    "A person changed this in the EHR; theirs stands.": "changed-by-person",
    "A person removed this from the EHR; it is not written again.": "removed-by-person",
    "It is not known whether the EHR has this, and the EHR offers no way to look; a person must.": "cannot-look",
    "It is not known whether the EHR has this, and it does not let us look; a person must.": "not-let-look",
    "The EHR holds this in other words than ours, and gave no receipt; they stand.": "other-words",
    "The EHR has something like this, and it cannot be told whether it is ours; a person must look.": "perhaps-there",
    "It is not known whether the EHR has this; the EHR did not answer when it was looked for.": "not-found-out",
    "The EHR holds more than one copy of this; a person must remove the others.": "more-than-one",
    "The EHR did not let us read this before changing it.": "unread",
    "The EHR did not let us read this to withdraw it; a person must look.": "unread",
    "The EHR does not let us withdraw this; a person must.": "no-withdrawal",
    "This was offered to a clinician in the EHR, who orders it there or not.": "left-to-clinician",
    "The plan no longer proposes this, but a person has taken it up or changed it; theirs stands.": "taken-up",
    "A person changed this in the EHR before it was withdrawn; their words stand.": "edited-before-withdrawal",
    "The EHR refuses resources with a modifier extension.": "no-modifier-extensions",
}
#: The same with something in it, which is kept as the detail.
_PATTERNS = {
    r"^The EHR does not let us create a (.+)\.$": "no-create",
    r"^The EHR does not let us change a (.+); it stands as first written\.$": "no-update",
    r"^A (.+) whose confirmation got lost could not be found again, so it could be made twice\.$": "not-findable",
    r"^This hospital's write policy is (.+): nothing is sent to its EHR\.$": "not-sent",
    r"^This hospital's write policy is (.+): nothing was sent to its EHR, so nothing is withdrawn\.$": "not-withdrawn",
    r"^This hospital's write policy is (.+): this stays in its EHR as it is; a person must withdraw it\.$": "stays",
}
#: A sentence about what the EHR answered is kept whole; what it means follows from the state that it led to.
_BY_STATE = {"refused": "rejected", "sending": "no-answer"}
_ANSWERED = "%the EHR answered %"


_FUNCTIONS = ("homeward_write_reason(text, text)", "homeward_write_detail(text, text)")


def upgrade() -> None:
    for column in _columns():
        op.add_column("publications", column)
    op.execute(_function("homeward_write_reason", _codes()))
    op.execute(_function("homeward_write_detail", _details()))
    op.execute(
        "UPDATE publications SET reason_code = homeward_write_reason(problem, state), "
        "detail = homeward_write_detail(problem, state) WHERE problem <> ''"
    )
    op.execute("UPDATE publications SET sent_digest = digest WHERE state = 'written'")
    op.execute(f"UPDATE publications SET in_flight = {_in_flight('publications')} WHERE state = 'sending'")
    op.execute(
        "UPDATE publications SET status_before = 'active' "
        "WHERE state = 'on-hold' AND resource_type IN ('CarePlan', 'ServiceRequest')"
    )
    op.execute(_trigger_function())
    op.execute(
        "CREATE TRIGGER homeward_write_reason BEFORE UPDATE ON publications FOR EACH ROW "
        "WHEN (NEW.changes = OLD.changes) EXECUTE FUNCTION homeward_write_of_before()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER homeward_write_reason ON publications")
    op.execute("DROP FUNCTION homeward_write_of_before()")
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    for column in reversed(_columns()):
        op.drop_column("publications", column.name)


def _columns() -> list[sa.Column[Any]]:
    texts = ("reason_code", "detail", "sent_digest", "observed", "status_before", "refused_as")
    numbers = ("attempts", "changes")
    return [
        *(sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")) for name in texts),
        *(sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0")) for name in numbers),
        sa.Column("in_flight", JSONB(), nullable=True),
        sa.Column("tried", sa.DateTime(timezone=True), nullable=True),
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _in_flight(row: str) -> str:
    """What a process of the version before has on the wire: what is wanted."""
    return (
        f"jsonb_build_object('body', {row}.body, 'digest', {row}.digest, 'was', 'pending', 'becomes', 'written')"
    )


def _codes() -> str:
    cases = ["WHEN problem = '' THEN ''"]
    cases += [f"WHEN problem = {_quoted(text)} THEN {_quoted(code)}" for text, code in _CODES.items()]
    cases += [f"WHEN problem ~ {_quoted(words)} THEN {_quoted(code)}" for words, code in _PATTERNS.items()]
    cases += [f"WHEN state = {_quoted(state)} THEN {_quoted(code)}" for state, code in _BY_STATE.items()]
    cases += [f"WHEN problem LIKE {_quoted(_ANSWERED)} THEN 'not-let'"]
    return f"CASE {' '.join(cases)} ELSE 'other' END"


def _details() -> str:
    """What was in the sentence; nothing for one that is known whole, and the sentence itself for any other."""
    known = ", ".join(map(_quoted, ["", *_CODES]))
    cases = [f"WHEN problem IN ({known}) THEN ''"]
    cases += [
        f"WHEN problem ~ {_quoted(words)} THEN substring(problem from {_quoted(words)})"
        for words in _PATTERNS
    ]
    return f"CASE {' '.join(cases)} ELSE problem END"


def _function(name: str, of: str) -> str:
    return f"CREATE FUNCTION {name}(problem text, state text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT {of} $$"


def _trigger_function() -> str:
    return f"""
        CREATE FUNCTION homeward_write_of_before() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.reason_code := homeward_write_reason(NEW.problem, NEW.state);
            NEW.detail := homeward_write_detail(NEW.problem, NEW.state);
            IF NEW.state = 'written' THEN NEW.sent_digest := NEW.digest; END IF;
            IF NEW.state = 'sending' AND OLD.state <> 'sending' THEN
                NEW.in_flight := {_in_flight("NEW")};
            ELSIF NEW.state <> 'sending' THEN NEW.in_flight := NULL;
            END IF;
            RETURN NEW;
        END $$
    """
