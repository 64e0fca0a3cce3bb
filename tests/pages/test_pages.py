"""The pages in a real browser: for everybody, by keyboard alone, on a small screen, and on paper."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from service.sandbox.inpatients import inpatients
from tests.pages.conftest import Ward
from tests.processes import wait_until

pytestmark = pytest.mark.pages

WHO = [one.id for one in inpatients()]
SIGNER = "Dana Example, MSW"
#: A shorter line is a word that stands everywhere ("routine", "Approve").
_A_WORD = 20
#: The tags of axe's rules that stand for WCAG 2.2 A and AA, and for what is simply good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _violations(page: Page) -> list[str]:
    """What axe finds, as rule and place; all that is folded up is unfolded before."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found: Any = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{one['id']} at {node['target']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("who", WHO)
def test_the_page_of_a_plan_bars_nobody(ward: Ward, page: Page, who: str) -> None:
    page.goto(ward.pages[who])
    assert page.locator("h1").inner_text().startswith("Discharge plan for ")
    assert _violations(page) == []


@pytest.mark.parametrize("query", ["", "?print=large"])
def test_the_patients_sheet_bars_nobody_and_is_as_large_as_asked(ward: Ward, page: Page, query: str) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(f"{ward.pages[WHO[0]]}/sheet{query}")
    assert page.locator("h1").count() == 1
    assert page.locator("section li").count() > 5
    assert _violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    points = page.evaluate("parseFloat(getComputedStyle(document.querySelector('li')).fontSize) * 72 / 96")
    assert (points >= 18) is bool(query)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_other_pages_bar_nobody_either(ward: Ward, page: Page, path: str) -> None:
    page.goto(f"{ward.url}{path}")
    assert page.locator("h1").count() == 1
    assert _violations(page) == []


def test_axe_would_find_something(page: Page) -> None:
    page.set_content("<html><body><img src='data:,'><input></body></html>")
    assert {one.partition(" ")[0] for one in _violations(page)} >= {"image-alt", "label", "html-has-lang"}


@pytest.mark.parametrize("who", [WHO[0], WHO[4]])
@pytest.mark.parametrize("width", [320, 1280])
def test_nobody_scrolls_sideways(ward: Ward, page: Page, who: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(ward.pages[who])
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_page_asks_nobody_else_and_runs_no_script(ward: Ward, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(ward.pages[WHO[0]])
    assert {urlsplit(one).netloc for one in asked} == {urlsplit(ward.url).netloc}
    assert page.locator("script").count() == 0


def _tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element with the focus matches the selector."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", wanted):
            return
    pytest.fail(f"Tab never came to {wanted}")


def test_the_first_tab_leads_past_the_navigation(ward: Ward, page: Page) -> None:
    page.goto(ward.pages[WHO[0]])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_plan_is_approved_by_keyboard_alone_and_the_ehr_is_told(ward: Ward, page: Page) -> None:
    who = inpatients()[0]
    page.goto(ward.pages[who.id])
    _tab_to(page, "section[aria-labelledby=decision] summary")
    page.keyboard.press("Enter")
    _tab_to(page, "section[aria-labelledby=decision] input[name=name]")
    page.keyboard.type(SIGNER)
    reason = page.locator("section[aria-labelledby=decision] form").first.locator("input[name=reason]")
    if reason.count():  # something blocks leaving
        _tab_to(page, "section[aria-labelledby=decision] input[name=reason]")
        page.keyboard.type("Her sister stays with her until it is settled")
    page.keyboard.press("Enter")
    assert "Approved." in page.get_by_role("status").first.inner_text()
    assert SIGNER in page.locator("section[aria-labelledby=decision]").inner_text()
    wait_until(
        lambda: {plan["status"] for plan in ward.hospital.ours(who, "CarePlan")} == {"active"},
        "the approval in the EHR",
    )


@pytest.mark.parametrize("who", WHO)
def test_paper_holds_nothing_that_is_sensitive_and_no_verdict(ward: Ward, page: Page, who: str) -> None:
    page.goto(ward.pages[who])
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    hidden = page.locator("section.sensitive").all_inner_texts()
    page.emulate_media(media="print")
    printed = page.locator("body").inner_text()
    assert "Sensitive: not in the EHR's shared plan" not in printed
    assert page.locator(".unprinted").count() > 0
    assert not any(one.is_visible() for one in page.locator(".unprinted").all())
    shown = page.locator("section:not(.sensitive)").all_inner_texts()
    telling = {line for part in hidden for line in part.splitlines() if len(line) > _A_WORD}
    open_lines = {line for part in shown for line in part.splitlines()}
    assert sorted(line for line in telling - open_lines if line in printed) == []
    assert "Readiness: the verdict stands on the plan's page, for the care team" in printed
    assert "not ready" not in printed
