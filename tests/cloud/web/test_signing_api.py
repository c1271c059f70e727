"""Signing and coupons over the API: previewed, signed with the same figures, and refused by field and clause."""

import pytest
from cloud.web.test_api import headers
from portillon_cloud.identity.roles import Role

YEARLY = {"amount_minor": 420_00, "interval_unit": "month", "interval_count": 12, "term_months": 12, "instalments": 12}


@pytest.fixture
def ask(client, gym):
    def send(method, path, body=None, role=Role.OWNER):
        return client.request(method, f"/api/v1{path}", headers=headers(gym, role), json=body)

    return send


@pytest.fixture
def plan_id(ask):
    return ask("get", "/catalogue").json()[0]["id"]


def test_a_signature_is_previewed_and_then_signed(ask, gym, plan_id):
    """A year in twelve parts at half price for all of it: 20.13 a month with taxes; the desk signs just that."""
    price_id = ask("post", f"/catalogue/{plan_id}/prices", YEARLY).json()["id"]
    coupon = {"code": "HALF", "share_percent": 50, "uses_most": 1, "plans": [plan_id]}
    assert ask("post", "/coupons", coupon).status_code == 201
    new = {"member_id": gym.members[11], "price_id": price_id, "starts_on": "2025-04-01", "another": True}
    new["coupon_code"] = "HALF"
    shown = ask("post", "/subscriptions/preview", new, Role.DESK)
    assert shown.status_code == 200, shown.text
    agreed = shown.json()
    assert (agreed["ends_on"], agreed["law"], len(agreed["payments"])) == ("2026-04-01", "ca-qc", 12)
    assert agreed["payments_minor"] == sum(one["total_minor"] for one in agreed["payments"]) == 241_45
    assert {part["what"]: part["amount_minor"] for part in agreed["payments"][0]["parts"]} == {
        "membership": 420_00,
        "discount": -210_00,
    }
    assert ask("get", "/coupons").json()[0]["uses"] == 0
    signed = ask("post", "/subscriptions", new, Role.DESK)
    assert signed.status_code == 201 and signed.headers["Location"].endswith(str(signed.json()["subscription_id"]))
    assert ask("get", "/coupons").json()[0]["uses"] == 1


def test_a_second_one_of_a_plan_is_asked_about(ask, gym, plan_id):
    """Whoever has the plan at that time gets no second one by a slip; if it is meant, or begins afterwards, they do."""
    price_id = ask("post", f"/catalogue/{plan_id}/prices", YEARLY).json()["id"]
    terms = {"price_id": price_id, "starts_on": "2025-04-01"}
    site_id = ask("get", f"/members/{gym.members[11]}").json()["site_id"]
    signed_up = ask("post", "/sign-ups", {
        "payer": {"legal_entity_id": gym.legal_entity_id, "name": "Nora Roy", "language": "en"},
        "member": {"site_id": site_id, "first_name": "Nora", "last_name": "Roy"}, "contracts": [terms],
    }).json()  # fmt: skip
    new = {**terms, "member_id": signed_up["member_id"]}
    for path in ("/subscriptions/preview", "/subscriptions"):
        refused = ask("post", path, {**new, "starts_on": "2026-03-31"})
        assert refused.status_code == 409 and "another = true" in refused.json()["detail"], refused.text
    assert ask("post", "/subscriptions", {**new, "starts_on": "2026-04-01"}).status_code == 201
    assert ask("post", "/subscriptions", {**new, "starts_on": "2025-05-01", "another": True}).status_code == 201


def test_what_cannot_be_signed_says_field_or_clause(ask, gym, plan_id):
    """A coupon, a law, proof that is missing, a day nobody means: the preview says what signing would."""
    student = {"amount_minor": 30_00, "interval_unit": "month", "term_months": 12, "audience": "student"}
    long = {"amount_minor": 30_00, "interval_unit": "month", "term_months": 24}
    ids = [ask("post", f"/catalogue/{plan_id}/prices", body).json()["id"] for body in (student, long)]
    new = {"member_id": gym.members[11], "starts_on": "2025-04-01"}
    for body, status, word in (
        ({"price_id": ids[0]}, 422, "proof: "),
        ({"price_id": ids[1]}, 409, "P-40.1, s. 200"),
        ({"price_id": gym.price_id, "coupon_code": "NONE"}, 409, "coupon_code: "),
        ({"price_id": gym.price_id, "member_id": 999_999}, 422, "member_id"),
        ({"price_id": 999_999}, 404, "999999"),
        ({"price_id": gym.price_id, "starts_on": "9999-12-31"}, 422, ""),
    ):
        for path in ("/subscriptions/preview", "/subscriptions"):
            answer = ask("post", path, {**new, **body})
            assert answer.status_code == status and word in answer.json()["detail"], answer.text


def test_prices_tell_all_that_they_say(ask, plan_id):
    """A day pass for students beside the price for all; another one takes the place of its like alone."""
    pass_ = {"amount_minor": 12_00, "interval_unit": "day", "times": 1, "audience": "student", "tax_category": "care"}
    for amount_minor in (12_00, 13_00):
        assert ask("post", f"/catalogue/{plan_id}/prices", {**pass_, "amount_minor": amount_minor}).status_code == 201
    newest, older, *rest = ask("get", "/catalogue").json()[0]["prices"]
    assert {name: newest[name] for name in pass_} == {**pass_, "amount_minor": 13_00}
    assert newest["active"] and not older["active"] and any(one["active"] for one in rest)
    for wrong in ({"times": 1, "term_months": 12}, {"instalments": 2}, {"trial_days": 91}, {"audience": "A B"}):
        assert ask("post", f"/catalogue/{plan_id}/prices", {**pass_, **wrong}).status_code == 422


def test_a_coupon_is_ended_and_owners_alone_offer_them(ask, gym):
    """The desk sees them and offers none; an ended one is listed as such; another's is not found."""
    coupon = {"code": "SPRING-26", "amount_minor": 5_00, "cycles": 3}
    assert ask("post", "/coupons", coupon, Role.DESK).status_code == 403
    made = ask("post", "/coupons", coupon)
    assert ask("post", "/coupons", coupon).status_code == 422
    assert ask("delete", f"/coupons/{made.json()['id']}").status_code == 204
    [listed] = ask("get", "/coupons", role=Role.DESK).json()
    assert (listed["code"], listed["amount_minor"], listed["active"]) == ("SPRING-26", 5_00, False)
    assert ask("delete", "/coupons/999999").status_code == 404
    assert ask("post", "/coupons", {"code": "spring", "amount_minor": 1}).status_code == 422
