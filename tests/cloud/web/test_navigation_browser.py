"""The head of every page in a real Chromium: one line at a desk's width, whoever looks, in whichever language."""

import os

import pytest
from cloud.web.browser_window import DESK
from portillon_cloud.identity.roles import Role
from portillon_cloud.identity.tables import staff
from portillon_cloud.members.tables import organisation
from sqlalchemy import update

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

HIGHS = """() => ['.masthead .brand', '.masthead nav', '.masthead-side', '.masthead nav li'].map(
    (one) => { const box = document.querySelector(one).getBoundingClientRect(); return [box.top, box.bottom]; })"""


COUNTS = """() => document.querySelectorAll('#to-alarms, #to-notices').forEach((one) => {
    one.querySelector('.count')?.remove();
    one.insertAdjacentHTML('beforeend', ' <span class="count">1 234</span>'); })"""


@pytest.mark.parametrize("role", Role)
def test_on_one_line(visitor, gym, role: Role) -> None:
    """Long names, a test organisation, a thousand alarms: all stand beside one another, no entry below another."""
    with gym.services.db.write() as conn:
        conn.execute(update(organisation).values(name="Centre d’entraînement du Plateau-Mont-Royal inc."))
        conn.execute(update(staff).values(name="Marie-Ève Archambault-Beauregard"))
    visitor.sign_in(role)
    page = visitor.page
    page.wait_for_url("**/sites/1")
    for language in ("English", "Français"):
        if language == "Français":
            page.get_by_role("button", name=language).click()
            page.locator("html[lang=fr]").wait_for()
        page.set_viewport_size(DESK)
        page.evaluate(COUNTS)
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(
                path=f"{shots}/masthead-{role}-{language}.png", clip={"x": 0, "y": 0, "width": 1280, "height": 130}
            )
        brand, navigation, side, entry = page.evaluate(HIGHS)
        assert page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]
        for other in (navigation, side):
            assert max(brand[0], other[0]) < min(brand[1], other[1]), (role, language)
        assert navigation[1] - navigation[0] < 1.5 * (entry[1] - entry[0]), (role, language)
