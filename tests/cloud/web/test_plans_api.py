"""Plans and prices over the API: made, edited for all who have them, and sold dearer to whoever comes later."""

import pytest
from cloud.web.test_api import headers
from portillon_cloud.visits.tables import visit_allowance
from sqlalchemy import select

PRICE = {"amount_minor": 50_00, "interval_unit": "month", "term_months": 12}


@pytest.fixture
def ask(client, gym):
    def send(method, path, body=None):
        return client.request(method, f"/api/v1/catalogue{path}", headers=headers(gym), json=body)

    return send


def plans(ask):
    return {one["code"]: one for one in ask("get", "").json()}


def test_a_plan_is_made_and_gets_a_price(ask, gym):
    """Its zones, hours and visits are told back as they were asked for, and the change log names it."""
    new = {"code": "twice", "name": "Twice", "zones": ["gym"], "visits": {"week": 2}}
    made = ask("post", "", {**new, "legal_entity_id": gym.legal_entity_id})
    assert made.status_code == 201, made.text
    assert ask("post", f"/{made.json()['id']}/prices", PRICE).status_code == 201
    plan = plans(ask)["twice"]
    assert plan["visits"] == {"week": 2} and plan["schedule"] == "always"
    assert [(one["amount_minor"], one["active"], one["held_by"]) for one in plan["prices"]] == [(50_00, True, 0)]


def test_a_new_price_leaves_signed_contracts_alone(ask):
    """The old one is sold no more and keeps its amount and whoever is at it; another term is another price."""
    plan = next(iter(plans(ask).values()))
    old = plan["prices"][0]
    same = {name: old[name] for name in ("interval_unit", "interval_count", "term_months", "tax_inclusive", "taxable")}
    assert ask("post", f"/{plan['id']}/prices", {**same, "amount_minor": 99_00}).status_code == 201
    after = plans(ask)[plan["code"]]["prices"]
    assert after[0]["amount_minor"] == 99_00 and after[0]["active"] and after[0]["held_by"] == 0
    assert after[1] == {**old, "active": False} and old["held_by"] > 0


def test_an_edited_plan_holds_for_all_who_have_it(ask, gym):
    """Twice a week from now on: every member on it has the quota; without a limit again, nobody has it open."""
    plan = next(iter(plans(ask).values()))
    terms = {name: plan[name] for name in ("name", "zones", "schedule", "sites")}
    open_ones = select(visit_allowance.c.per, visit_allowance.c.most).where(visit_allowance.c.closed_at_ms.is_(None))
    assert ask("put", f"/{plan['id']}", {**terms, "visits": {"week": 2}}).status_code == 204
    with gym.services.db.read() as conn:
        assert set(conn.execute(open_ones).all()) == {("week", 2)}
    assert ask("put", f"/{plan['id']}", terms).status_code == 204
    with gym.services.db.read() as conn:
        assert conn.execute(open_ones).all() == []


@pytest.mark.parametrize(
    "wrong",
    [{"zones": ["moon"]}, {"schedule": "never-written"}, {"visits": {"week": 2, "pack": 3}}, {"visits": {}}],
)
def test_a_plan_that_nobody_could_use_is_refused(ask, wrong):
    """Zones and hours that no site has, and visits that contradict each other: refused, and told which."""
    plan = next(iter(plans(ask).values()))
    answer = ask("put", f"/{plan['id']}", {"name": "X", "zones": ["gym"], **wrong})
    assert answer.status_code == 422 and answer.json()["detail"]
