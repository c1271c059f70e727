"""The ladder in a real Chromium: read by axe on desk and phone, and changed with the keyboard alone."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_axe_and_the_keyboard(visitor, axe):
    """Nothing is found on any ladder in light and dark, no page is wider than its window, and Enter saves."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    for viewport, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for path in ("/dunning", "/dunning?failure=hard"):
            visitor.go(path)
            assert violations(page, axe) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
    page.set_viewport_size(DESK)
    visitor.go("/unpaid")
    page.get_by_role("link", name="How unpaid dues are chased").press("Enter")
    page.get_by_label("Charge again on days").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("2, 4")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("What is shut goes by it at once")
    expect(page.get_by_label("Charge again on days")).to_have_value("2, 4")
