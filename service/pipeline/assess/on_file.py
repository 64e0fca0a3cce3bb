"""Whether a document or a consent is really on file: filed as an advance directive is also that somebody declined one."""

import re
from typing import Final

from service.domain.record import Fact, Kind

#: Words by which a document of this kind says that there is none, that it holds no more, or that it is only spoken of.
_NOT_THERE: Final = re.compile(
    r"\b(?:declin|refus|revok|rescind|void|discuss|educat|blank|template|unsigned|incomplete|unable to)\w*"
    r"|\bno (?:advance|directive|living will|document|polst|molst|dnr|health care|healthcare|power of attorney|copy|form)\b"
    r"|\bnot (?:on file|available|completed|signed|executed|have|wish|want|received|provided|applicable)\b"
    r"|\b(?:does|do|did)(?: not|n['\u2019]t) have\b|\b(?:information|brochure|packet|forms?) (?:given|provided|offered)\b"
    r"|\b(?:none|nothing) on file\b|\brequested\b"
)
#: Consents that are about data or studies, whatever category they carry.
_OTHER_SCOPES: Final = frozenset({"patient-privacy", "research"})
_NOT_IN_FORCE: Final = frozenset({"draft", "proposed"})


def is_on_file(fact: Fact) -> bool:
    """Whether a statement is there in full; true of all kinds but documents and consents.

    A preliminary document, a consent that is proposed, and words such as "patient declined" leave it to somebody to look.
    """
    if fact.kind is Kind.CONSENT:
        return fact.status not in _NOT_IN_FORCE and fact.categories.isdisjoint(_OTHER_SCOPES)
    if fact.kind is not Kind.DOCUMENT:
        return True
    said = " | ".join((fact.text, *fact.beside)).casefold()
    return fact.verification != "preliminary" and not _NOT_THERE.search(said)
