"""Hospital Frailty Risk Score (Gilbert 2018), for people of 75 years and older."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from service.domain.codes import Code
from service.domain.content import FrailtyGroup, families_of
from service.domain.evidence import Certainty
from service.domain.record import Fact
from service.domain.risk import RiskScore, ScorePart
from service.pipeline.assess.citing import once
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.risk.points import Bands, add_up, known, missing
from service.pipeline.assess.words import denies_wholly, said_of

_OLD = 75
_BANDS: Bands = ((0, "low"), (5, "intermediate"), (15.1, "high"))
#: A diagnosis by one of its codes: whose it is, the code, how firm.
_Coded = tuple[Fact, Code, Certainty]


def hfrs_of(findings: Findings) -> RiskScore | None:
    """HFRS, the sum of the weights of the groups found: low below 5, intermediate to 15, high above.

    None for the young and for those whose age is not known. Each group counts once.
    """
    age = findings.record.patient.age_on(findings.today)
    if age is None or age < _OLD:
        return None
    groups = findings.content.frailty
    coded = _by_family(findings)
    if not coded:
        most = sum(group.weight for group in groups)
        unread = missing("Frailty diagnoses", "The record holds no diagnosis coded in ICD-10.", high=most)
        return add_up("HFRS", "2018", (unread,), _BANDS)
    found = {group.name: part for group in groups if (part := _part(group, coded, findings)) is not None}
    parts = [*found.values(), *_uncoded(findings, [group for group in groups if group.name not in found])]
    return add_up("HFRS", "2018", parts, _BANDS)


def _uncoded(findings: Findings, left: Sequence[FrailtyGroup]) -> Sequence[ScorePart]:
    """What the diagnoses without a code of ICD-10 could add: each at most one of the groups that are left."""
    stay = findings.record.encounter.reference
    uncoded = {
        fact.reference
        for fact, _ in findings.conditions
        if fact.reference != stay
        and not any(map(families_of, fact.codes))
        and not denies_wholly(said_of(fact))
    }
    if not uncoded:
        return ()
    most = sum(sorted((group.weight for group in left), reverse=True)[: len(uncoded)])
    counted = "1 diagnosis is" if len(uncoded) == 1 else f"{len(uncoded)} diagnoses are"
    return (missing("Frailty diagnoses", f"{counted} not coded in ICD-10.", high=most),)


def _by_family(findings: Findings) -> Mapping[str, Sequence[_Coded]]:
    """The diagnoses coded in ICD-10, under every family to which one of their codes belongs."""
    coded: dict[str, list[_Coded]] = defaultdict(list)
    for fact, firm in findings.conditions:
        for code in fact.codes:
            for family in families_of(code):
                coded[family].append((fact, code, firm))
    return coded


def _part(group: FrailtyGroup, coded: Mapping[str, Sequence[_Coded]], findings: Findings) -> ScorePart | None:
    found = [said for family in group.families for said in coded.get(family, ())]
    if not found:
        return None
    cited = once(findings.citing.fact(fact, code, firm) for fact, code, firm in found)
    return known(group.name, group.weight, f"{group.name}: {group.weight:g}", cited)
