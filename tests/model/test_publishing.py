"""People, plans, an EHR and its faults, at random: what stands in the EHR is what is wanted, or a person's.

`make model` runs it for tens of thousands of steps; here it is bounded, with the same examples every time.
"""

import copy
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fhir_mappings.sameness import still_says
from fhir_mappings.withdrawal import status_of
from service.domain.decision import Choice
from service.domain.publication import Draft
from service.domain.write_reason import WriteReason
from tests.model.fake_ehr import OPERATION_FAULTS, REQUEST_FAULTS, FakeEhr, Fault, Habits
from tests.model.homeward import DECIDABLE, VARIANTS, Homeward
from tests.model.people import EDITS, HELD, Edit
from tests.spellings import (
    add_ids,
    drop_displays,
    lead_from_root,
    put_local_codings_first,
    reorder,
    respell_times,
    space_words,
)

Json = dict[str, Any]

#: Elements that are no statement about the patient's care, or that follow the status.
_ASIDE: Final = frozenset({"meta", "contained", "authoredOn", "created", "identifier"})
_WITH_STATUS: Final = frozenset(
    {"intent", "requester", "authoredOn", "statusReason", "statusDate", "expressedBy"}
)
_DEAD: Final = frozenset({"revoked", "entered-in-error", "cancelled", "completed", "rejected"})


_SPELLINGS: Final = (
    None,
    add_ids,
    drop_displays,
    lead_from_root,
    put_local_codings_first,
    reorder,
    respell_times,
    space_words,
)


def _habits(*, versions: bool) -> st.SearchStrategy[Habits]:
    return st.builds(
        Habits,
        bundles=st.sampled_from(["transaction", "batch", ""]),
        conditional_create=st.booleans(),
        versions=st.just(versions),
        drops=st.sampled_from([frozenset(), frozenset({"note"})]),
        spell=st.sampled_from(_SPELLINGS),
    )


