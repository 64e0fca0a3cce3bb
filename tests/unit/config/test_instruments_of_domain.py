"""The screening tools that social workers and nurses use are all read."""

from config.content import load_content

#: LOINC of the panel or of the total, for each tool; the last four have no LOINC panel of their own.
PANELS = {
    "96777-8", "93025-5", "88121-9", "55757-9", "44249-1", "93373-9", "76499-3", "70274-6", "75626-2", "82667-7",
    "59460-6", "38227-5", "72233-0", "72172-0", "79529-4",
}  # fmt: skip
LOCAL = {"katz", "barthel", "clinical-frailty-scale", "zarit"}


def test_every_tool_of_the_domain_is_an_instrument() -> None:
    content = load_content()
    known = {code for one in content.instruments.values() for code in one.panels}
    known |= {code for one in content.instruments.values() if one.scoring for code in one.scoring.totals}
    assert known >= PANELS
    assert all(any(name in one for one in content.instruments) for name in LOCAL)
