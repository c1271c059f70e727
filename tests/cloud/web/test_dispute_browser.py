"""Disputes, questions and money to pay back in a real Chromium: readable for everybody, by keyboard, on a phone."""

import pytest
from cloud.web.test_dispute_pages import make_disputes, make_payouts
from cloud.web.test_payer_browser import look
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_dispute_is_answered_by_keyboard(visitor, axe, gym):
    """A question is written down on its invoice, a bank answered, a payout paid, without a mouse; then in French."""
    make_payouts(gym)
    make_disputes(gym)
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    visitor.go(f"/invoices/{gym.invoices[0]}")
    page.locator("#ask summary").press("Enter")
    page.get_by_label("What they ask").fill("Why is it so much?")
    page.get_by_role("button", name="Note it").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Nothing of this invoice is charged")
    look(page, axe, "questions-en")
    visitor.go("/payouts")
    look(page, axe, "payouts-en")
    page.get_by_role("button", name="It is paid").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("it is paid out")
    visitor.go("/disputes")
    first = page.get_by_role("article").first
    first.get_by_text("Hand documents in").press("Enter")
    look(page, axe, "disputes-en")
    first.get_by_label("Contract with their signature").set_input_files(
        {"name": "contract 17.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    )
    first.get_by_label("Answer to the bank").fill("They signed, and were here ten times.")
    first.get_by_role("button", name="Send it to the bank").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The bank has your answer")
    page.get_by_text("What happened so far").first.press("Enter")
    expect(page.get_by_text("Handed in: contract 17.pdf").first).to_be_visible()
    page.get_by_role("button", name="Français").press("Enter")
    expect(page.get_by_role("heading", name="Contestations")).to_be_visible()
    look(page, axe, "disputes-fr")
    visitor.go("/payouts")
    look(page, axe, "payouts-fr")
    visitor.go("/questions")
    look(page, axe, "questions-fr")
