"""Orders and alarms of doors in a real Chromium: with the keyboard alone, with an end, and nothing for axe to find."""

import pytest
from cloud.web.alarm_maker import raise_alarm
from cloud.web.browser_window import violations
from cloud.web.test_door_pages import front, report_doors
from playwright.sync_api import expect
from portillon_cloud.identity.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_lockdown_with_an_end_is_ordered_without_a_mouse(visitor, gym, axe):
    """The end is the site's day and time; the page and the record say it; what is over orders nothing."""
    report_doors(gym, front())
    visitor.sign_in(Role.DESK)
    page = visitor.page
    visitor.go("/sites/1/doors")
    page.locator("#until-all summary").focus()
    page.keyboard.press("Enter")
    end = page.locator("#end-all")
    expect(end).to_be_visible()
    assert violations(page, axe) == []
    end.fill(end.get_attribute("min")[:11].replace("2025", "2027") + "23:30")
    page.get_by_role("button", name="Lockdown All doors").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Ordered")
    expect(page.locator("section", has=page.locator("#all-title"))).to_contain_text("until")
    expect(page.locator("section", has=page.locator("#given-title"))).to_contain_text("All doors: Lockdown until")


def test_an_alarm_seen_on_site_is_seen_at_the_desk(visitor, gym, axe):
    """The page names who took note at the gateway, and what they wrote."""
    raise_alarm(gym, "door_held", door="front")
    raise_alarm(gym, "alarm_acknowledged", 2, door="front", reason="held", by="local:pi", detail="the wedge is gone")
    visitor.sign_in(Role.DESK)
    visitor.go("/alarms")
    expect(visitor.page.locator(".notices")).to_contain_text("Seen by local:pi")
    expect(visitor.page.locator(".notices")).to_contain_text("the wedge is gone")
    assert violations(visitor.page, axe) == []
