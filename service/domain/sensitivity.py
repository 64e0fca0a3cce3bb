"""Sensitivity labels (HL7 v3 ActCode) and what each reader may see of what carries them.

Labels flow from a source to everything derived from it: need, goal, referral, task, narrative.
"""

from collections.abc import Iterable
from enum import StrEnum


class Label(StrEnum):
    """ActCode information sensitivity labels that Homeward knows."""

    SDV = "SDV"
    VIO = "VIO"
    SUD = "SUD"
    ETH = "ETH"
    ETHUD = "ETHUD"
    OPIOIDUD = "OPIOIDUD"
    PART2 = "42CFRPart2"
    BH = "BH"
    MH = "MH"
    PSY = "PSY"
    PSYTHPN = "PSYTHPN"
    SEX = "SEX"
    PREGNANT = "PREGNANT"
    STD = "STD"
    HIV = "HIV"
    MST = "MST"
    GDIS = "GDIS"
    COGN = "COGN"
    DVD = "DVD"
    EMOTDIS = "EMOTDIS"
    SPI = "SPI"
    SICKLE = "SICKLE"
    TBOO = "TBOO"
    SSP = "SSP"


Labels = frozenset[Label]
NONE: Labels = frozenset()
#: Another person may read the patient's own sheet, so nothing of these stands on it.
VIOLENCE: Labels = frozenset({Label.SDV, Label.VIO, Label.MST, Label.SSP})


class PatientSheet(StrEnum):
    """How an item may stand on the sheet that the patient takes home."""

    AS_IT_IS = "as it is"
    NEUTRAL = "neutral words"
    WITHHELD = "withheld"


def merge(sources: Iterable[Labels]) -> Labels:
    """All labels of all sources: a derived item is as sensitive as everything it came from."""
    return frozenset().union(*sources)


def may_be_shared(labels: Labels) -> bool:
    """Whether an item may stand in a resource that portals and proxies read whole (CarePlan, DocumentReference)."""
    return not labels


def on_patient_sheet(labels: Labels) -> PatientSheet:
    """Violence, abuse and shelters are withheld; other sensitive care stands in neutral words (45 CFR 164.524)."""
    if labels & VIOLENCE:
        return PatientSheet.WITHHELD
    return PatientSheet.NEUTRAL if labels else PatientSheet.AS_IT_IS
