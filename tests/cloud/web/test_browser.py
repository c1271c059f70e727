"""The pages in a real Chromium: they work, stay live, satisfy axe-core, and load nothing from anywhere else."""

import pytest
from cloud.web.alarm_maker import raise_alarm
from cloud.web.browser_window import DESK, PASSWORD, PHONE, Visitor, violations
from playwright.sync_api import expect
from portillon_cloud.gateways.tables import gateway_status
from portillon_cloud.identity.roles import Role
from portillon_cloud.identity.tables import staff_session
from sqlalchemy import update

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LATER_MS = 1_741_819_330_000  # 18:42:10 of the gym's business day: newer than every badge in it


def test_a_wrong_password_then_the_right_one(visitor):
    """The form says what is wrong, keeps the e-mail, and the right password opens the live page."""
    visitor.sign_in(password="not the right one")
    expect(visitor.page.get_by_role("alert")).to_have_text("The e-mail or the password is wrong.")
    expect(visitor.page.get_by_label("Password")).to_be_focused()
    assert [one for one in visitor.errors if "401" in one] == visitor.errors
    visitor.errors.clear()  # Chromium logs every answer above 399; this one is meant
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Vélo Mile-End")


def test_a_badge_appears_without_reloading(visitor, gym):
    """A badge at the lane is on the page by itself; the page was not loaded again; focus stays where it was."""
    visitor.sign_in()
    page = visitor.page
    expect(page.get_by_role("status")).to_have_text("Updating live")
    page.evaluate("window.notReloaded = true")
    pay = page.locator(f"#pay-{gym.invoices[0]}")
    pay.focus()
    gym.event("denied", at_ms=LATER_MS, door="lane-1", member=gym.members[2], reason="dues_unpaid")
    first = page.locator(".badges li").first
    expect(first).to_contain_text("Zoë R.")
    expect(first).to_contain_text("Refused: dues are unpaid")
    expect(page.locator(".lane").first).to_contain_text("Zoë R.")
    gym.event("granted", at_ms=LATER_MS + 5_000, door="lane-1", member=gym.members[7])
    expect(first).to_contain_text("May pass")
    gym.event("passage", at_ms=LATER_MS + 6_000, door="lane-1", member=gym.members[7])
    expect(first).to_contain_text("Went through")
    expect(page.get_by_text("98 passages", exact=True)).to_be_visible()
    expect(pay).to_be_focused()
    assert page.evaluate("window.notReloaded") is True


def test_a_gateway_that_goes_offline_is_seen(visitor, gym, services):
    """The lanes say that they decide alone, in words."""
    visitor.sign_in()
    expect(visitor.page.locator(".lane").first).to_contain_text("Ready")
    with services.db.write() as conn:
        conn.execute(update(gateway_status).values(online=False))
    expect(visitor.page.locator(".lane").first).to_contain_text("Cut off, deciding alone")
    expect(visitor.page.get_by_text("Offline, deciding alone")).to_be_visible()


def test_an_open_table_stays_open(visitor, gym):
    """What somebody opened is still open after the panel changed under it."""
    visitor.sign_in()
    table = visitor.page.locator("#attendance-table")
    table.locator("summary").click()
    gym.event("passage", at_ms=LATER_MS, member=gym.members[1])
    expect(visitor.page.get_by_text("98 passages", exact=True)).to_be_visible()
    expect(table).to_have_attribute("open", "")
    expect(table.locator("tbody tr").last).to_contain_text("14")


def test_signing_out_elsewhere_ends_the_live_page(visitor, services, gym):
    """The page goes to sign-in by itself when its session is over."""
    visitor.sign_in()
    expect(visitor.page.get_by_role("status")).to_have_text("Updating live")
    with services.db.write() as conn:
        conn.execute(staff_session.delete())
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible(timeout=15_000)


def test_a_payment_at_the_desk_with_the_keyboard_alone(visitor, gym):
    """From the live page to a paid invoice without a mouse."""
    visitor.sign_in(Role.DESK)
    page = visitor.page
    page.locator(f"#pay-{gym.invoices[0]}").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Amount received (CAD)")).to_have_value("68.97")
    page.get_by_label("Amount received (CAD)").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Cash")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The payment is recorded.")
    expect(page.get_by_text("Paid", exact=True)).to_be_visible()


def test_english_and_french(visitor):
    """One press changes everything, the page's own language included, and it stays."""
    visitor.sign_in()
    page = visitor.page
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Derniers badges")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    visitor.go("/unpaid")
    expect(page.get_by_role("heading", level=1)).to_have_text("Impayés")
    expect(page.get_by_text("68,97\u00a0$").first).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Unpaid")


