"""What the words of an entry say where its codes say nothing: for which leaves they speak, and when they deny."""

import re
from functools import lru_cache
from typing import Final

from service.domain.codes import Code, System
from service.domain.content import families_of
from service.domain.expression import CodeTest, EvenAs
from service.domain.record import Fact, Kind

#: Words by which an entry says that there is none. "Rule out" leaves it open.
_DENIED: Final = re.compile(
    r"\b(?:no (?:known|evidence|history|signs?|personal history|h/o|hx)|denie[sd]|negative for|ruled out"
    r"|fam(?:ily|\.)? (?:history|hx)|f(?:am)?hx?|(?:history|hx) in (?:the )?(?:family|parents?|father|mother|siblings?|relatives?)"
    r"|not (?:present|found|detected|suspected|identified))\b"
)
#: An entry of a list of diagnoses that is one denial: no further clause, and no word by which something is there after all.
_ONLY_DENIED: Final = re.compile(
    rf"(?:{_DENIED.pattern}|no (?:active |current |significant |other |past |relevant )*"
    r"(?:problems?|diagnos[ie]s|medical (?:problems?|history)|conditions?)\b|none$|none (?:known|reported|noted)\b)"
    r"(?!.*\b(?:but|with|has|except|however|and)\b)[^.;,:+/&]*"
)
#: Somebody else has it. "Lives with mother" and "mother died" leave open who has what; after a birth the mother may be
#: the patient.
_RELATION: Final = (
    r"(?:(?:grand)?(?:father|mother)|brother|sister|son|daughter|parent|sibling|aunt|uncle|cousin|husband|wife|spouse"
    r"|relative|family member)s?"
)
_ANOTHER_BEFORE: Final = re.compile(rf"\b{_RELATION}(?:'s)? (?:with|had|has|have) ")
_ANOTHER_AFTER: Final = re.compile(
    rf"(?: \w+)? in (?:(?:a|the|his|her) )?(?:(?:first|second) degree )?{_RELATION}\b"
)
_AFTER_BIRTH: Final = re.compile(r"post.?partum")
#: Up to three words may stand between: "at risk of becoming homeless", "history of acute stroke".
_FEW_WORDS: Final = r"[:\s-]+(?:(?:[\w/]+|\([\w ]+\))[\s-]+){0,3}$"
#: Words just before and after a diagnosis by which there is none of it: "never smoker", "cancer screening", "ex-smoker".
_NOT_BEFORE: Final = re.compile(
    r"(?:\bnever (?:been |an? |used )?|\b(?:non|no|not|not an?|without|absence of|free of)[ -]"
    r"|(?<!positive )\bscreen(?:ing)? for (?:[\w-]+ ){0,3})$"
)
_NOT_AFTER: Final = re.compile(
    r" (?:screen(?:ing)?\b(?!.*\bpositive\b)|(?:test )?negative\b|excluded\b|absent\b|not (?:present|found)\b)"
)
#: It may come, is prevented, or is feared: not yet the thing.
_RISK_BEFORE: Final = re.compile(
    r"\b(?:risks? (?:of|for|factors? for)|prevent(?:ion of|ing)|prophylaxis (?:of|for|against)"
    rf"|vaccinat(?:ion|ed) against|immuni[sz]ation against){_FEW_WORDS}"
)
_RISK_AFTER: Final = re.compile(r"(?: \w+)? (?:risks?|prevention|prophylaxis|vaccination)\b")
_FEAR_BEFORE: Final = re.compile(rf"\b(?:fear(?:s|ful)? of|afraid of|phobia of){_FEW_WORDS}")
#: Questions about the family: what is answered there is not the patient's.
_OF_OTHERS: Final = re.compile(r"\b(?:family (?:history|hx|medical)|fam hx|fhx|father|brother|sister)\b")
#: Words before others in an answer by which these do not hold. An answer is short, so they may stand further off than in a diagnosis,
#: where "former smoker with COPD" says that there is one.
_DENIED_BEFORE: Final = re.compile(
    r"(?:\b(?:no|not|never|non|denie[sd]|denying|without|former|formerly|ex|quit|negative for|free of|ruled out|no longer)|n't)"
    r"[\s-](?:[^.;,]{0,30}[\s-])?$"
)
_FORMER_BEFORE: Final = re.compile(r"\b(?:ex|former(?:ly)?)[ -](?:\w+[ -]){0,3}$")
#: What a procedure is called that takes away, talks about or foregoes what a leaf looks for.
_UNDONE_BEFORE: Final = re.compile(
    r"\b(?:removal|reversal|closure|take-?down|evaluation|consult(?:ation)?|refusal|history|hx|h/o|education|teaching|repair|prior"
    rf"|previous|no|status post){_FEW_WORDS}"
)
_UNDONE_AFTER: Final = re.compile(
    r"(?:[ ,-]+[\w-]+){0,2}[ ,-]+(?:removal|reversal|closure|take-?down|decannulation|declined|refused|cancell?ed|scar|education"
    r"|teaching|consult(?:ation)?|evaluation)\b"
)
#: It was once: where the entry is coded, its words are a concept's name and mean what they say. Somebody who writes "history of
#: COPD" may well mean one that is still there, so without a code it is left open.
_PAST_BEFORE: Final = re.compile(rf"\b(?:history of|h/o|hx of|past|previous|prior|old|healed){_FEW_WORDS}")
#: ICD-10-CM codes that say what an entry is. What vendors write into that system beside ("IMO0002") is none.
_CLASSIFIED: Final = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?")
#: Codes by which nobody has said what it is: illness, other symptom, other status, each unspecified (ICD-10-CM tabular).
_UNSPECIFIED: Final = frozenset({"R69", "R68.89", "Z78.9"})
#: Categories of ICD-10 in all its editions for what is not the patient's, or not there now: observation for suspected
#: conditions ruled out, screening, family history, personal history.
_OTHER_MATTERS: Final = frozenset(
    {"Z03", "Z11", "Z12", "Z13", "Z80", "Z81", "Z82", "Z83", "Z84", "Z85", "Z86", "Z87"}
)
_CATEGORY: Final = 3


