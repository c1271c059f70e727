"""Plans, prices and coupons in a real Chromium: read by axe on desk and phone, and used with the keyboard alone."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from playwright.sync_api import expect
from portillon_cloud.billing.coupons import CouponTerms, make_coupon
from portillon_cloud.billing.offer import Gift

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_axe_finds_nothing_on_plans_and_coupons(visitor, axe, gym):
    """With every fold open, a price about to be sold and a coupon there; and no page is wider than its window."""
    with gym.services.db.write() as conn:
        gift = Gift(code="SPRING-26", share_ppm=200_000, cycles=3, waives_joining=True)
        make_coupon(conn, gym.organisation_id, CouponTerms(gift=gift, uses_most=50), by="Camille", now_ms=0)
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    for viewport, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for path in ("/plans", "/plans/1", "/coupons", "/plans/1?like=1"):
            visitor.go(path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
            assert violations(page, axe) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
        page.get_by_role("button", name="See who it is for").click()
        expect(page.get_by_role("heading", name="From now on it would be sold at")).to_be_visible()
        assert violations(page, axe) == []


def test_a_new_price_and_a_coupon_with_the_keyboard_alone(visitor):
    """From the navigation to a dearer price, with who keeps the old one read on the way; then a coupon, and its end."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.get_by_role("link", name="Plans", exact=True).press("Enter")
    page.get_by_role("link", name="Change Tout accès").press("Enter")
    page.get_by_role("link", name="Sell at a new price").press("Enter")
    page.get_by_label("Amount (CAD)").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("64.99")
    page.keyboard.press("Enter")
    expect(page.get_by_text("12 members have that price and keep it")).to_be_visible()
    page.get_by_role("button", name="Sell at this price").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("From now on it is sold at this price.")
    visitor.go("/coupons")
    page.get_by_label("Code").focus()
    page.keyboard.type("spring-26")
    page.keyboard.press("Tab")
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="SPRING-26")).to_be_visible()
    page.get_by_role("button", name="End now SPRING-26").press("Enter")
    expect(page.get_by_text("Ended")).to_be_visible()
