"""What is sold, by page: plans in words, new prices with who keeps the old one said first, coupons; owners alone."""

import re

from cloud.web.test_api import headers
from portillon_cloud.access.tables import rule_change
from portillon_cloud.billing.catalogue import PlanKind
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.web import plan_form
from portillon_cloud.web.plan_words import KINDS, PRORATIONS, TAX_CATEGORIES
from sqlalchemy import select

PRICE = {
    "interval": "month:1",
    "tax": "on_top",
    "tax_category": "standard",
    "proration": "real_days",
    "freezes": "true",
}
PLAN = {"name": "Matin", "zones": "gym", "schedule": "always", "where": "home"}


def catalogue(client, gym):
    return {one["code"]: one for one in client.get("/api/v1/catalogue", headers=headers(gym)).json()}


def test_a_plan_is_made_priced_and_sold_no_more(signed_in, client, csrf, gym):
    """Each step leads to the next one, and says what it has done; what was not asked for is as usual."""
    owner = signed_in(Role.OWNER)
    token = {"csrf": csrf(owner.get("/plans").text)}
    new = {**PLAN, **token, "code": "matin", "legal_entity_id": gym.legal_entity_id, "visits_week": "2"}
    made = owner.post("/plans", data=new)
    assert made.status_code == 303, made.text
    page = owner.get(made.headers["location"]).text
    assert "Give it a price" in page and "nobody can sign for it" in page
    address = made.headers["location"].split("?")[0]
    asked = {**PRICE, **token, "amount": "1 49.50", "term_months": "12", "joining": "20", "notice_days": "30"}
    preview = owner.post(f"{address}/prices", data=asked)
    assert preview.status_code == 200 and catalogue(client, gym)["matin"]["prices"] == []
    for said in ("$149.50 per month, plus tax", "12 months", "$20.00", "30 days", "sold beside the other prices"):
        assert said in preview.text, said
    assert owner.post(f"{address}/prices", data={**asked, "confirmed": "true"}).status_code == 303
    plan = catalogue(client, gym)["matin"]
    (price,) = plan["prices"]
    assert plan["visits"] == {"week": 2} and (price["amount_minor"], price["joining_minor"]) == (149_50, 20_00)
    assert price["terms"]["notice_days"] == 30 and price["active"]
    assert owner.post(f"{address}/prices/{price['id']}/stop", data=token).status_code == 303
    assert not catalogue(client, gym)["matin"]["prices"][0]["active"]
    assert owner.post(f"{address}/prices/{price['id']}/stop", data=token).status_code == 303
    with gym.services.db.read() as conn:
        told = conn.execute(select(rule_change).where(rule_change.c.name == "matin").order_by(rule_change.c.id)).all()
    assert [(one.kind, one.was is None, one.becomes is None) for one in told] == [
        ("plan", True, False), ("price", True, False), ("price", False, True)
    ]  # fmt: skip


def test_who_keeps_the_old_price_is_said_before(signed_in, client, csrf, gym):
    """The form begins as the price that is sold; nothing is written until it is confirmed; who is at it stays there."""
    owner = signed_in(Role.OWNER)
    page = owner.get(f"/plans/1?like={gym.price_id}").text
    assert 'name="amount" inputmode="decimal" maxlength="20" value="59.99"' in page
    asked = {**PRICE, "csrf": csrf(page), "amount": "65", "term_months": "12"}
    preview = owner.post("/plans/1/prices", data=asked).text
    assert "It takes the place of $59.99 per month, plus tax." in preview
    assert "12 members have that price and keep it" in preview
    assert [one["amount_minor"] for one in catalogue(client, gym)["full"]["prices"]] == [59_99]
    again = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', preview.split("Sell at this price")[0])
    )
    assert again["amount"] == "65" and owner.post("/plans/1/prices", data=again).status_code == 303
    assert [one["held_by"] for one in catalogue(client, gym)["full"]["prices"]] == [0, 12]
    overview = owner.get("/plans").text
    assert owner.get("/plans/1/prices").headers["location"] == "/plans/1"
    assert "$65.00 per month" in overview and "Sold no more, and kept" in overview and "12 members have it" in overview