def speaks_in_words(fact: Fact, test: CodeTest) -> bool:
    """Whether the words of an entry count for a leaf that none of its codes satisfies.

    ICD-10-CM classifies everything: one of its codes outside a leaf's families says no. The lists of all other systems are
    never complete, so a code outside them says nothing. Of what is no diagnosis, the name always counts.
    """
    if fact.kind is not Kind.CONDITION:
        return True
    return not any(_says_no(code, test) for code in fact.codes)


def _says_no(code: Code, test: CodeTest) -> bool:
    families = families_of(code)
    if not families:
        return False
    if code.code[:_CATEGORY] in _OTHER_MATTERS or not test.excluded.isdisjoint(families):
        return True
    return bool(test.families) and is_classified(code)


def is_classified(code: Code) -> bool:
    """Whether it is a code of ICD-10-CM that says what an entry is."""
    if code.system != System.ICD10CM or code.code in _UNSPECIFIED:
        return False
    return _CLASSIFIED.fullmatch(code.code) is not None


def denies_wholly(said: str) -> bool:
    """Whether words do no more than deny ("No known problems", "Family history of stroke"): nothing follows but what is denied."""
    return _ONLY_DENIED.fullmatch(said.strip(" .")) is not None


def is_about_others(question: str) -> bool:
    """Whether a question asks of the family."""
    return _OF_OTHERS.search(question) is not None


def is_denied_before(answer: str, start: int) -> bool:
    """Whether the words of an answer before a mention deny it: "not currently homeless"."""
    return _DENIED_BEFORE.search(answer[:start]) is not None


def is_mute(fact: Fact) -> bool:
    """Whether an entry has codes that classify nothing, and no words: it can be read only where a code is listed."""
    return not said_of(fact).strip() and not any(is_classified(code) for code in fact.codes)


def said_of(fact: Fact) -> str:
    """All words of an entry, in lower case: its text and the display of every coding."""
    return " ".join((fact.text, *[code.display for code in fact.codes])).casefold()


def mention(test: CodeTest, said: str) -> bool:
    """Whether words hold one that a leaf looks for."""
    return pattern_of(test.words).search(said) is not None


def asserts(test: CodeTest, said: str, *, coded: bool) -> bool:
    """Whether the words of a diagnosis say that what a leaf looks for is there: not denied, another's, feared or past."""
    kept = _without_exceptions(test, said)
    if _DENIED.search(kept):
        return False
    return any(
        not _is_undone(test, kept, found.start(), found.end(), coded=coded)
        for found in pattern_of(test.words).finditer(kept)
    )


def names_procedure(test: CodeTest, said: str) -> bool:
    """Whether the words of a procedure say that what a leaf looks for was done: not removed, talked about or foregone."""
    kept = _without_exceptions(test, said)
    return any(
        not (_UNDONE_BEFORE.search(kept[: found.start()]) or _UNDONE_AFTER.match(kept, found.end()))
        for found in pattern_of(test.words).finditer(kept)
    )


def _without_exceptions(test: CodeTest, said: str) -> str:
    """The words without those that a leaf excepts; none at all where an exception stands beside what was looked for."""
    if not test.except_words or not (excepted := pattern_of(test.except_words)).search(said):
        return said
    if any(not mention(test, found[0]) for found in excepted.finditer(said)):
        return ""
    return excepted.sub(" ", said)


def _is_undone(test: CodeTest, said: str, start: int, end: int, *, coded: bool) -> bool:
    """Whether what stands around a mention says that it is not there, not yet, no longer, or another's."""
    before = said[:start]
    if _NOT_BEFORE.search(before) or _NOT_AFTER.match(said, end) or _is_anothers(said, start, end):
        return True
    risk = _RISK_BEFORE.search(before) or _RISK_AFTER.match(said, end)
    fear = _FEAR_BEFORE.search(before)
    past = _FORMER_BEFORE.search(before) or (coded and _PAST_BEFORE.search(before))
    aspects = ((EvenAs.RISK, risk), (EvenAs.FEAR, fear), (EvenAs.HISTORY, past))
    return any(found and aspect not in test.even_as for aspect, found in aspects)


def _is_anothers(said: str, start: int, end: int) -> bool:
    if _AFTER_BIRTH.search(said):
        return False
    return bool(_ANOTHER_BEFORE.search(said[:start]) or _ANOTHER_AFTER.match(said, end))


@lru_cache(maxsize=1024)
def pattern_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds any of the words, each as a whole."""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b")