class Publishing(RuleBasedStateMachine):
    """One discharge from its order on. steps and runs count those of all instances."""

    steps: ClassVar = 0
    runs: ClassVar = 0

    @initialize(habits=_habits(versions=True))
    def order(self, habits: Habits) -> None:
        Publishing.runs += 1
        self.server = FakeEhr(habits)
        self.homeward = Homeward(self.server)
        #: The newest edit of each element of each resource, and what was deleted.
        self.edits: dict[tuple[str, str], Edit] = {}
        self.deleted: set[str] = set()

    # --- Homeward -----------------------------------------------------------------------------------
    @rule(key=st.sampled_from(DECIDABLE), choice=st.sampled_from(Choice))
    def decide(self, key: str, choice: Choice) -> None:
        if self.homeward.may_decide(key, choice):
            self.homeward.decide(key, choice)

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

    # --- the EHR ------------------------------------------------------------------------------------
    @rule(
        kind=st.sampled_from([*REQUEST_FAULTS, *OPERATION_FAULTS]),
        times=st.integers(1, 3),
        reads=st.booleans(),
    )
    def fail(self, kind: str, times: int, *, reads: bool) -> None:
        self.server.faults.append(Fault(kind, times, writes=not reads, reads=reads))

    @rule()
    def heal(self) -> None:
        self.server.heal()

    # --- people in the EHR --------------------------------------------------------------------------
    @rule(edit=st.sampled_from(EDITS), pick=st.integers(0, 20))
    def edit(self, edit: Edit, pick: int) -> None:
        self._edit(edit, pick)

    @precondition(lambda self: self.server.habits.versions)
    @rule(edit=st.sampled_from(EDITS), pick=st.integers(0, 20))
    def edit_while_we_write(self, edit: Edit, pick: int) -> None:
        self.server.meanwhile.append(lambda: self._edit(edit, pick))

    def _edit(self, edit: Edit, pick: int) -> None:
        if edit.element.rstrip("+") in self.server.habits.drops:
            return
        changed = [
            reference for reference in self._references(edit.kind) if self._would_change(reference, edit)
        ]
        if changed:
            reference = changed[pick % len(changed)]
            self.server.edit(reference, edit.apply)
            self.edits[reference, edit.element] = edit

    def _references(self, kind: str) -> list[str]:
        return [
            f"{kind}/{resource['id']}" for resource in self.server.all() if resource["resourceType"] == kind
        ]

    def _would_change(self, reference: str, edit: Edit) -> bool:
        """Saving what stands there already is no edit."""
        resource = copy.deepcopy(self.server.current(reference)) or {}
        edit.apply(resource)
        return resource != self.server.current(reference)

    @rule(pick=st.integers(0, 40))
    def delete(self, pick: int) -> None:
        ours = [resource for resource in self.server.all() if resource["resourceType"] != "Provenance"]
        if ours and pick < len(ours):
            reference = f"{ours[pick]['resourceType']}/{ours[pick]['id']}"
            self.server.delete(reference)
            self.deleted.add(reference)

    # --- what holds at every step -------------------------------------------------------------------
    @invariant()
    def nothing_is_there_twice(self) -> None:
        if not hasattr(self, "server"):
            return
        Publishing.steps += 1
        names = [name for resource in self.server.all() for name in _names(resource)]
        assert len(names) == len(set(names)), "two copies"

    @invariant()
    def what_people_did_stands(self) -> None:
        if not hasattr(self, "server"):
            return
        for (reference, _), edit in self.edits.items():
            resource = self.server.current(reference)
            if resource is not None:
                assert edit.stands(resource) or self._is_held(resource, edit), (
                    f"lost: {edit.name} in {reference}"
                )
        for reference in self.deleted:
            assert self.server.current(reference) is None

    def _is_held(self, resource: Json, edit: Edit) -> bool:
        """Whether what a person made active rests because the discharge was called off."""
        held = HELD.get((edit.kind, edit.to_status))
        return self.homeward.was_called_off and held is not None and status_of(resource) == held

    # --- and at the end -----------------------------------------------------------------------------
    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        self.server.heal()
        self.server.meanwhile.clear()
        self._drive_until_quiet()
        self.nothing_is_there_twice()
        self.what_people_did_stands()
        if self.homeward.is_called_off:
            self._assert_that_nothing_asks_for_care()
        else:
            for draft in self.homeward.wishes:
                self._assert_that_it_stands(draft)

    def _drive_until_quiet(self) -> None:
        # What was refused is tried again after a day; what seems gone is looked at again after minutes.
        for hours in (25, 1, 1, 25, 1, 1):
            self.homeward.job = "withdraw" if self.homeward.is_called_off else "publish"
            self.homeward.pass_time(hours)
            before = copy.deepcopy(self.server.history)
            done = self.homeward.run()
            if done and before == self.server.history:
                return
        raise AssertionError(f"never quiet: {self.homeward.problems[-3:]}")

    def _assert_that_nothing_asks_for_care(self) -> None:
        for resource in self.server.all():
            reference = f"{resource['resourceType']}/{resource['id']}"
            is_persons = any(ref == reference and edit.to_status for (ref, _), edit in self.edits.items())
            if resource["resourceType"] in {"CarePlan", "ServiceRequest"} and not is_persons:
                assert status_of(resource) not in {"active", "draft"}, (
                    f"{reference} stands after the discharge was called off"
                )

    def _assert_that_it_stands(self, draft: Draft) -> None:
        there = [resource for resource in self.server.all() if draft.identifier in _names(resource)]
        was = [r for r in self.deleted if _is_of(self.server.history[r], draft)]
        assert there or was or self._rests(draft), f"not there: {draft.key}"
        for resource in there:
            for name, part in draft.body.items():
                if name not in _ASIDE and not still_says(part, resource.get(name)):
                    row = self.homeward.ledger.rows[draft.key]
                    told = f"{draft.key}.{name} is not as wanted, {row.state.name} {row.reason.name}"
                    assert self._is_explained(resource, name), told

    def _rests(self, draft: Draft) -> bool:
        """Whether nobody is asked to act on an order of which a person has set the status."""
        is_persons = any(edit.kind == "ServiceRequest" and edit.to_status for edit in self.edits.values())
        return is_persons and self.homeward.ledger.rows[draft.key].reason is WriteReason.ORDER_RESTS

    def _is_explained(self, resource: Json, name: str) -> bool:
        reference = f"{resource['resourceType']}/{resource['id']}"
        edited = {element.rstrip("+").partition(":")[0] for ref, element in self.edits if ref == reference}
        follows = bool(edited & {"status", "lifecycleStatus"}) and name in _WITH_STATUS
        links = bool(self.deleted) and name in {"goal", "activity", "target", "extension", "focus"}
        return name in edited or follows or links or name in self.server.habits.drops


def _names(resource: Json) -> set[str]:
    if resource["resourceType"] == "Provenance":
        return {
            t["code"] for t in resource.get("meta", {}).get("tag", ()) if t["code"].startswith("urn:uuid:")
        }
    return {
        str(i["value"]) for i in resource.get("identifier", ()) if str(i.get("value")).startswith("urn:uuid:")
    }


def _is_of(versions: list[Json | None], draft: Draft) -> bool:
    return any(version is not None and draft.identifier in _names(version) for version in versions)


class PublishingWithoutVersions(Publishing):
    """The same in an EHR that keeps no versions, so that nobody notices there who was quicker."""

    @initialize(habits=_habits(versions=False))
    def order(self, habits: Habits) -> None:
        super().order(habits)


#: The same runs every time; `make model` draws others.
_BOUNDED: Final = settings(
    max_examples=80, stateful_step_count=20, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestPublishing = Publishing.TestCase
TestPublishing.settings = _BOUNDED
TestPublishingWithoutVersions = PublishingWithoutVersions.TestCase
TestPublishingWithoutVersions.settings = _BOUNDED
