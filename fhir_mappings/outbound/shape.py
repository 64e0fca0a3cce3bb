"""A draft in the shape in which an EHR takes it, and what of it an EHR has let vanish. Pure; the shape is a vendor's data."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings import systems
from fhir_mappings.outbound.concern import need_of_concern
from fhir_mappings.outbound.document import PLAN_TYPE
from fhir_mappings.outbound.elements import Json, coding, references, tidy
from fhir_mappings.outbound.plain_note import wrapped
from fhir_mappings.outbound.problem_codes import problem_coding
from fhir_mappings.outbound.reference_line import (
    line_of,
    reference_line,
    references_in_text,
    restamped,
    text_in,
    with_text,
    without_reference,
)
from fhir_mappings.outbound.references import type_of
from service.domain.publication import Draft
from service.domain.write_shape import AS_FHIR_HAS_IT, AuthorShape, ProblemList, WriteShape

#: Categories of a Condition, with their displays in HL7's condition-category.
_CATEGORIES: Final = {
    "problem-list-item": "Problem List Item",
    "encounter-diagnosis": "Encounter Diagnosis",
}
_CREATION: Final = "content.attachment.creation"
_CUT: Final = "The rest stands on Homeward's page."
_XHTML_PAGE: Final = (
    '<html xmlns="{namespace}"><head><title>{title}</title></head><body><p>{lines}</p></body></html>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalFacts:
    """What a shape needs to know of a hospital; "" for what nobody has said.

    author_practitioner stands as author, message_sender sends, recipient gets a message that would go to nobody;
    note_type is "system|code".
    """

    author_practitioner: str = ""
    message_sender: str = ""
    recipient: str = ""
    problems: ProblemList = ProblemList.NO
    note_type: str = ""


NOBODY: Final = HospitalFacts()


def shaped(
    draft: Draft,
    shape: WriteShape,
    facts: HospitalFacts = NOBODY,
    *,
    types: Mapping[str, str] = {},
) -> tuple[Draft, ...]:
    """Return what is sent for a draft: one as a rule, one for each target where only one is taken, none where nothing can be.

    types are the resource types of other drafts by full URL. Shaped again, a draft stays as it is. What carries security
    labels is not sent where they would not go with it.
    """
    if not shape.taken:
        return ()
    if shape == AS_FHIR_HAS_IT and not facts.note_type:
        return (draft,)
    case = _Case(draft, shape, facts)
    body = _with_note_type(draft.body, facts)
    for step in _STEPS:
        made = step(body, case)
        if made is None:
            return ()
        body = made
    whole = restamped(replace(draft, body=tidy(_sent(body, shape))))
    if draft.is_restricted and not whole.is_restricted:
        return ()
    return tuple(_by_target(whole, shape, types)) if "target" in body else (whole,)


def vanished(sent: Json, read: Json) -> tuple[str, ...]:
    """Name the elements that were sent and of which the EHR shows nothing, or fewer, as dotted paths in order."""
    return tuple(dict.fromkeys(_missing(sent, read, "")))


@dataclass(frozen=True, slots=True)
class _Case:
    draft: Draft
    shape: WriteShape
    facts: HospitalFacts

    @property
    def made_on(self) -> str:
        """When the document was made."""
        return str(self.draft.body.get("date", ""))


#: One part of a shape: the body with it, None where that cannot be and nothing is sent.
_Step = Callable[[Json, _Case], "Json | None"]


def _with_note_type(body: Json, facts: HospitalFacts) -> Json:
    """A hospital's own type for the plan's document; whatever else is a note keeps its own."""
    names = [part.get("code") for part in body.get("type", {}).get("coding", ())]
    if not facts.note_type or PLAN_TYPE not in names:
        return body
    system, _, code = facts.note_type.rpartition("|")
    return {**body, "type": {**body["type"], "coding": [{"system": system, "code": code}]}}


def _categorised(body: Json, case: _Case) -> Json | None:
    """One category: of a problem the one that the hospital wants, of all else the first that is taken."""
    allowed = case.shape.categories
    if not allowed:
        return body
    if case.draft.resource_type == "Condition":
        code = case.facts.problems.category
        chosen = [coding(systems.CONDITION_CATEGORY, code, _CATEGORIES[code])] if code in allowed else []
    else:
        codings = [part for concept in body.get("category", ()) for part in concept.get("coding", ())]
        chosen = [part for part in codings if part.get("code") in allowed][:1]
    return {**body, "category": [{"coding": chosen}]} if chosen else None


def _coded(body: Json, case: _Case) -> Json | None:
    """A problem has the code of its need, where one means it; the words stay."""
    if case.draft.resource_type != "Condition" or not (case.shape.categories or case.shape.coded):
        return body
    known = problem_coding(need_of_concern(case.draft.key))
    if known is None:
        return None if case.shape.coded else body
    return {**body, "code": {**body.get("code", {}), "coding": [known]}}


def _attached(body: Json, case: _Case) -> Json | None:
    """One attachment, of the first content type taken that there is; a message's words become one."""
    if not case.shape.attachments:
        return body
    if "payload" in body:
        attachment = _attached_words(body, case)
        return {**body, "payload": [{"contentAttachment": attachment}]} if attachment else None
    found = _chosen([part.get("attachment", {}) for part in body.get("content", ())], case.shape)
    if found is None:
        return None
    if _CREATION in case.shape.elements:
        found = {**found, "creation": found.get("creation") or case.made_on}
    return {**body, "content": [{"attachment": found}]}


