"""What an EHR leaves out of what it is sent is known by reading it back, and is never taken for a person's edit."""

from types import MappingProxyType

import pytest

from service.domain.publication import WriteState
from service.domain.write_shape import WriteShape
from service.ehr.capability import Capability
from service.ehr.client import Versioned
from service.pipeline.publishing.publish import Way, publish
from tests.builders import MemoryLedger, draft_of
from tests.model.homeward import AUTHOR, NOW
from tests.unit.pipeline.publishing.fake_ehr import FakeEhr

GOAL = draft_of(
    "goal", {"resourceType": "Goal", "lifecycleStatus": "proposed", "target": [{"detailString": "Eats"}]}
)


class DroppingEhr(FakeEhr):
    """Keeps no targets, and says nothing of it."""

    reads_back = True

    def capability(self) -> Capability:
        known = super().capability()
        shape = WriteShape(read_back=self.reads_back)
        return Capability(resources=known.resources, writes=MappingProxyType({"Goal": shape}))

    def fetch(self, reference):
        return Versioned(self.held[reference], "")

    def keep(self, reference, resource):
        super().keep(reference, {name: part for name, part in resource.items() if name != "target"})


@pytest.mark.parametrize(("reads_back", "state"), [(True, WriteState.LANDED), (False, WriteState.THEIRS)])
def test_a_dropped_element_is_no_edit_where_it_was_read_back(reads_back, state):
    ehr, ledger = DroppingEhr(), MemoryLedger(GOAL)
    dropped: dict[str, frozenset[str]] = {}
    ehr.reads_back = reads_back
    way = Way(
        author=AUTHOR,
        recorded=NOW,
        at=NOW,
        vanished=lambda: dropped,
        tell_vanished=lambda kind, names: dropped.update({kind: frozenset(names)}),
    )
    publish(ledger, ehr, way=way)
    ehr.edit("Goal/1")  # another version of the same
    for _ in range(2):
        publish(ledger, ehr, way=way)
    assert ledger.rows["goal"].state is state
    assert dropped == ({"Goal": {"target"}} if reads_back else {})
    assert len(ehr.writes) == 1 or not reads_back
