"""The book's page in a real Chromium: read by axe, at desk and phone width, in light and dark."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from playwright.sync_api import expect
from portillon_cloud.members.tables import legal_entity
from sqlalchemy import update

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_axe_finds_nothing_on_the_book(visitor, axe, gym):
    """With every fold open and the files of a French book; and no page is wider than its window."""
    with gym.services.db.write() as conn:
        conn.execute(update(legal_entity).values(tax_regime="fr"))
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    for viewport in (DESK, PHONE):
        page.set_viewport_size(viewport)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            for path in ("/books", "/audit"):
                visitor.go(path)
                page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
                assert violations(page, axe) == [], path
                assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path


def test_axe_finds_nothing_on_entries_takings_acts_and_a_write_off(visitor, axe, gym):
    """A payer found and chosen, and everything folded out; on a desk in light, on a phone in dark."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    paths = ("/books/entries?who=a", "/books/entries?payer=1", "/books/takings", "/books/acts", "/invoices/1")
    for viewport, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for path in paths:
            visitor.go(path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
            assert violations(page, axe) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path


def test_cash_is_entered_and_an_invoice_written_off_with_the_keyboard_alone(visitor, gym):
    """From the book to an entry, and from an invoice to a loss; then both stand under who did what."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    visitor.go("/books")
    page.get_by_role("link", name="Entries by hand").press("Enter")
    page.get_by_label("What happened").focus()
    page.keyboard.type("Cash brought")
    page.keyboard.press("Tab")
    page.keyboard.type("120.50")
    page.get_by_label("Reason, kept with it").focus()
    page.keyboard.type("Monday's till")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The entry is in the book.")
    visitor.go(f"/invoices/{gym.invoices[0]}")
    page.locator("#write-off summary").press("Enter")
    page.get_by_label("Reason, kept with it").focus()
    page.keyboard.type("moved away")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is written off")
    visitor.go("/books/acts")
    expect(page.get_by_role("row", name="moved away")).to_contain_text("Invoice written off")
    expect(page.get_by_role("row", name="Monday's till")).to_contain_text("Cash brought to the bank")
