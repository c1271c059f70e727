"""The owner's pages of rules in a real Chromium: drawn on, typed into, read by axe, at desk and phone width."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from playwright.sync_api import expect
from portillon_cloud.hours.operations import put_calendar, put_schedule, schedules_of
from portillon_cloud.identity.roles import Role
from portillon_cloud.zones.operations import add_zone, put_zone_rule, zone_rules_of
from portillon_rules.schedule import Window

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
OFF_PEAK = "/sites/1/hours/schedule/off-peak"
PAGES = (
    "/sites/1/hours", OFF_PEAK, "/sites/1/hours/calendar/quebec?fill=ca-qc&year=2026", "/sites/1/zones",
    "/sites/1/policy", "/members/1", "/members/1/decisions",
)  # fmt: skip
BODY = {
    "windows": [[0, 540, 960], [5, 1320, 1560]],
    "closed_on": ["2025-03-14"],
    "holidays": [["quebec", []]],
    "dates": {"2025-03-17": [[480, 720]]},
}


@pytest.fixture(autouse=True)
def ruled(gym):
    """A gym with hours, a calendar, zones with rules, and a refusal that rests on one."""
    whose = {"organisation_id": gym.organisation_id, "site_id": gym.site_id}
    with gym.services.db.write() as conn:
        put_calendar(conn, **whose, name="quebec", days=frozenset({"12-25"}))
        put_schedule(conn, **whose, name="off-peak", body=BODY)
        add_zone(conn, **whose, zone="sauna")
        put_zone_rule(conn, **whose, zone="gym", body={"passback": "hard", "passback_minutes": 120})
        put_zone_rule(
            conn,
            **whose,
            zone="sauna",
            body={"within": "gym", "capacity": 40, "reserved": [{"schedule": "off-peak", "group": "women"}]},
        )
    return gym


def schedule(gym):
    with gym.services.db.read() as conn:
        return schedules_of(conn, gym.site_id)["off-peak"]


def test_hours_are_drawn_with_the_pointer_and_saved(visitor, ruled):
    """Drawing over a shut afternoon opens it, in the field too; drawing over an open hour shuts it."""
    visitor.sign_in()
    visitor.page.wait_for_url("**/sites/1")
    visitor.go(OFF_PEAK)
    page = visitor.page

    def draw(weekday, begin, end):
        bar = page.locator(".week-form svg").nth(weekday).bounding_box()
        hour, y = bar["width"] / 24, bar["y"] + bar["height"] / 2
        page.mouse.move(bar["x"] + begin * hour + 2, y)
        page.mouse.down()
        page.mouse.move(bar["x"] + end * hour - 2, y, steps=4)
        page.mouse.up()

    draw(1, 14, 18)
    expect(page.get_by_label("Tuesday")).to_have_value("14:00-18:00")
    expect(page.locator(".week-form svg").nth(1).locator(".week-open rect")).to_have_count(1)
    draw(0, 12, 13)
    expect(page.get_by_label("Monday")).to_have_value("9:00-12:00, 13:00-16:00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Noted.")
    expected = {(0, 540, 720), (0, 780, 960), (1, 840, 1080), (5, 1320, 1560)}
    assert set(schedule(ruled).windows) == {Window(*one) for one in expected}


def test_hours_are_typed_with_the_keyboard_alone(visitor, ruled):
    """The picture follows the field, says where it cannot be read, and Enter saves."""
    visitor.sign_in(Role.TECHNICIAN)
    visitor.page.wait_for_url("**/sites/1")
    visitor.go(OFF_PEAK)
    page = visitor.page
    page.get_by_label("Wednesday").focus()
    page.keyboard.type("6-9, 22:00-2:")
    expect(page.get_by_label("Wednesday")).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("00")
    expect(page.get_by_label("Wednesday")).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator(".week-form svg").nth(2).locator(".week-open rect")).to_have_count(2)
    expect(page.locator(".week-form svg").nth(3).locator(".week-spilt rect")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Noted.")
    assert {Window(2, 360, 540), Window(2, 1320, 1560)} <= set(schedule(ruled).windows)


def test_a_zones_rule_is_chosen_with_the_keyboard(visitor, ruled):
    """Folded out, chosen, saved, and said back in a sentence."""
    visitor.sign_in()
    visitor.page.wait_for_url("**/sites/1")
    visitor.go("/sites/1/zones")
    page = visitor.page
    sauna = page.locator("#zone-sauna")
    sauna.locator("summary").focus()
    page.keyboard.press("Enter")
    sauna.get_by_label("How many may be in it").fill("25")
    sauna.get_by_label("Who enters and is in already").select_option("soft")
    sauna.get_by_role("button", name="Save sauna").press("Enter")
    expect(sauna).to_contain_text("25 may be in it; the next is refused.")
    expect(sauna).to_contain_text("Who enters and is in already is let in, and it is marked.")
    with ruled.services.db.read() as conn:
        rule = zone_rules_of(conn, ruled.site_id)["sauna"]
    assert (rule.capacity, rule.within, len(rule.reserved)) == (25, "gym", 1)


def test_what_a_site_does_in_doubt_is_chosen_with_the_keyboard(visitor):
    """Arrow keys choose among answers that each say what happens."""
    visitor.sign_in()
    visitor.page.wait_for_url("**/sites/1")
    visitor.go("/sites/1/policy")
    page = visitor.page
    page.get_by_label("Refuse members").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Noted.")
    expect(page.locator("input[value=pass_and_flag][name=after_lease]")).to_be_checked()


def test_the_desk_forgives_a_member_and_the_page_says_so(visitor, ruled):
    """A word why, Enter, and who forgave whom stands there."""
    visitor.sign_in(Role.DESK)
    visitor.page.wait_for_url("**/sites/1")
    visitor.go("/members/1")
    page = visitor.page
    page.locator("#forgive summary").press("Enter")
    page.locator("#forgive").get_by_label("Why").fill("Left by the staff door")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Forgiven: Left by the staff door")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_on_the_pages_of_rules(visitor, axe, ruled, scheme, viewport, language):
    """With everything folded out, in either language; and none is wider than its window."""
    ruled.event("denied", at_ms=1_741_819_330_000, member=ruled.members[0], reason="outside_schedule")
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    if language == "fr":
        page.get_by_role("button", name="Français").click()
        page.wait_for_load_state()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(viewport)
    for path in PAGES:
        visitor.go(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert violations(page, axe) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
