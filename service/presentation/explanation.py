"""Why each need is on the plan or is not: as documented JSON, and as a table.

For the authorised clinician; `told_to` leaves out what another reader may not see.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from fhir_mappings.narrative import evidence_phrase
from fhir_mappings.outbound.elements import clean
from service.domain.evidence import Evidence
from service.domain.explanation import Explanation, Step, Verdict
from service.domain.expression import Truth
from service.domain.plan import Plan
from service.domain.risk import RiskScore, ScorePart
from service.errors import BadInput
from service.presentation.table import table

Json = dict[str, Any]
_TRUTHS: Final = {Truth.TRUE: "true", Truth.FALSE: "false", Truth.UNKNOWN: "unknown"}
_REASONS: Final = {
    Verdict.PRESENT: "What makes it present is true.",
    Verdict.ABSENT: "Somebody asked or measured, and it is not there.",
    Verdict.NOT_ASSESSED: "Nothing decides it: it is to be asked.",
    Verdict.LEFT_OUT: "Nothing in the record makes it present, and nothing is to be asked.",
    Verdict.NOT_APPLICABLE: "It does not apply to this patient.",
}
#: Failed conditions named in the overview; all of them stand in the tree of one need.
_SHOWN: Final = 3


def told_to(plan: Plan, *, sensitive: bool) -> Plan:
    """The plan of which this reader is told; sensitive says whether they see what carries a label."""
    return plan if sensitive else plan.shareable()


def explanation_document(plan: Plan, need: str = "") -> Json:
    """The document: one entry for each protocol, or only for one need, and each point of the risk scores.

    Raises BadInput for a need that no protocol has.
    """
    return {
        "encounter": plan.encounter.reference,
        "today": plan.today.isoformat(),
        "needs": [_explanation(one) for one in chosen(plan, need)],
        "risk_scores": [] if need else [_score(score) for score in plan.risk_scores],
    }


def explanation_table(plan: Plan, need: str = "") -> RenderableType:
    """All needs in one table; of one need the whole evaluation as a tree."""
    found = chosen(plan, need)
    if need:
        return Group(*(_tree(one) for one in found))
    needs = [(one.title, _words(one.verdict), _why(one)) for one in found]
    points = [_point(score, part) for score in plan.risk_scores for part in score.parts]
    return Group(
        table("Needs", ("Need", "Verdict", "Why"), needs),
        table("Risk scores, point by point", ("Score", "Part", "Points", "Because"), points),
    )


def chosen(plan: Plan, need: str) -> Sequence[Explanation]:
    """The explanations of all protocols, or of the one with this code."""
    found = [one for one in plan.explanations if need in {"", one.need}]
    if need and not found:
        raise BadInput("There is no such need here; `homeward protocols list` names them all.")
    return found


def _explanation(one: Explanation) -> Json:
    return {
        "need": one.need,
        "title": one.title,
        "verdict": str(one.verdict),
        "reason": _REASONS[one.verdict],
        "protocol": {
            "id": one.protocol.id,
            "version": one.protocol.version,
            "review": str(one.protocol.review),
        },
        "sensitive": sorted(map(str, one.labels)),
        "failed": [step.asks for step in one.failed()],
        "applies": _step(one.applies) if one.applies else None,
        "present": _step(one.present),
        "absent": _step(one.absent) if one.absent else None,
        "ask_when": _step(one.ask_when) if one.ask_when else None,
        "taken_over": _step(one.taken_over) if one.taken_over else None,
    }


def _step(step: Step) -> Json:
    return {
        "asks": step.asks,
        "truth": _TRUTHS[step.truth],
        "evidence": [_evidence(one) for one in step.evidence],
        "parts": [_step(part) for part in step.parts],
    }


def _evidence(one: Evidence) -> Json:
    return {
        "reference": one.reference,
        "code": one.code.code if one.code else None,
        "date": one.on.isoformat() if one.on else None,
        "text": one.text,
        "certainty": str(one.certainty),
    }


def _score(score: RiskScore) -> Json:
    return {
        "name": score.name,
        "variant": score.variant,
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "parts": [
            {
                "name": part.name,
                "points": part.points,
                "low": part.low,
                "high": part.high,
                "because": part.explanation,
                "evidence": [_evidence(one) for one in part.evidence],
            }
            for part in score.parts
        ],
    }


def _why(one: Explanation) -> str:
    """The evidence of what is there; of what is not, the conditions that failed."""
    if one.verdict is Verdict.PRESENT:
        return "\n".join(dict.fromkeys((*_cited(one.present), *_elsewhere(one))))
    failed = [step.asks for step in one.failed()]
    more = [f"and {len(failed) - _SHOWN} more"] if len(failed) > _SHOWN else []
    return "\n".join((_REASONS[one.verdict], *(f"not: {asks}" for asks in failed[:_SHOWN]), *more))


def _elsewhere(one: Explanation) -> Iterator[str]:
    if one.taken_over and one.taken_over.truth is Truth.TRUE:
        yield from (f"nothing follows, taken over: {cited}" for cited in _cited(one.taken_over))


def _cited(step: Step) -> Iterator[str]:
    for leaf in step.leaves():
        yield from (evidence_phrase(one) for one in leaf.evidence if leaf.truth is Truth.TRUE)


def _point(score: RiskScore, part: ScorePart) -> tuple[str, str, str, str]:
    points = f"{part.points:g}" if part.points is not None else f"{part.low:g} to {part.high:g}"
    because = "\n".join((part.explanation, *map(evidence_phrase, part.evidence)))
    return f"{score.name} ({score.variant})", part.name, points, because


def _tree(one: Explanation) -> Tree:
    protocol = f"{one.protocol.id} {one.protocol.version}, review {one.protocol.review}"
    tree = Tree(_text(f"{one.title}: {_words(one.verdict)}. {_REASONS[one.verdict]} ({protocol})"))
    for name, step in _conditions(one):
        _grow(tree.add(_text(f"{name}: {_TRUTHS[step.truth]}")), step)
    return tree


def _conditions(one: Explanation) -> Iterable[tuple[str, Step]]:
    named = (
        ("applies", one.applies),
        ("present", one.present),
        ("absent", one.absent),
        ("ask when", one.ask_when),
        ("taken over", one.taken_over),
    )
    return ((name, step) for name, step in named if step)


def _grow(tree: Tree, step: Step) -> None:
    branch = tree.add(_text(f"[{_TRUTHS[step.truth]}] {step.asks}"))
    for one in step.evidence:
        branch.add(_text(f"{evidence_phrase(one)} ({one.reference})"))
    for part in step.parts:
        _grow(branch, part)


def _text(words: str) -> Text:
    """Nothing in a record is read as markup or as terminal control."""
    return Text(clean(words))


def _words(verdict: Verdict) -> str:
    return str(verdict).replace("_", " ")
