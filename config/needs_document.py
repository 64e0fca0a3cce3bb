"""docs/needs.md: the whole content as one document that a clinician reads and signs off.

`make needs` writes it (python -m config.needs_document); a test compares it with the protocols.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from config.content import load_content
from service.domain.content import Content, Offer, Protocol
from service.domain.expression import Expression
from service.domain.instrument import Instrument
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    NeedKind,
    ProgrammeTemplate,
    ReferralTemplate,
    Review,
    Source,
    TaskTemplate,
    Urgency,
)
from service.domain.sensitivity import Labels
from service.domain.wording import sentence

WRITTEN_TO: Final = Path(__file__).parent.parent / "docs" / "needs.md"
_HEAD: Final = """\
# What Homeward looks for, and what follows

Made from `config/protocols` by `make needs`; change the protocols, not this file. A need is *present*, *absent* or *not
assessed*: what nobody asked is never taken for a no, it becomes a question at the bedside. Conditions read as in
[protocols.md](protocols.md): true, false or unknown. Days count from discharge. *Review: pending* marks content whose
source nobody has checked yet; it needs your eyes most.
"""
_SHOWN_CODES: Final = 20
_KINDS: Final = {
    NeedKind.SOCIAL: "Social needs",
    NeedKind.SAFETY: "Safety",
    NeedKind.SUPPORT: "Support and understanding",
    NeedKind.CLINICAL: "Clinical needs",
}


def needs_document(content: Content) -> str:
    """The document: a section for each need, by kind, then the instruments with their scores."""
    parts = [_HEAD, _overview(content)]
    for kind, title in _KINDS.items():
        sections = [protocol_section(one, content) for one in content.protocols if one.kind is kind]
        parts += [f"## {title}\n", *sections]
    instruments = [_instrument(content.instruments[name]) for name in sorted(content.instruments)]
    appendix = ["## Instruments\n", *instruments, *_programmes(content), *_code_sets(content)]
    return "\n".join([*parts, *appendix])


def protocol_section(protocol: Protocol, content: Content) -> str:
    """One need, from its conditions to its sources, as Markdown."""
    return "\n".join([*_lines(protocol, content), ""])


def _overview(content: Content) -> str:
    pending = sum(one.ref.review is Review.PENDING for one in content.protocols)
    said = f"{len(content.protocols)} needs, {pending} of them with review pending."
    rows = [
        f"| [{one.title}](#{_anchor(one)}) | {one.kind} | {one.ref.version} | {one.ref.review} |"
        for one in content.protocols
    ]
    return "\n".join([said, "", "| Need | Kind | Version | Review |", "|---|---|---|---|", *rows, ""])


def _anchor(protocol: Protocol) -> str:
    kept = (char for char in protocol.title.casefold() if char.isalnum() or char in " -")
    return "".join(kept).replace(" ", "-")


def _lines(protocol: Protocol, content: Content) -> Iterator[str]:
    yield f"### {protocol.title}"
    yield ""
    yield _what(protocol)
    yield ""
    for title, condition in _conditions(protocol):
        yield from _condition(title, condition, content)
    if protocol.not_ruled_out:
        yield f"**Not ruled out:** {protocol.not_ruled_out}"
        yield ""
    if protocol.ask_when:
        yield from _condition(
            "Asked about when, or when something uncertain hints at it", protocol.ask_when, content
        )
    if protocol.question:
        yield f"**Asked at the bedside when not assessed:** {protocol.question}"
    else:
        yield "**When nothing decides it:** nothing is asked, and it is left out of the plan."
    yield ""
    for urgency, when in protocol.raises:
        yield from _condition(f"Urgency becomes {urgency} when", when, content)
    yield from _blockers(protocol, content)
    yield from _follows(protocol, content)
    yield f"**Sources:** {'; '.join(map(_source, protocol.sources))}."


def _what(protocol: Protocol) -> str:
    said = [f"`{protocol.ref.id}`, version {protocol.ref.version}", f"review: {protocol.ref.review}"]
    said += [f"Gravity domain {protocol.gravity_domain}"] if protocol.gravity_domain else []
    said += [f"urgency {protocol.urgency}"] if protocol.urgency is not Urgency.ROUTINE else []
    if protocol.labels:
        said.append(f"sensitive: {_labels(protocol.labels)}, for the patient “{protocol.neutral_title}”")
    return "; ".join(said) + "."


def _conditions(protocol: Protocol) -> Iterator[tuple[str, Expression]]:
    named = (
        ("Applies to", protocol.applies),
        ("Present when", protocol.present),
        ("Absent when", protocol.absent),
        ("Shown with it", protocol.context),
    )
    yield from ((title, condition) for title, condition in named if condition is not None)


def _condition(title: str, condition: Expression, content: Content) -> Iterator[str]:
    yield f"**{title}:**"
    yield ""
    yield from (f"{'  ' * depth}- {words}" for depth, words in sentence(condition, content.words.__getitem__))
    yield ""


def _blockers(protocol: Protocol, content: Content) -> Iterator[str]:
    for rule in protocol.blockers:
        says = "Blocks leaving" if rule.blocks else "To be watched"
        yield from _condition(f"{says}: {rule.text}; clears by: {rule.clears}; when", rule.when, content)


def _follows(protocol: Protocol, content: Content) -> Iterator[str]:
    if protocol.taken_over is not None:
        yield from _condition(
            "Others take the care over, so that nothing follows, when", protocol.taken_over, content
        )
    lines = [line for offer in protocol.offers for line in _offer(offer, content)]
    lines += [f"- Warning sign for the patient: {sign}" for sign in protocol.warning_signs]
    if lines:
        yield "**What follows:**"
        yield ""
        yield from lines
        yield ""


def _offer(offer: Offer, content: Content) -> Iterator[str]:
    """One line, with its condition below it, and the words for the patient."""
    yield f"- {_template(offer)}"
    if offer.when is not None:
        for depth, words in sentence(offer.when, content.words.__getitem__):
            yield f"{'  ' * (depth + 1)}- only if {words}" if not depth else f"{'  ' * (depth + 1)}- {words}"
    if said := getattr(offer.template, "patient_text", ""):
        yield f"  - to the patient: “{said}”"


def _template(offer: Offer) -> str:
    match offer.template:
        case ReferralTemplate() as one:
            code = f", SNOMED CT {one.code.code} {one.code.display}" if one.code else ""
            return f"Referral, {one.priority}, within {_days(one.within_days)}: {one.title} (`{one.service}`{code})"
        case GoalTemplate() as one:
            target = f"; target: {one.target}" if one.target else ""
            return f"Goal within {_days(one.within_days)}: {one.text}{target}"
        case FollowUpTemplate() as one:
            return f"Follow-up between day {one.not_before_days} and day {one.within_days}: {one.text}"
        case EducationTemplate() as one:
            return f"Teaching: {one.text}"
        case TaskTemplate() as one:
            when = "before discharge" if one.before_discharge else "after discharge"
            when = "the same day" if one.at_once else when
            return f"Task for the {one.owner}, {when}: {one.text}"
        case ProgrammeTemplate() as one:
            return f"May qualify, verify: {one.title} ({one.authority})"


def _instrument(instrument: Instrument) -> str:
    lines = [f"### {instrument.title}", "", f"`{instrument.id}`, version {instrument.version}.", ""]
    panel = f"Panel LOINC {', '.join(instrument.panels)}; " if instrument.panels else ""
    lines.append(f"{panel}answers are valid for {instrument.valid_days} days and for the whole stay.")
    lines.append("")
    for item in instrument.items:
        answers = [_choice(choice.label, choice.score) for choice in item.choices]
        told = ", ".join(answers) or f"{item.low or 0:g} to {item.high or 0:g} points"
        lines.append(f"- {item.label} ({item.question}): {told}")
    lines += [*_scores(instrument), "", f"**Sources:** {'; '.join(map(_source, instrument.sources))}.", ""]
    return "\n".join(lines)


def _programmes(content: Content) -> Iterator[str]:
    offers = (offer.template for protocol in content.protocols for offer in protocol.offers)
    offered = {one.key: one for one in offers if isinstance(one, ProgrammeTemplate)}
    yield "## Programmes\n"
    yield "Nobody qualifies because a plan says so: each is told as *may qualify, verify*, with the rules of the day.\n"
    for key in sorted(offered):
        for rules in offered[key].rules:
            held = f"{rules.effective or 'always'} to {rules.until or 'today'}"
            yield f"- {offered[key].title} ({offered[key].authority}), {held} [{rules.review}]: {rules.text}"
    yield ""


def _code_sets(content: Content) -> Iterator[str]:
    """The members of each set; of a long one the first, the rest stands in its table."""
    yield "## Code sets\n"
    for name, codes in sorted(content.code_sets.items()):
        shown = [f"{code.system} {code.code} {code.display}".strip() for code in codes[:_SHOWN_CODES]]
        more = [f"and {len(codes) - _SHOWN_CODES} more"] if len(codes) > _SHOWN_CODES else []
        yield f"- **{name}**: {'; '.join([*shown, *more])}"


def _scores(instrument: Instrument) -> Iterable[str]:
    if instrument.scoring is None:
        return
    scoring = instrument.scoring
    yield f"- Score {scoring.low:g} to {scoring.high:g}"
    tables = (("", scoring.bands), (", men", scoring.bands_male), (", women", scoring.bands_female))
    for whose, bands in tables:
        if bands:
            yield f"- Bands{whose}: {', '.join(f'{band.name} from {band.starts:g}' for band in bands)}"


def _choice(label: str, score: float | None) -> str:
    return label if score is None else f"{label} ({score:g})"


def _source(source: Source) -> str:
    said = [source.title, str(source.year or ""), source.version]
    return f"{', '.join(filter(None, said))} [{source.review}]"


def _labels(labels: Labels) -> str:
    return ", ".join(sorted(map(str, labels)))


def _days(days: int) -> str:
    return {0: "the day of discharge", 1: "1 day"}.get(days, f"{days} days")


if __name__ == "__main__":
    WRITTEN_TO.write_text(needs_document(load_content()), encoding="utf-8")
