"""How much help the patient needs with daily activities, as the functional scores and the patient say."""

from dataclasses import dataclass
from enum import IntEnum

from service.domain.evidence import Evidence
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.scores import Scored


class Level(IntEnum):
    """Help needed, most first."""

    MOST = 0  # with most activities: a facility, or someone there at all times
    SOME = 1  # with some: home with services
    LITTLE = 2


#: instrument → (score below which most help is needed, score from which little is), of the source tables.
_CUTS: dict[str, tuple[float, float]] = {
    "barthel": (70, 85),
    "katz": (3, 5),
    "am-pac-mobility": (42.91, 42.91),
    "am-pac-activity": (39.41, 39.41),
}


@dataclass(frozen=True, slots=True)
class Function:
    """The lowest level that any valid score shows; None when none was recorded."""

    level: Level | None
    evidence: tuple[Evidence, ...] = ()


#: AHC: help with daily activities, and the answer "I don't need any help".
_HELP, _NO_HELP = "96781-0", "LA31976-6"


def function_of(findings: Findings) -> Function:
    """Daily function from Barthel, Katz and AM-PAC, else from the patient's word that no help is needed.

    Scores known only by a name decide nothing.
    """
    scores = [findings.scores[name] for name in _CUTS if name in findings.scores]
    usable = [one for one in scores if one.complete and not one.named_only]
    if not usable:
        return _own_word(findings)
    lowest = min(_level(one) for one in usable)
    return Function(lowest, tuple(e for one in usable if _level(one) is lowest for e in one.evidence))


def _own_word(findings: Findings) -> Function:
    said = findings.answers.get(_HELP)
    if said is None or said.codes != {_NO_HELP}:
        return Function(None)
    return Function(Level.LITTLE, said.evidence)


def _level(scored: Scored) -> Level:
    most, little = _CUTS[scored.instrument.id]
    if scored.low < most:
        return Level.MOST
    return Level.LITTLE if scored.low >= little else Level.SOME