def _chosen(attachments: Sequence[Json], shape: WriteShape) -> Json | None:
    for literal in shape.attachments:
        for attachment in attachments:
            if _kind(attachment.get("contentType", "")) == _kind(literal):
                return _cut({**attachment, "contentType": literal}, shape.text_limit)
    return None


def _kind(content_type: str) -> str:
    """The content type without parameters; XHTML is our HTML, which is well-formed."""
    kind = content_type.partition(";")[0].strip().casefold()
    return "text/html" if kind == "application/xhtml+xml" else kind


def _cut(attachment: Json, limit: int) -> Json:
    """A plain text within the limit: whole lines, then where the rest stands and the reference."""
    text = text_in(attachment)
    if not limit or len(text) <= limit or _kind(attachment["contentType"]) != "text/plain":
        return attachment
    ending = "\n".join(["", _CUT, "", *map(line_of, sorted(references_in_text(text))), ""])
    kept = ""
    for line in without_reference(text).splitlines(keepends=True):
        if len(kept) + len(line) + len(ending) > limit:
            break
        kept += line
    return with_text(attachment, kept + ending)


def _attached_words(body: Json, case: _Case) -> Json | None:
    """The payload as an attachment of the first type taken, None where it has no words."""
    part = body["payload"][0] if body["payload"] else {}
    literal = case.shape.attachments[0]
    attachment = part.get("contentAttachment")
    text = text_in(attachment) if attachment else part.get("contentString", "")
    if not text:
        return None
    if attachment and attachment.get("contentType") == literal:
        return _cut(attachment, case.shape.text_limit)
    title = str(body.get("topic", {}).get("text", ""))
    words = wrapped(text)
    if _kind(literal) != "text/plain":
        lines = "<br />".join(escape(line) for line in words.splitlines())
        words = _XHTML_PAGE.format(namespace=systems.XHTML, title=escape(title), lines=lines)
    made = {
        "contentType": literal,
        "data": base64.b64encode(words.encode()).decode(),
        "title": title,
    }
    return _cut(made, case.shape.text_limit)


def _authored(body: Json, case: _Case) -> Json:
    if case.shape.author is AuthorShape.AS_IS:
        return body
    person = case.facts.author_practitioner if case.shape.author is AuthorShape.PRACTITIONER else ""
    return {**body, "author": references([person] if person else [])}


def _addressed(body: Json, case: _Case) -> Json | None:
    """A message from one who may send to those who may receive; none where there is no such sender or recipient."""
    made = body
    if case.shape.sender:
        known = (case.facts.message_sender, case.facts.author_practitioner)
        sender = next((name for name in known if type_of(name) in case.shape.sender), "")
        if not sender:
            return None
        made = {**made, "sender": {"reference": sender}}
    if case.shape.recipients:
        named = [str(part.get("reference", "")) for part in body.get("recipient", ())]
        taken = [name for name in named if type_of(name) in case.shape.recipients]
        if not taken and type_of(case.facts.recipient) in case.shape.recipients:
            taken = [case.facts.recipient]
        if not taken:
            return None
        made = {**made, "recipient": references(taken)}
    return made


