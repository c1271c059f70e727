"""The front desk in a real Chromium: read by axe on desk and phone, and used with the keyboard alone."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from playwright.sync_api import expect
from portillon_cloud.identity.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_from_a_number_to_an_open_door(visitor, axe):
    """With the keyboard alone: type the number, read why not, press the one button, read that the door opens."""
    visitor.sign_in(Role.DESK)
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.get_by_role("link", name="Desk", exact=True).press("Enter")
    expect(page.get_by_label("Number, card or name")).to_be_focused()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Amélie Tremblay")).to_be_visible()
    expect(page.get_by_text("No: dues are unpaid")).to_be_visible()
    expect(page.get_by_text("Take a payment of $68.97")).to_be_visible()
    for viewport, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.get_by_label("How many").fill("3")
    page.get_by_label("Reason, kept with it").nth(1).fill("lost her job")
    page.get_by_role("button", name="Show the instalments").press("Enter")
    expect(page.get_by_role("button", name="Agree on it")).to_be_visible()
    assert violations(page, axe) == []
    page.get_by_label("Cheque").check()
    page.get_by_role("button", name="Record the payment").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The payment is recorded.")
    expect(page.locator(".desk-answer .answer strong")).to_have_text("Yes")
    page.get_by_role("link", name="$68.97 Receipt").press("Enter")
    expect(page.get_by_role("heading", name="Receipt R-1")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    visitor.go("/desk?q=ro")
    assert violations(page, axe) == []


def test_axe_finds_nothing_on_the_limits(visitor, axe):
    """The owner's page of what the desk may do alone, on a phone in the dark."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    visitor.go("/desk/limits")
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
