"""Charlson comorbidities of the diagnoses that count (Quan 2005 codes), with the weights of the index and of LACE."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.domain.codes import Code
from service.domain.content import Comorbidity, families_of
from service.domain.evidence import Evidence
from service.pipeline.assess.citing import once
from service.pipeline.assess.findings import Findings


@dataclass(frozen=True, slots=True)
class Comorbid:
    """A category the patient has, and the statements that say so."""

    category: Comorbidity
    evidence: tuple[Evidence, ...] = ()


def categories_of(codes: Iterable[Code], table: Sequence[Comorbidity]) -> tuple[Comorbidity, ...]:
    """The categories of these codes, without those that a worse one takes the place of, in the table's order."""
    exact, families = set[tuple[str, str]](), set[str]()
    for code in codes:
        exact.add((code.system, code.code))
        families.update(families_of(code))
    found = [one for one in table if not (families.isdisjoint(one.families) and exact.isdisjoint(one.codes))]
    replaced = {one.instead_of for one in found}
    return tuple(one for one in found if one.name not in replaced)


def charlson_index(codes: Iterable[Code], table: Sequence[Comorbidity]) -> int:
    """Charlson's 1987 index without age, of the categories that are his: LACE alone knows severe renal disease."""
    his = [one for one in table if one.charlson is not None]
    return sum(one.charlson or 0 for one in categories_of(codes, his))


def lace_comorbidity(categories: Iterable[Comorbidity]) -> int:
    """The sum of LACE's own weights (van Walraven 2010), not yet capped."""
    return sum(one.lace for one in categories)


def comorbidities(findings: Findings) -> tuple[Comorbid, ...]:
    """What the record's diagnoses make, each category with its evidence."""
    table = findings.content.comorbidities
    coded = [(fact, code, firm) for fact, firm in findings.conditions for code in fact.codes]
    return tuple(
        Comorbid(
            category,
            once(
                findings.citing.fact(fact, code, firm) for fact, code, firm in coded if _is_in(code, category)
            ),
        )
        for category in categories_of({code for _, code, _ in coded}, table)
    )


def _is_in(code: Code, category: Comorbidity) -> bool:
    return (code.system, code.code) in category.codes or any(
        family in category.families for family in families_of(code)
    )
