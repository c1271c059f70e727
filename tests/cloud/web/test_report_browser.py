"""The owner's reports in a real Chromium: read by axe, at desk and phone width, in light and dark."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ASKED = "?until=2025-03&months=12"
PAGES = (f"/reports{ASKED}", f"/reports/members{ASKED}", f"/reports/attendance{ASKED}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_on_the_reports(visitor, axe, gym, scheme, viewport):
    """With every table folded out; and no page is wider than its window."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(viewport)
    for path in PAGES:
        visitor.go(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert violations(page, axe) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