PAGES = (
    "/sites/1", "/sites/1/doors", "/alarms", "/members", "/members/1", "/members/12", "/notices", "/unpaid",
    "/shared-passes", "/members/1/profile",
    "/invoices/1", "/invoices/1/pay",
)  # fmt: skip


def test_axe_finds_nothing_before_sign_in(visitor, axe):
    """The sign-in page and the page that says no."""
    for path in ("/sign-in", "/sign-in?language=fr"):
        visitor.go(path)
        assert not violations(visitor.page, axe)
    visitor.go("/nothing-here")
    assert not violations(visitor.page, axe)
    visitor.errors.clear()  # the 404 is meant


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_on_any_page(visitor, axe, gym, scheme, viewport):
    """Contrast, names, roles, order: in light and dark, at desk and phone width, with everything folded out."""
    raise_alarm(gym, "fire", by="fire-loop")
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(viewport)
    for path in PAGES:
        visitor.go(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert violations(page, axe) == [], path


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_pin_and_a_day_code_are_drawn_with_the_keyboard(visitor, axe, viewport):
    """Opened, chosen, drawn, shown once; neither page has a fault, nor is it wider than its window."""
    visitor.sign_in(Role.DESK)
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.set_viewport_size(viewport)
    for opens, draws, shows in (
        ("Draw a PIN that stands alone", "Draw the PIN", "PIN of Amélie Tremblay"),
        ("Print a day code", "Draw the code", "Day code for Amélie Tremblay"),
    ):
        visitor.go("/members/1")
        page.get_by_text(opens).focus()
        page.keyboard.press("Enter")
        if draws == "Draw the PIN":
            page.locator("#draw-pin").get_by_role("checkbox").press("Space")
        page.get_by_role("button", name=draws).press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(shows)
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    visitor.go("/members/1")
    expect(page.locator(".credentials > li")).to_have_count(4)


def test_a_silent_alarm_moves_a_number_and_nothing_else(visitor, gym):
    """The open live page counts a notice; no word on it says what happened."""
    visitor.sign_in(Role.DESK)
    page = visitor.page
    expect(page.get_by_role("status")).to_have_text("Updating live")
    expect(page.locator("#panel-notices")).to_have_text("Notices")
    gym.event("alarm", at_ms=LATER_MS, member=gym.members[4], reason="duress")
    expect(page.locator("#panel-notices .count")).to_contain_text("1")
    assert "uress" not in page.inner_text("body")
    page.get_by_role("link", name="Notices").click()
    expect(page.get_by_text("Under duress")).to_be_visible()


def test_axe_would_find_something(visitor, axe):
    """Ablation: the tool runs and sees; a page with a fault is not clean."""
    visitor.go("/sign-in")
    visitor.page.evaluate("document.querySelector('label').remove()")
    assert any("label" in one for one in violations(visitor.page, axe))


def test_no_page_is_wider_than_a_phone(visitor, gym):
    """At 320 pixels nothing scrolls sideways but tables inside their own frame."""
    raise_alarm(gym, "fire", by="fire-loop")
    visitor.sign_in()
    visitor.page.wait_for_url("**/sites/1")
    visitor.page.set_viewport_size({"width": 320, "height": 700})
    for path in PAGES:
        visitor.go(path)
        visitor.page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_a_technicians_live_page_has_no_money(visitor):
    """Nor does one arrive later through the stream."""
    visitor.sign_in(Role.TECHNICIAN)
    expect(visitor.page.get_by_role("status")).to_have_text("Updating live")
    expect(visitor.page.get_by_role("heading", name="Gateways")).to_be_visible()
    assert visitor.page.get_by_text("Unpaid").count() == 0
    assert "$" not in visitor.page.inner_text("body")


def test_the_clock_form_shows_where_time_goes(visitor):
    """An owner turns the clock; the strip says so at once."""
    visitor.sign_in()
    page = visitor.page
    page.get_by_text("Turn the clock").click()
    page.get_by_label("Advance to (local day and time)").fill("2025-04-02T10:00")
    page.get_by_role("button", name="Advance").click()
    expect(page.get_by_text("on its way to Apr 2, 2025 10:00")).to_be_visible()


def test_without_scripts_the_page_still_says_everything(chromium, address, gym):
    """Live updates need a script; the numbers do not."""
    context = chromium.new_context(java_script_enabled=False, locale="en-CA")
    visitor = Visitor(context.new_page(), address)
    visitor.sign_in()
    expect(visitor.page.get_by_role("heading", name="Last badges")).to_be_visible()
    expect(visitor.page.get_by_text("97 passages", exact=True)).to_be_visible()
    context.close()
