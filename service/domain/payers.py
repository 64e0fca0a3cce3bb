"""What an insurance pays for and whose it is, by the codes and names of `config/terminology/payers.csv`.

The name of an insurer that no line knows is an insurance; what says that there is none, that it is applied for, that it
pays for some care only, or that nobody knows, is not.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import NamedTuple

from service.domain.codes import Code, System
from service.domain.record import Coverage
from service.domain.unstated import fold, is_no_code, says_nothing


class Cover(StrEnum):
    """What an insurance is worth to a patient who leaves the hospital."""

    INSURED = "insured"
    LIMITED = "limited"
    PENDING = "pending"
    NONE = "none"
    UNKNOWN = "unknown"


class Payer(StrEnum):
    """Whose insurance it is, where that brings duties or rights."""

    MEDICARE = "medicare"
    MEDICAID = "medicaid"
    MILITARY = "military"


class Meaning(NamedTuple):
    """What one code or phrase says. A weak one gives way to any other payer."""

    cover: Cover
    payers: frozenset[Payer] = frozenset()
    weak: bool = False


#: Of an insurer that no line knows.
_NAMED = Meaning(Cover.INSURED)
#: Which of several statements about one insurance decides; a code for real cover and words for none contradict each other.
_ORDER = (Cover.PENDING, Cover.NONE, Cover.LIMITED, Cover.INSURED)


@dataclass(frozen=True, eq=False)
class PayerTable:
    """Meanings by code, by the beginning of a code of the payment typology, by a whole name, and by a phrase in a name."""

    codes: Mapping[tuple[str, str], Meaning] = field(default_factory=dict)
    typology: Mapping[str, Meaning] = field(default_factory=dict)
    names: Mapping[str, Meaning] = field(default_factory=dict)
    phrases: Mapping[str, Meaning] = field(default_factory=dict)

    def read(self, coverage: Coverage) -> Meaning:
        """All that one insurance says of itself, together."""
        meant = [(code, self._of_code(code)) for code in coverage.types]
        coded = [meaning for _, meaning in meant if meaning]
        words = (
            *(coverage.names or (coverage.payor,)),
            *(_shown(code) for code, meaning in meant if not meaning),
        )
        said = [meaning for name in words for meaning in self._of_name(name)]
        hints = (*coverage.hints, *(code.code for code, meaning in meant if not meaning))
        said += [meaning for hint in hints for meaning in self._of_hint(hint)]
        payers = _payers_of((*coded, *said))
        covers = {meaning.cover for meaning in (*coded, *said)}
        if coverage.paid_by_person and not covers & {Cover.INSURED, Cover.LIMITED, Cover.PENDING}:
            return Meaning(Cover.NONE, payers)
        if Cover.NONE in covers and self._contradict(coded, said):
            return Meaning(Cover.UNKNOWN, payers)
        return Meaning(next((cover for cover in _ORDER if cover in covers), Cover.UNKNOWN), payers)

    def _contradict(self, coded: Iterable[Meaning], said: Iterable[Meaning]) -> bool:
        """Whether one part names a payer or real cover that we know and another says that there is none."""
        known = {meaning.cover for meaning in coded} | {
            meaning.cover for meaning in said if meaning is not _NAMED
        }
        return {Cover.NONE, Cover.INSURED} <= known and Cover.PENDING not in known

    def _of_code(self, code: Code) -> Meaning | None:
        if is_no_code(code.code):
            return None
        if code.system == System.SOPT:
            return self._of_typology(code.code)
        known = self.codes.get((code.system, code.code.upper()))
        return known or (self._of_bare_code(code) if not code.system else None)

    def _of_typology(self, code: str) -> Meaning | None:
        beginnings = (code[:length] for length in range(len(code), 0, -1))
        return next((self.typology[part] for part in beginnings if part in self.typology), None)

    def _of_bare_code(self, code: Code) -> Meaning | None:
        """A code that came without its system."""
        if code.code in _BARE_TYPOLOGY:
            return self._of_typology(code.code)
        found = [
            self.codes[key] for key in ((system, code.code.upper()) for system in _BARE) if key in self.codes
        ]
        return found[0] if found else None

    def _of_name(self, name: str) -> Iterator[Meaning]:
        """What a name says by itself or by phrases in it; a name that nothing is known of is an insurer's."""
        found = self._of_hint(name)
        yield from found
        if not (found or says_nothing(name)):
            yield _NAMED

    def _of_hint(self, words: str) -> tuple[Meaning, ...]:
        return self._known_names(words) if len(words) <= _LONGEST_KNOWN else self._find_phrases(words)

    @cached_property
    def _known_names(self) -> Callable[[str], tuple[Meaning, ...]]:
        """A hospital's patients share a few hundred names of payers."""
        return lru_cache(maxsize=1024)(self._find_phrases)

    def _find_phrases(self, words: str) -> tuple[Meaning, ...]:
        said = fold(words)
        if said in self.names:
            return (self.names[said],)
        return tuple(self.phrases[phrase] for phrase in self._pattern.findall(said))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Longer phrases first: what "Medicare supplement" says, "Medicare" in it does not."""
        longest = sorted(self.phrases, key=len, reverse=True)
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest))})\b") if longest else re.compile(r"(?!)")


#: Longer names are not remembered: whoever sends such wants our memory.
_LONGEST_KNOWN = 256
#: Codes of the payment typology that hardly mean anything else where they come without it.
_BARE_TYPOLOGY = frozenset({"81", "9999"})
#: Systems whose codes are also sent without one.
_BARE = (System.ACT_CODE, System.SELF_PAY)


def _shown(code: Code) -> str:
    """The words of a type that no line knows: those of a hospital's own code, and a code that is words and no number."""
    if is_no_code(code.code):
        return ""
    is_word = code.system in {"", System.TEXT} and not code.code.isdecimal()
    return code.display or (code.code if is_word else "")


def _payers_of(meanings: Iterable[Meaning]) -> frozenset[Payer]:
    known = list(meanings)
    strong = frozenset(payer for meaning in known if not meaning.weak for payer in meaning.payers)
    return strong or frozenset(payer for meaning in known for payer in meaning.payers)
