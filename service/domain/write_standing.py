"""How a wish stands in the EHR, in the six words that people, programs and metrics share."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from service.domain.publication import Landing, WriteState


class WriteStanding(StrEnum):
    """What has become of one resource that a plan wants in the EHR."""

    LANDED = "landed"  # the EHR confirmed it
    WAITING = "waiting"  # not there yet; it is tried again
    REFUSED = "refused"  # the EHR read it and said no
    NOT_POSSIBLE = (
        "not-possible"  # this EHR does not take it as a resource; it stands in what the EHR does take
    )
    THEIRS = "theirs"  # a person changed it in the EHR, and theirs stands
    UNKNOWN = "unknown"  # sent, and nobody can find out whether it is there
    ON_HOLD = "on-hold"  # approved, and paused because the discharge was called off
    WITHDRAWN = "withdrawn"  # taken back by us
    LEFT = "left"  # no plan wants it any more, and it is not ours to take back


_BY_STATE: Final[Mapping[WriteState, WriteStanding]] = {
    WriteState.PENDING: WriteStanding.WAITING,
    WriteState.SENDING: WriteStanding.WAITING,
    WriteState.UNKNOWN: WriteStanding.UNKNOWN,
    WriteState.REFUSED: WriteStanding.REFUSED,
    WriteState.WRITTEN: WriteStanding.LANDED,
    WriteState.REVOKED: WriteStanding.WITHDRAWN,
    WriteState.ON_HOLD: WriteStanding.ON_HOLD,
    WriteState.CONFLICT: WriteStanding.THEIRS,
}


def standing_of_write(state: WriteState, rung: Landing, *, wanted: bool, is_there: bool) -> WriteStanding:
    """The standing of a ledger row; is_there says that the EHR has given it an id."""
    if state is WriteState.PENDING and rung is not Landing.RESOURCE and not is_there:
        return WriteStanding.NOT_POSSIBLE
    if not wanted and state in {WriteState.WRITTEN, WriteState.PENDING}:
        return WriteStanding.LEFT
    return _BY_STATE[state]