def _timed(body: Json, case: _Case) -> Json:
    """The period that a document is about ends when it was made, unless it says otherwise."""
    context = body.get("context", {})
    if not case.shape.period_end or _only(context, [["period", "end"]]):
        return body
    return {**body, "context": {**context, "period": {"end": case.made_on}}}


def _noted(body: Json, case: _Case) -> Json:
    """One note within the limit, which ends with the reference."""
    limit = case.shape.note_limit
    if not limit or "note" not in body:
        return body
    text = " ".join(without_reference(str(part.get("text", ""))).strip() for part in body["note"])
    line = reference_line(case.draft.identifier)
    room = limit - len(line) - 1
    if len(text) > room:
        text = f"{text[: room - 1].rsplit(' ', 1)[0]}…"
    return {**body, "note": [{"text": f"{text} {line}"}]}


_STEPS: Final[tuple[_Step, ...]] = (
    _categorised,
    _coded,
    _attached,
    _authored,
    _addressed,
    _timed,
    _noted,
)


def _sent(body: Json, shape: WriteShape) -> Json:
    """The elements that are sent, with those that always say the same."""
    whole = {**body, **shape.fixed}
    for path in shape.drop:
        whole = _without(whole, path.split("."))
    if not shape.elements:
        return whole
    kept = _only(whole, [path.split(".") for path in shape.elements])
    return {"resourceType": body["resourceType"], **kept}


def _without(value: Any, path: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_without(part, path) for part in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    rest = {name: part for name, part in value.items() if name != path[0]}
    return {**rest, path[0]: _without(value[path[0]], path[1:])} if path[1:] else rest


def _only(value: Any, paths: Sequence[Sequence[str]]) -> Any:
    if isinstance(value, list):
        return [_only(part, paths) for part in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, part in value.items():
        deeper = [path[1:] for path in paths if path[0] == name]
        if deeper:
            kept[name] = part if [] in map(list, deeper) else _only(part, deeper)
    return kept


def _by_target(draft: Draft, shape: WriteShape, types: Mapping[str, str]) -> Iterator[Draft]:
    """What speaks of several resources, of those that it may speak of; one for each where it may have one target only."""
    # What speaks of nothing any more has lost the empty list.
    targets = [part for part in draft.body.get("target", ()) if _may_be_target(part, shape, types)]
    if not shape.one_target:
        yield replace(draft, body={**draft.body, "target": targets})
        return
    for target in targets:
        name = str(target.get("reference", ""))
        yield _about(draft, target, name)


def _may_be_target(target: Json, shape: WriteShape, types: Mapping[str, str]) -> bool:
    name = str(target.get("reference", ""))
    kind = types.get(name) or type_of(name)
    # Of what no type is known yet, the one who asks sees to it.
    return not shape.targets or not kind or kind in shape.targets


def _about(draft: Draft, target: Json, name: str) -> Draft:
    """The same about one target, under a key and an identifier that depend on nothing but both."""
    mark = uuid5(NAMESPACE_URL, name).hex[:12]
    if draft.key.endswith(f":{mark}"):
        return draft
    identifier, full_url = (
        f"urn:uuid:{uuid5(NAMESPACE_URL, f'{known} {mark}')}" for known in (draft.identifier, draft.full_url)
    )
    meaning = hashlib.sha256(f"{draft.meaning} {mark}".encode()).hexdigest() if draft.meaning else ""
    return replace(
        draft,
        key=f"{draft.key}:{mark}",
        identifier=identifier,
        full_url=full_url,
        body={**draft.body, "target": [target]},
        meaning=meaning,
    )


#: An attachment that was sent as data may be kept elsewhere.
_KEPT_AS: Final[Mapping[str, str]] = {"data": "url", "contentString": "contentAttachment"}


def _missing(sent: Any, read: Any, path: str) -> Iterator[str]:
    if isinstance(sent, dict):
        theirs = read if isinstance(read, dict) else {}
        for name, part in sent.items():
            yield from _missing_element(name, part, theirs, f"{path}.{name}" if path else name)
    elif isinstance(sent, list):
        shown = read if isinstance(read, list) else []
        if len(shown) < len(sent):
            yield path
        for ours, theirs in zip(sent, shown, strict=False):
            yield from _missing(ours, theirs, path)


def _missing_element(name: str, part: Any, read: Json, path: str) -> Iterator[str]:
    if name in read:
        yield from _missing(part, read[name], path)
    elif part not in ("", [], {}, None) and _KEPT_AS.get(name) not in read:
        yield path
