"""Whether the patient can leave: what stands in the way, what must be watched, and what clears it."""

from collections.abc import Iterable, Sequence

from service.domain.assessment import Blocker, Disposition, Readiness
from service.domain.content import BlockerRule
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import Truth
from service.domain.gap_words import could_not_be_read
from service.domain.need import Need, NeedState
from service.domain.record import GapReason, Lasting
from service.domain.sensitivity import may_be_shared, merge
from service.pipeline.assess.answers import is_declined
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.logic import evaluate

#: Needs that must have been asked about before "ready" can be said: the AHC core domains.
_ASKED_OF_ALL = frozenset(
    {
        "food-insecurity",
        "housing-instability",
        "homelessness",
        "inadequate-housing",
        "transportation-insecurity",
        "utility-insecurity",
        "intimate-partner-violence",
    }
)
#: And of older people: what they can do themselves, and who helps.
_ASKED_OF_OLDER = frozenset({"functional-dependence", "caregiver-support"})
_OLDER = 65
#: And of who is treated for these: suicide is a risk of both (Joint Commission NPSG.15.01.01, from memory; review: pending).
_ASKED_OF_THE_DISTRESSED = frozenset({"self-harm-risk"})
_DISTRESS = frozenset({"behavioral-health", "substance-use-treatment"})
_WHERE_TO = "Where the patient can go"
_INCOMPLETE = frozenset({GapReason.REFUSED, GapReason.UNREADABLE, GapReason.INCOMPLETE, GapReason.UNCERTAIN})


def judge_readiness(findings: Findings, needs: Sequence[Need], disposition: Disposition) -> Readiness:
    """Not ready while something blocks; with caveats while something is open; absence of data is never readiness."""
    blockers = (
        *_from_protocols(findings, needs),
        *_from_disposition(disposition),
        *_from_questions(findings, needs),
        *_from_gaps(findings),
    )
    return Readiness.of(blockers)


def _from_protocols(findings: Findings, needs: Sequence[Need]) -> Iterable[Blocker]:
    """The blockers of the needs that are there; of those at which only words of the record hint, as caveats."""
    found = {need.code: need for need in needs if need.state is not NeedState.ABSENT}
    for protocol in findings.content.protocols:
        need = found.get(protocol.ref.id)
        if need and need.state is NeedState.PRESENT:
            yield from filter(None, (_blocker(rule, need, findings) for rule in protocol.blockers))
        elif need and any(one.certainty is Certainty.UNCERTAIN for one in need.evidence):
            yield from _hinted(protocol.blockers, need, findings)


def _hinted(rules: Iterable[BlockerRule], need: Need, findings: Findings) -> Iterable[Blocker]:
    """What words alone hint at: a rule speaks only of what it found itself, else the need as a whole is to be confirmed."""
    judged = [(rule, evaluate(rule.when, findings)) for rule in rules if rule.blocks]
    possible = [(rule, result) for rule, result in judged if result.truth is not Truth.FALSE]
    told = [rule for rule, result in possible if result.evidence]
    for rule in told:
        yield _to_confirm(need, rule.key, rule.text, rule.clears)
    if possible and not told:
        # Under the key of what it may turn out to be, so that it stays the same caveat once more is known.
        first, _ = possible[0]
        unsure = [one for one in need.evidence if one.certainty is Certainty.UNCERTAIN]
        hint = "the record's words hint" if any(one.code is None for one in unsure) else "the record hints"
        text = f"{need.title}; {hint} at it"
        yield _to_confirm(need, first.key, text, "Somebody asks and records the answer")


def _to_confirm(need: Need, key: str, text: str, clears: str) -> Blocker:
    return Blocker(
        key=key,
        text=f"To confirm: {text}",
        clears=clears,
        blocks=False,
        evidence=need.evidence,
        labels=need.labels,
    )


def _blocker(rule: BlockerRule, need: Need, findings: Findings) -> Blocker | None:
    """What a rule finds, or cannot rule out because of something uncertain or declined: that is to be confirmed.

    A rule that says what is missing has no evidence of its own: the need's stands for it.
    """
    result = evaluate(rule.when, findings)
    in_doubt = result.truth is Truth.UNKNOWN and any(map(_leaves_open, result.evidence))
    if result.truth is not Truth.TRUE and not in_doubt:
        return None
    return Blocker(
        key=rule.key,
        text=f"To confirm: {rule.text}" if in_doubt else rule.text,
        clears=rule.clears,
        blocks=rule.blocks and not in_doubt,
        evidence=result.evidence or need.evidence,
        labels=need.labels | merge(one.labels for one in result.evidence),
    )


def _leaves_open(evidence: Evidence) -> bool:
    """An answer to one question of many leaves a score open, but says what it says."""
    return evidence.certainty is not Certainty.SUPPORTED or is_declined(evidence)


def _from_disposition(disposition: Disposition) -> Iterable[Blocker]:
    if disposition.alert:
        yield Blocker(
            "disposition-mismatch",
            disposition.alert,
            "The care team confirms where the patient goes",
            blocks=False,
            labels=disposition.labels,
        )
    elif not (disposition.suggested or disposition.is_settled()):
        open_points = [factor for factor in disposition.factors if factor.weighs == "missing"]
        told = "; ".join(factor.line() for factor in open_points if may_be_shared(factor.labels))
        missing = told.replace("?;", "?")
        unsure = f"Whether {disposition.named.display.lower()} is safe" if disposition.named else _WHERE_TO
        yield Blocker(
            "disposition-open",
            f"{unsure} cannot be decided yet{f': {missing}' if missing else ''}",
            "What is missing is recorded" if missing else "The order or the stay names the place",
            blocks=False,
        )


def _from_questions(findings: Findings, needs: Sequence[Need]) -> Iterable[Blocker]:
    age = findings.record.patient.age_on(findings.today)
    of_older = age is None or age >= _OLDER
    wanted = _ASKED_OF_ALL | _ASKED_OF_OLDER if of_older else _ASKED_OF_ALL
    if any(need.code in _DISTRESS and need.state is NeedState.PRESENT for need in needs):
        wanted |= _ASKED_OF_THE_DISTRESSED
    open_needs = [need for need in needs if need.code in wanted and need.state is NeedState.NOT_ASSESSED]
    for key, asked in (
        ("not-assessed", [need for need in open_needs if may_be_shared(need.labels)]),
        ("not-assessed-in-private", [need for need in open_needs if not may_be_shared(need.labels)]),
    ):
        if asked:
            yield Blocker(
                key,
                f"Not assessed: {', '.join(need.title.lower() for need in asked)}",
                "The bedside questions are asked",
                blocks=False,
                labels=merge(need.labels for need in asked),
            )


def _from_gaps(findings: Findings) -> Iterable[Blocker]:
    gaps = findings.record.gaps
    passing = sorted({gap.about for gap in gaps if gap.lasting is Lasting.PASSING})
    if passing:
        yield Blocker(
            "record-provisional",
            f"This plan is provisional: {could_not_be_read(passing)}",
            "Homeward reads it again by itself and completes the plan",
        )
    unread = sorted({gap.about for gap in gaps if gap.reason in _INCOMPLETE} - set(passing))
    if unread:
        yield Blocker(
            "record-incomplete",
            f"Parts of the record could not be read: {', '.join(unread)}",
            "A person looks at these parts in the EHR",
            blocks=False,
        )
