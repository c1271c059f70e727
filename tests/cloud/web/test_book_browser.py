"""The book's page in a real Chromium: read by axe, at desk and phone width, in light and dark."""

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
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
