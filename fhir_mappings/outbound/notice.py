"""What a chart says beside a plan of ours in which a person's words keep out what has changed since: a notice in a place of ours.

It says that the plan in the chart is older than ours, how the newer one stands, and where it is read. Nothing is in it that
could not stand in the plan itself.
"""

import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import generated, headline
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.document import Letterhead, document_body
from fhir_mappings.outbound.drafts import named
from fhir_mappings.outbound.elements import Json, clean, coding
from fhir_mappings.outbound.further import renamed
from fhir_mappings.outbound.message import message_body
from fhir_mappings.outbound.reference_line import reference_line
from fhir_mappings.outbound.references import Names
from service.domain.plan import Plan
from service.domain.publication import Draft

NOTICE_DOCUMENT_KEY: Final = "notice-document"
NOTICE_MESSAGE_KEY: Final = "notice-message"
#: The keys of all notices, best first: a document can be superseded, a message stays in the inbox it went to.
NOTICE_KEYS: Final = (NOTICE_DOCUMENT_KEY, NOTICE_MESSAGE_KEY)
#: The elements in which readers find how a plan stands, by type.
_VERDICTS: Final[Mapping[str, frozenset[str]]] = {
    "CarePlan": frozenset({"text", "description"}),
    "DocumentReference": frozenset({"content", "description"}),
    "Communication": frozenset({"payload"}),
}
_TITLE: Final = "Notice about the discharge plan"
_NOTE: Final = coding(systems.LOINC, "34109-9", "Note")
_OLDER: Final = (
    "The discharge plan in this chart is older than the one on Homeward's page: what has changed in the plan since does not "
    "show in it. What people have written in it stands."
)


def is_notice(key: str, *, of: Collection[str] = NOTICE_KEYS) -> bool:
    """Return True for the key of a notice, or of a further one."""
    return key.partition(":")[0] in of


def further_notice(draft: Draft, number: int) -> Draft:
    """The notice as the one of this number, for an EHR in which the one before cannot be changed; the first as it is."""
    if number == 1:
        return draft
    return renamed(draft, f"{draft.key}:{number}", str(number))


def keeps_verdict_out(resource_type: str, kept_out: Collection[str]) -> bool:
    """Return True if how a plan stands does not show, because a person's words stand in these elements."""
    return bool(_VERDICTS.get(resource_type, frozenset()) & set(kept_out))


def notice_resources(plan: Plan, *, page: str, author: Author, recorded: datetime) -> tuple[Draft, ...]:
    """The notice as a DocumentReference and as a Communication, best first; an EHR gets the first that it takes.

    There is no Communication where nobody is known who would get it. page is the URL of the plan's page, "" where there is none. Only what may be shared goes out.
    """
    shared = plan.shareable()
    names = Names(plan.tenant, plan.encounter.reference)
    words = _words(shared, page)
    line = reference_line(names.identifier(NOTICE_DOCUMENT_KEY))
    letterhead = Letterhead(line, is_plan=False, title=_TITLE)
    document = document_body(shared, words, author=author, recorded=recorded, letterhead=letterhead)
    reference = reference_line(names.identifier(NOTICE_MESSAGE_KEY))
    message = message_body(shared, words, author=author, recorded=recorded, reference=reference)
    drafts = [] if document is None else [_draft(names, NOTICE_DOCUMENT_KEY, _as_note(document), plan, words)]
    if message is not None:
        drafts.append(_draft(names, NOTICE_MESSAGE_KEY, message | {"topic": {"text": _TITLE}}, plan, words))
    return tuple(drafts)


def _draft(names: Names, key: str, body: Json, plan: Plan, words: str) -> Draft:
    return named(names, key, body | {"text": generated(_TITLE)}, plan, says=words)


def _as_note(document: Json) -> Json:
    """A note of its own type, so that no EHR and no search takes it for the plan."""
    return document | {
        "docStatus": "final",
        "type": {"coding": [_NOTE], "text": _TITLE},
        "description": _TITLE,
    }


def _words(plan: Plan, page: str) -> str:
    """XHTML div of the notice."""
    ET.register_namespace("", systems.XHTML)
    div = ET.Element(f"{{{systems.XHTML}}}div")
    link = f"Read the plan as it stands: {page}" if page else "Read the plan as it stands on Homeward's page."
    for line in (_OLDER, f"As it stands now: {headline(plan).strip()}", link):
        ET.SubElement(div, f"{{{systems.XHTML}}}p").text = clean(line)
    return ET.tostring(div, encoding="unicode")