def test_what_cannot_be_is_said_in_words(signed_in, client, csrf, gym):
    """Terms that contradict each other, amounts that are none, plans that open nothing: each says what to mend."""
    owner = signed_in(Role.OWNER)
    token = {"csrf": csrf(owner.get("/plans").text)}
    wrong = (
        ({"amount": "much"}, "“Amount” cannot be read"),
        ({"amount": ""}, "“Amount” cannot be read"),
        ({"amount": "5", "times": "2", "term_months": "12"}, "for how many months"),
        ({"amount": "5", "instalments": "3"}, "a month apart"),
        ({"amount": "5", "interval": "week:1", "billing_day": "1"}, "on one day for everybody"),
        ({"amount": "5", "interval": "week:1", "term_months": "12"}, "billed by months"),
        ({"amount": "5", "audience": "Élève"}, "small letters"),
        ({"amount": "5", "interval": "moon:1"}, "“Billed” cannot be read"),
        ({"amount": "5", "notice_days": "9999"}, "“Notice to leave” cannot be read"),
    )
    for typed, said in wrong:
        answer = owner.post("/plans/1/prices", data={**PRICE, **token, **typed, "confirmed": "true"})
        assert (answer.status_code, said in answer.text) == (422, True), (typed, answer.text)
    plans = (
        ({"zones": []}, 422, "tick what it opens"),
        ({"name": " "}, 422, "give it a name"),
        ({"visits_week": "2", "visits_pack": "9"}, 422, "not by both"),
        ({"where": "some", "sites": ["9" * 40]}, 422, "tick the sites"),
        ({"zones": ["moon"]}, 409, "meanwhile"),
        ({"schedule": "never-written"}, 409, "meanwhile"),
        ({"where": "some", "sites": ["999"]}, 409, "meanwhile"),
    )
    for typed, status, said in plans:
        answer = owner.post("/plans/1", data={**PLAN, **token, **typed})
        assert (answer.status_code, said in answer.text) == (status, True), (typed, answer.text)
    taken = {**PLAN, **token, "code": "full", "legal_entity_id": gym.legal_entity_id}
    assert "there is a plan of that code" in owner.post("/plans", data=taken).text
    assert [one["name"] for one in catalogue(client, gym).values()] == ["Tout accès"]
    assert owner.post("/plans/1", data={**PLAN, **token}).status_code == 303
    assert [one["name"] for one in catalogue(client, gym).values()] == ["Matin"]


def test_coupons_are_offered_and_ended(signed_in, client, csrf, gym):
    """What it gives, for what and how often, in words; ended it is taken no more; nothing and twice are refused."""
    owner = signed_in(Role.OWNER)
    page = owner.get("/coupons").text
    assert "No coupon yet" in page
    new = {
        "csrf": csrf(page),
        "code": "spring-26",
        "share_percent": "20",
        "cycles": "3",
        "uses_most": "50",
        "plans": "1",
    }
    assert owner.post("/coupons", data=new).status_code == 303
    page = owner.get("/coupons").text
    for said in ("SPRING-26", "20% off, the first 3 periods", "Tout accès", "0 of 50 times", "1 time"):
        assert said in page, said
    assert "there is a coupon of that code" in owner.post("/coupons", data=new).text
    nothing = {"csrf": new["csrf"], "code": "NIL"}
    assert "a coupon gives a share" in owner.post("/coupons", data=nothing).text
    assert owner.post("/coupons", data={**nothing, "code": "é"}).status_code == 422
    (coupon,) = client.get("/api/v1/coupons", headers=headers(gym)).json()
    assert owner.post(f"/coupons/{coupon['id']}/end", data={"csrf": new["csrf"]}).status_code == 303
    assert not client.get("/api/v1/coupons", headers=headers(gym)).json()[0]["active"]


def test_whose_plans_they_are(signed_in, csrf, gym, other_gym):
    """The desk reads and changes nothing; a technician sees no prices; another organisation's plan is not there."""
    desk, owner = signed_in(Role.DESK), signed_in(Role.OWNER)
    page = desk.get("/plans").text
    assert "$59.99 per month, plus tax" in page and "Make the plan" not in page
    token = {"csrf": csrf(page)}
    for path in ("/plans/1", "/plans/1/prices", "/plans/1/prices/1/stop", "/coupons", "/coupons/1/end"):
        assert desk.post(path, data={**PLAN, **token}).status_code == 403, path
    for path in ("/plans", "/coupons"):
        assert signed_in(Role.TECHNICIAN).get(path).status_code == 403
    token = {"csrf": csrf(owner.get("/plans").text)}
    assert owner.get("/plans/2").status_code == owner.get("/plans/999").status_code == 404
    assert owner.post("/plans/2", data={**PLAN, **token}).status_code == 404
    assert owner.post("/plans/2/prices", data={**PRICE, **token, "amount": "1"}).status_code == 404
    assert owner.post(f"/plans/1/prices/{other_gym.price_id}/stop", data=token).status_code == 404
    assert owner.post("/plans/1", data={**PLAN, "csrf": "forged"}).status_code == 403


def test_everything_sold_has_words_in_both_languages():
    """A new kind, tax category or way to count cannot come without them."""
    assert set(KINDS) == set(PlanKind) and set(TAX_CATEGORIES) == set(TaxCategory) and set(PRORATIONS) == set(Proration)
    for said in (*KINDS.values(), *TAX_CATEGORIES.values(), *PRORATIONS.values(), *plan_form.WHYS.values()):
        assert Words("fr").say(said) != said
