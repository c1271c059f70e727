"""A new price for members: shown first, announced once, taken back; owners alone."""

from datetime import date

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from playwright.sync_api import expect
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.law.tables import price_change
from portillon_cloud.billing.operations import create_price
from portillon_cloud.billing.tables import contract, price
from portillon_cloud.identity.roles import Role
from sqlalchemy import func, select, update


@pytest.fixture
def dearer(gym):
    """A dearer price of the same plan; contracts that no law holds at theirs."""
    with gym.services.db.write() as conn:
        plan_id = conn.scalar(select(price.c.plan_id).where(price.c.id == gym.price_id))
        was = conn.execute(select(price).where(price.c.id == gym.price_id)).one()
        conn.execute(update(contract).values(law="none", ends_on=None))
        return create_price(
            conn, plan_id=plan_id, amount_minor=65_99, interval=Interval(IntervalUnit.MONTH, 1),
            term_months=None, tax_inclusive=was.tax_inclusive,
        )  # fmt: skip


def changes(gym):
    with gym.services.db.read() as conn:
        return conn.scalar(select(func.count()).select_from(price_change))


def test_it_is_shown_announced_once_and_taken_back(signed_in, gym, dearer, csrf):
    """The preview writes nothing and names who is reached; confirmed twice it is one; then it is taken back."""
    owner = signed_in(Role.OWNER)
    html = owner.get("/price-changes").text
    assert "Nothing was announced yet" in html
    asked = {
        "csrf": csrf(html), "from_price_id": gym.price_id, "to_price_id": dearer, "from_on": str(date(2025, 5, 1)),
        "reason": "rent",
    }  # fmt: skip
    shown = owner.post("/price-changes", data=asked)
    assert shown.status_code == 200 and "Announce it to them" in shown.text and "Amélie Tremblay" in shown.text
    assert changes(gym) == 0
    for _ in range(2):
        done = owner.post("/price-changes", data={**asked, "confirmed": "true"})
        assert done.status_code == 303, done.text
    assert changes(gym) == 1
    told = owner.get(done.headers["location"]).text
    assert "$65.99" in told and "To come" in told and "rent" in told
    back = owner.post("/price-changes/1/withdraw", data={"csrf": csrf(told)})
    assert back.status_code == 303 and "Taken back" in owner.get(back.headers["location"]).text


def test_what_cannot_be_announced_is_said(signed_in, gym, dearer, csrf):
    """Too near a day, the price they have; nothing is written, and the desk may not."""
    owner = signed_in(Role.OWNER)
    asked = {
        "csrf": csrf(owner.get("/price-changes").text), "from_price_id": gym.price_id, "to_price_id": dearer,
        "from_on": "2025-05-01", "confirmed": "true",
    }  # fmt: skip
    for wrong, said in (
        ({"from_on": "2025-03-20"}, "at least 30 days before"),
        ({"to_price_id": gym.price_id}, "of the same kind"),
        ({"from_price_id": dearer, "to_price_id": gym.price_id}, "Nobody is at this price"),
    ):
        refused = owner.post("/price-changes", data={**asked, **wrong})
        assert refused.status_code == 409 and said in refused.text
    assert changes(gym) == 0
    assert owner.post("/price-changes/9/withdraw", data={"csrf": asked["csrf"]}).status_code == 404
    assert owner.get("/price-changes/9/withdraw").headers["location"] == "/price-changes"
    assert signed_in(Role.DESK).get("/price-changes").status_code == 403


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_axe_finds_nothing_and_keys_suffice(visitor, axe, gym, dearer):
    """Shown and announced without a mouse; clean on desk and phone before, between and after."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.set_viewport_size(PHONE)
    visitor.go("/price-changes")
    assert violations(page, axe) == []
    page.get_by_label("Is to pay").select_option(str(dearer))
    page.get_by_role("button", name="Show whom it reaches").press("Enter")
    expect(page.get_by_role("heading", name="Whom it reaches")).to_be_visible()
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Announce it to them").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is announced.")
    page.set_viewport_size(DESK)
    assert violations(page, axe) == []
