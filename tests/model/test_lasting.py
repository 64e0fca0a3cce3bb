"""An EHR that keeps no identifiers, gives no version and lets no note be changed, at random: each signed change is told once.

`make model` runs the first model for longer; this one is bounded, with the same examples every time.
"""

from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fhir_mappings.outbound.further import place_of
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.reference_line import references_in_text, texts_of
from service.domain.decision import Choice
from service.domain.publication import WriteState
from service.domain.write_reason import WriteReason
from tests.model.fake_ehr import FakeEhr, Fault, Habits
from tests.model.homeward import AUTHOR, DECIDABLE, NOW, VARIANTS, Homeward

Json = dict[str, Any]

NOTES: Final = Habits(
    bundles="",
    conditional_create=False,
    versions=False,
    drops=frozenset({"identifier", "meta", "relatesTo"}),
    takes=frozenset({"DocumentReference"}),
    name="Epic",
    changes=False,
    terse=True,
)
#: After these the EHR may have a note of which nobody knows.
_LOSES: Final = ("timeout before", "timeout after", "late", "crash before", "crash after", "page", "500")
_HARMLESS: Final = ("403", "422", "409")


class Notes(RuleBasedStateMachine):
    """One discharge, from its order on."""

    @initialize()
    def order(self) -> None:
        self.server = FakeEhr(NOTES)
        self.homeward = Homeward(self.server)
        self.was_signed = False

    @rule(key=st.sampled_from(DECIDABLE), choice=st.sampled_from(Choice))
    def decide(self, key: str, choice: Choice) -> None:
        if self.homeward.may_decide(key, choice):
            self.homeward.decide(key, choice)
            self.was_signed |= self.homeward.signed

    @rule(variant=st.integers(0, VARIANTS - 1))
    def replan(self, variant: int) -> None:
        if not self.homeward.is_called_off:
            self.homeward.replan(variant)

    @rule()
    def run(self) -> None:
        self.homeward.run()

    @rule()
    def run_later(self) -> None:
        self.homeward.pass_time()
        self.homeward.run()

    @precondition(lambda self: not self.homeward.is_called_off)
    @rule()
    def call_off(self) -> None:
        self.homeward.call_off()

    @precondition(lambda self: self.homeward.is_called_off)
    @rule()
    def order_again(self) -> None:
        self.homeward.order_again()

    @rule(kind=st.sampled_from([*_LOSES, *_HARMLESS]), times=st.integers(1, 3), reads=st.booleans())
    def fail(self, kind: str, times: int, *, reads: bool) -> None:
        self.server.faults.append(Fault(kind, times, writes=not reads, reads=reads))

    @rule()
    def come_to_rest(self) -> None:
        """Nothing goes wrong any more: what is wanted is there, or a person is asked."""
        self.server.heal()
        # Looks without an answer, then those that may miss a note that is not indexed yet.
        for _ in range(6):
            self.homeward.job = "withdraw" if self.homeward.is_called_off else "publish"
            self.homeward.pass_time()
            self.homeward.run()
        if any(entry.state is WriteState.UNKNOWN for entry in self.homeward.ledger.entries()):
            return
        self.check_newest()

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.come_to_rest()

    def check_newest(self) -> None:
        """The newest note says how the plan stands."""
        links = [
            (place, entry)
            for entry in self.homeward.ledger.entries()
            if (place := place_of(entry.draft.key, "plan-document")) is not None and entry.reference
        ]
        if not links:
            may_be_silent = self.homeward.is_called_off or not self.homeward.signed
            assert may_be_silent, "a signed plan is not told"
            return
        place, newest = max(links, key=lambda link: link[0].number)
        assert all(entry.reason is WriteReason.REPLACED for older, entry in links if older != place)
        assert place.is_off is self.homeward.is_called_off or not self.homeward.signed
        if self.homeward.is_called_off:
            assert place.is_off
        elif self.homeward.signed:
            wanted = lower_resources(self.homeward.plan, author=AUTHOR, recorded=NOW)[0]
            assert newest.sent_digest == wanted.digest

    @invariant()
    def nothing_is_told_before_a_signature(self) -> None:
        if hasattr(self, "server") and not self.was_signed:
            assert list(self.server.all()) == []

    @invariant()
    def no_note_is_changed_or_told_twice(self) -> None:
        if not hasattr(self, "server"):
            return
        assert all(len(versions) == 1 for versions in self.server.history.values())
        references = [_reference(note) for note in self.server.all()]
        assert len(references) == len(set(references))


def _reference(note: Json) -> str:
    [reference] = frozenset().union(*map(references_in_text, texts_of(note)))
    return reference


Notes.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
test_each_signed_change_is_told_once = Notes.TestCase
