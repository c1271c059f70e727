"""Pages of money in a real Chromium: readable for everybody, by keyboard alone, in both languages, on a phone."""

import os

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from cloud.web.test_payer_pages import make_busy_payer
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def look(page: Page, axe: str, name: str) -> None:
    """Nothing that axe-core minds, nothing wider than a phone; kept as a picture if somebody wants to look."""
    for size, kind in ((DESK, "desk"), (PHONE, "phone")):
        page.set_viewport_size(size)
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{shots}/{name}-{kind}.png", full_page=True)


def test_who_pays_is_read_and_paid_back_by_keyboard(visitor, axe, gym):
    """The account's page with everything on it, in both languages; credit is paid back without a mouse."""
    account_id = make_busy_payer(gym)
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    visitor.go(f"/accounts/{account_id}")
    look(page, axe, "payer-en")
    page.locator("#pay-back summary").press("Enter")
    page.get_by_label("Reason, kept with it").fill("moved away")
    page.locator("#pay-back button").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("waits to be paid back")
    page.get_by_role("button", name="Français").press("Enter")
    expect(page.get_by_role("heading", name="Ce qui est payé")).to_be_visible()
    look(page, axe, "payer-fr")
    visitor.go(f"/accounts/{gym.accounts[0]}")
    look(page, axe, "payer-owed-fr")


def test_something_is_sold_and_taken_back_by_keyboard(visitor, axe, gym):
    """Typed, shown with its taxes, sold, and one of two taken back, without a mouse."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    visitor.go(f"/accounts/{gym.accounts[11]}/sale")
    page.get_by_label("What it is, as the invoice says it").first.fill("Towel")
    page.get_by_label("How many").first.fill("2")
    page.get_by_label("One costs (CAD)").first.fill("10.00")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What it comes to")).to_be_visible()
    look(page, axe, "sale-en")
    page.get_by_role("button", name="Sell it").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is sold")
    page.get_by_role("group", name="Invoices, and what settled them").get_by_role("link").press("Enter")
    page.get_by_role("link", name="Take something back").press("Enter")
    page.get_by_label("Towel").fill("1")
    page.get_by_label("Reason, as the credit note says it").fill("wrong colour")
    look(page, axe, "sale-return-en")
    page.get_by_role("button", name="Take them back").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is taken back")


def test_the_way_out_is_asked_for_by_keyboard(visitor, axe, gym):
    """Without a link and without a password, in both languages: the form, what was wrong with it, the answer."""
    for language, button in (("en", "Send me the link"), ("fr", "M’envoyer le lien")):
        visitor.go(f"/gym/{gym.organisation_id}/leave?language={language}")
        look(visitor.page, axe, f"leave-asked-{language}")
        visitor.page.locator("#email").fill("m3@a.example")
        visitor.page.get_by_role("button", name=button).press("Enter")
        expect(visitor.page.get_by_role("status")).to_contain_text("m3@a.example")
        look(visitor.page, axe, f"leave-sent-{language}")


def test_pages_for_owners_are_readable_by_everybody(visitor, axe, gym):
    """The forecast's bounds, and who brought whom, in both languages."""
    visitor.sign_in()
    visitor.page.wait_for_url("**/sites/1")
    for language in ("en", "fr"):
        if language == "fr":
            visitor.page.get_by_role("button", name="Français").press("Enter")
        for path in ("/books/forecast", "/referrals?new=morin&by=lavoie"):
            visitor.go(path)
            look(visitor.page, axe, f"{path.rpartition('/')[2].partition('?')[0]}-{language}")
