"""Languages as records name them, in tags, ISO codes and words, → one BCP 47 tag for each.

A tag here is the shortest code of the language with the script and region that were given ("es-MX"); of what is within
another language (Mandarin and Cantonese within Chinese) each keeps its own, as an interpreter for one does not help the other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.domain.unstated import fold, is_no_code, says_nothing

_SCRIPT, _REGION_LETTERS, _REGION_DIGITS, _ISO_639_3 = 4, 2, 3, 3
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")
#: A tag that stands where words should; "Non-English" is none.
_WRITTEN_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?")
#: Codes that ISO 639 leaves to private use.
_PRIVATE = re.compile(r"q[a-t][a-z]")
_BETWEEN = re.compile(r"[;,/()\[\]{}|:+&*]|\s-\s|[\u2013\u2014]|\b(?:and|or)\b")
#: Words beside the name of a language that change nothing.
_FILLING = frozenset(
    {
        *(
            "",
            "language",
            "languages",
            "speaking",
            "spoken",
            "written",
            "primary",
            "preferred",
            "only",
            "modern",
        ),
        *(
            "simplified",
            "traditional",
            "standard",
            "region",
            "other",
            "speaker",
            "speaks",
            "american",
            "british",
        ),
        *(
            "mexican",
            "brazilian",
            "european",
            "canadian",
            "australian",
            "latin american",
            "latino",
            "us",
            "uk",
            "usa",
            "deaf",
            "signed",
        ),
        *(
            "caribbean",
            "african",
            "castilian",
            "swiss",
            "austrian",
            "peninsular",
            "north american",
            "u s",
            "intl",
        ),
    }
)
#: Two letters that are a language's code and, written as an answer, more often something else.
_NO_TAGS = frozenset({"no", "na"})
#: The national sign languages that BCP 47 lets stand as sgn with a region.
_SIGNED = {
    "us": "ase",
    "gb": "bfi",
    "mx": "mfs",
    "fr": "fsl",
    "de": "gsg",
    "br": "bzs",
    "jp": "jsl",
    "ru": "rsl",
}


@dataclass(frozen=True, slots=True)
class LanguageTable:
    """What languages are called: names by tag, tags by code and by folded word, what each is within, places."""

    names: Mapping[str, str]
    codes: Mapping[str, str]
    words: Mapping[str, str]
    within: Mapping[str, str]
    regions: frozenset[str]

    def read_tag(self, code: str) -> str:
        """The tag of a BCP 47 tag, a locale (en_US.UTF-8) or an ISO 639 code in any case; "" if it names no language."""
        said = re.split(r"[.@|]", code.strip())[0].replace("_", "-").lower().removeprefix("i-")
        if not _TAG.fullmatch(said):
            return self.words.get(fold(said), "")
        first, *more = said.split("-")
        if first == "sgn" and more and more[0] in _SIGNED:
            return _SIGNED[more[0]]
        inner = next((self.codes[part] for part in more if self._is_within(part, first)), "")
        found = inner or self.codes.get(first) or (first if _may_be_code(first) else "")
        return "-".join((found, *_script_and_region(more))) if found else ""

    def read_words(self, text: str) -> str:
        """The tag of a language named in words ("Chinese (Mandarin)", "Español", "English - US"); "" if it is not one."""
        if says_nothing(text):
            return ""
        said = fold(text)
        if found := self.words.get(said):
            return found
        pieces = [fold(piece) for piece in _BETWEEN.split(text.casefold())]
        if found := self.words.get(" ".join(filter(None, reversed(pieces)))):
            return found
        if self._is_known_tag(text):
            return self.read_tag(text)
        named = [self._word(piece) for piece in pieces if piece not in _FILLING | self.regions]
        return self.narrow(filter(None, named)) if all(named) else ""

    def narrow(self, tags: Iterable[str]) -> str:
        """The one language that all these tags may mean, the narrowest of them; "" if they contradict each other."""
        found = list(dict.fromkeys(tags))
        kept = [
            tag
            for number, tag in enumerate(found)
            if not any(
                self._says_less(tag, other, other_is_first=at < number) for at, other in enumerate(found)
            )
        ]
        return kept[0] if len(kept) == 1 else ""

    def differs(self, one: str, other: str) -> bool | None:
        """Whether two tags are different languages; None where one is only known to be within the other, or not at all."""
        first, second = primary(one), primary(other)
        if not first or not second:
            return None
        if first == second:
            return False
        return None if first == self.within.get(second) or second == self.within.get(first) else True

    def name(self, tag: str) -> str:
        """What a language is called in English; its tag where it has no name here."""
        return self.names.get(primary(tag), tag)

    def is_signed(self, tag: str) -> bool:
        """Whether it is a sign language, which nobody writes."""
        return "sgn" in {primary(tag), self.within.get(primary(tag))}

    def _is_within(self, part: str, whole: str) -> bool:
        known = self.codes.get(part, "")
        return bool(known) and self.within.get(known) == self.codes.get(whole)

    def _is_known_tag(self, text: str) -> bool:
        said = re.split(r"[.@]", text.strip())[0].replace("_", "-").lower()
        first, *more = said.split("-")
        if said in _NO_TAGS or first not in self.codes:
            return False
        return bool(_WRITTEN_TAG.fullmatch(said)) or any(self._is_within(part, first) for part in more)

    def _word(self, piece: str) -> str:
        """The language of one piece, with an adjective or a country beside its name or without."""
        if found := self.words.get(piece):
            return found
        tokens = piece.split()
        for cut in range(1, len(tokens)):
            for name, rest in ((tokens[cut:], tokens[:cut]), (tokens[:-cut], tokens[-cut:])):
                if " ".join(rest) in _FILLING | self.regions and (found := self.words.get(" ".join(name))):
                    return found
        return ""

    def _says_less(self, tag: str, other: str, *, other_is_first: bool) -> bool:
        """Whether the other tag says the same or more: a language within this one, a region, or the same before."""
        if primary(tag) == primary(other):
            return other_is_first if ("-" in tag) == ("-" in other) else "-" in other
        return self.within.get(primary(other)) == primary(tag)


def primary(tag: str) -> str:
    """The language of a tag without its script and region: es of es-MX."""
    return tag.partition("-")[0].lower()


def _may_be_code(code: str) -> bool:
    """Whether it may be one of the thousands of ISO 639-3 codes that the table leaves out."""
    return len(code) == _ISO_639_3 and not is_no_code(code) and not _PRIVATE.fullmatch(code)


def _script_and_region(parts: Iterable[str]) -> Iterable[str]:
    for part in parts:
        if len(part) == _SCRIPT and part.isalpha():
            yield part.title()
        elif (len(part) == _REGION_LETTERS and part.isalpha()) or (
            len(part) == _REGION_DIGITS and part.isdigit()
        ):
            yield part.upper()
