"""What an answer in words says: yes, partly, no, declined, nothing, or something of its own. Negation is read here alone."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from service.domain.codes import Code


class Said(StrEnum):
    """What an answer comes to, whatever was asked."""

    YES = "yes"
    PARTLY = "partly"  # sometimes, rarely: neither rules anything out
    NO = "no"
    DECLINED = "declined"  # asked, and not answered
    NOTHING = "nothing"  # not asked, not known
    OWN_WORDS = "own words"


_LONGEST: Final = 200
_QUALIFIER: Final = re.compile(
    r"\s*\((?:qualifier value|finding|situation|disorder|observable entity|event)\)$"
)
_NUMBERED: Final = re.compile(
    r"^\(?\d{1,2}\)?\s*[-.):=]\s*(?=\D)|\s*[(\[]\d{1,2}(?: points?)?[)\]]$|\s*=\s*\d{1,2}$"
)
_QUOTES: Final = {0x2018: "'", 0x2019: "'", 0x201C: None, 0x201D: None}
_SPACES: Final = re.compile(r"\s+")

_YES: Final = re.compile(
    r"(?:yes|y|yep|true|t|positive|pos|present|endorse[sd]|agree[sd]?|strongly agree|confirmed|1|x|checked|applies"
    r"|(?:at|high|moderate|elevated|increased|positive for) ?risk|at-risk|risk (?:identified|present)|abnormal|detected"
    r"|often|very often|(?:quite|fairly) often|always|usually|frequent(?:ly)?|most of the time|all of the time|often true|always true"
    r"|daily|weekly|monthly|daily or almost daily|every day|nearly every day|more than half the days"
    r"|hard|very hard|somewhat hard|difficult|very difficult|somewhat difficult|quite a bit|very much|a lot|a great deal"
    r"|mild|moderate|severe|high|extremely?|currently|current|concerns?|insecure|at least once)"
    r"(?=$|[,;:.!(/]|\s[-\u2013]|\s*,)"
    r"|(?:yes|positive|at risk|endorses|reports|admits|patient reports|patient states yes)\b"
)
_PARTLY: Final = re.compile(
    r"(?:sometimes|sometimes true|occasional(?:ly)?|rarely|seldom|hardly ever|hardly|once in a while|some of the time"
    r"|a little|a little bit|several days|once or twice|less than monthly|now and then|in the past|previous(?:ly)?|former(?:ly)?)"
    r"(?=$|[,;:.!(/]|\s[-\u2013])"
)
_NO: Final = re.compile(
    r"(?:no|n|nope|false|f|none|never|never true|nothing|negative|neg|absent|nil|0|not at all|not true|not present|not detected"
    r"|without|normal|wnl|low|secure|low risk|no risk|not at risk|not hard at all|not (?:very )?(?:hard|difficult)(?: at all)?|disagree"
    r"|strongly disagree|none of (?:these|the above)|none reported|unremarkable|not applicable|n/a|0 days|unchecked|does not apply)"
    r"(?=$|[,;:.!(/]|\s[-\u2013])"
    r"|(?:denie[sd]|patient denie[sd]|pt denie[sd]|negative for|never (?:been|had|used|experienced|felt)|none(?: reported| known| noted)?)\b"
    r"|no (?:known|current|recent|evidence|history|hx|signs?|concerns?|problems?|issues?|risks?|needs?|difficult(?:y|ies)|trouble"
    r"|barriers?|complaints?|worries|symptoms?|thoughts?|safety concerns|one\b.{0,40} (?:hurts|threatens))\b"
    r"|(?:he|she|they|patient|pt|i)? ?(?:does|do|did|has|have|is|are|was) ?(?:not|n't)\b"
)
_DECLINED: Final = re.compile(
    r"(?:(?:patient|pt|the patient|client|he|she|they|i|member|resident)\s+)?(?:has |have |was |is )?"
    r"(?:declin(?:ed?|es|ing)|refus(?:ed?|es|al|ing)|prefers? not|choo?ses? not|chose not|would rather not|wish(?:es)? not"
    r"|do(?:es)? not (?:want|wish) to (?:answer|say|respond|disclose)|do(?:es)?n't (?:want|wish) to|unwilling|did not answer|no answer"
    r"|asked[- ](?:but )?(?:declined|unknown|not answered)|did not want to|do(?:es)?n't know|do(?:es)? not know|don't know"
    r"|not sure|unsure|uncertain|no response)\b"
)
_NOTHING: Final = re.compile(
    r"(?:unknown|not (?:asked|assessed|done|performed|known|recorded|documented|obtained|completed|on file|answered|evaluated)"
    r"|unable to (?:assess|answer|obtain|determine|respond|screen|complete)|could not be assessed|deferred|pending|not available|nav|unk|masked|-+|\?+|\.+"
    r"|patient unable)(?=$|[,;:.!(/]|\s)"
)
#: The first that matches decides: "not sure" is no "not", "no answer" no "no".
_READ: Final = (
    (_DECLINED, Said.DECLINED),
    (_NOTHING, Said.NOTHING),
    (_PARTLY, Said.PARTLY),
    (_NO, Said.NO),
    (_YES, Said.YES),
)

#: Answers in codes that mean the same whatever was asked.
CODED: Final[dict[str, Said]] = {
    **dict.fromkeys(("LA33-6", "373066001", "10828004", "52101004"), Said.YES),
    **dict.fromkeys(("LA32-8", "373067005", "260385009", "2667000"), Said.NO),
    **dict.fromkeys(("LA30122-8", "443390004"), Said.DECLINED),
    **dict.fromkeys(("LA4489-6", "261665006"), Said.NOTHING),
}

#: HL7 v2 tables 0136 (yes/no) and 0532 (expanded yes/no) by address and OID, and FHIR's value sets of the same.
_YES_NO_SYSTEM: Final = re.compile(
    r"v2[-/]0(?:136|532)$|(?:^|[^0-9])2\.16\.840\.1\.113883\.12\.(?:136|532)$|^hl70(?:136|532)$"
    r"|yes-?no-?(?:dont-?know|unknown)?$|expanded-?yes-?no(?:-?indicator)?$"
)
_YES_OR_NO: Final[dict[str, Said]] = {
    **dict.fromkeys(("y", "yes", "true"), Said.YES),
    **dict.fromkeys(("n", "no", "false", "np"), Said.NO),
}


def tidy_words(answer: str) -> str:
    """An answer in lower case, without its number, its points, SNOMED CT's kind of concept and closing marks."""
    tidy = answer[:_LONGEST].casefold().translate(_QUOTES)
    tidy = _SPACES.sub(" ", tidy).strip()
    tidy = _QUALIFIER.sub("", tidy).strip(" \"'.!;:,")
    return _NUMBERED.sub("", tidy).strip() or tidy


@lru_cache(maxsize=4096)
def read_polarity(answer: str) -> Said:
    """What an answer in words says; the first of several that says anything decides."""
    tidy = tidy_words(answer)
    if not tidy:
        return Said.NOTHING
    return next((said for pattern, said in _READ if pattern.match(tidy)), Said.OWN_WORDS)


def read_coded(code: Code) -> Said | None:
    """What a coded answer says by its code, None where that does not mean one thing everywhere.

    Y and N, yes and no, true and false mean that in HL7's tables of yes and no, and where no words stand beside them.
    """
    if said := CODED.get(code.code):
        return said
    if code.display and not _is_yes_no_system(code.system):
        return None
    return _YES_OR_NO.get(code.code.casefold())


def polarity_of_code(code: Code) -> Said:
    """What a coded answer says: by its code where that means one thing everywhere, else by its display."""
    return read_coded(code) or read_polarity(code.display or code.code)


@lru_cache(maxsize=512)
def _is_yes_no_system(system: str) -> bool:
    return _YES_NO_SYSTEM.search(system.casefold()) is not None
