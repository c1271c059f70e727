"""Somebody new at the desk in one request: payer, member, contracts, who brought them; all of it or nothing."""

import pytest
from cloud.web.test_api import headers
from portillon_cloud.billing.tables import contract
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.tables import account, member
from sqlalchemy import func, select


@pytest.fixture
def ask(client, gym):
    def send(method, path, body=None, role=Role.OWNER):
        return client.request(method, f"/api/v1{path}", headers=headers(gym, role), json=body)

    return send


@pytest.fixture
def new(ask, gym):
    """A membership with the pool beside it, for a payer who is new too."""
    site_id = ask("get", f"/members/{gym.members[11]}").json()["site_id"]
    pool = {"code": "pool", "name": "Pool", "zones": ["gym"], "legal_entity_id": gym.legal_entity_id, "kind": "addon"}
    plan_id = ask("post", "/catalogue", pool).json()["id"]
    beside = {"amount_minor": 10_00, "interval_unit": "month"}
    pool_id = ask("post", f"/catalogue/{plan_id}/prices", beside).json()["id"]
    return {
        "payer": {"legal_entity_id": gym.legal_entity_id, "name": "Nora Roy", "language": "en"},
        "member": {"site_id": site_id, "first_name": "Nora", "last_name": "Roy"},
        "contracts": [{"price_id": one, "starts_on": "2025-04-01"} for one in (gym.price_id, pool_id)],
        "brought_by": gym.members[11],
    }


def counted(gym):
    with gym.services.db.read() as conn:
        return [conn.scalar(select(func.count()).select_from(table)) for table in (account, member, contract)]


def test_everything_is_shown_and_then_done(ask, gym, new):
    """The preview leaves nothing; the same request then makes payer, member, both contracts and the referral."""
    before = counted(gym)
    shown = ask("post", "/sign-ups?preview=true", new, Role.DESK)
    assert shown.status_code == 200, shown.text
    assert (shown.json()["member_id"], shown.json()["subscription_ids"], counted(gym)) == (None, [], before)
    made = ask("post", "/sign-ups", new, Role.DESK)
    assert made.status_code == 201, made.text
    signed = made.json()
    assert [one["ends_on"] for one in signed["agreed"]] == ["2026-04-01", "2026-04-01"]
    assert signed["payments_minor"] == shown.json()["payments_minor"] > 0
    assert signed["agreed"][1]["beside_subscription_id"] == signed["subscription_ids"][0]
    assert counted(gym) == [before[0] + 1, before[1] + 1, before[2] + 2]
    assert ask("get", "/referrals").json()[0]["referred_id"] == signed["member_id"]


def test_what_is_refused_leaves_nothing(ask, gym, new):
    """A part that cannot be undoes the rest: another's site, an add-on alone, a household's referral, two payers."""
    before = counted(gym)
    account_id = ask("get", f"/members/{gym.members[11]}").json()["account_id"]
    other_payer = {name: value for name, value in new.items() if name != "payer"}
    for change, status in (
        ({"member": {**new["member"], "site_id": 999_999}}, 422),
        ({"contracts": new["contracts"][1:]}, 422),
        ({"account_id": 1}, 422),
        ({"payer": {**new["payer"], "legal_entity_id": 999_999}}, 422),
        ({"brought_by": 999_999}, 404),
    ):
        answer = ask("post", "/sign-ups", {**new, **change}, Role.DESK)
        assert answer.status_code == status and answer.json()["detail"], answer.text
    household = ask("post", "/sign-ups", {**other_payer, "account_id": account_id}, Role.DESK)
    assert household.status_code == 409 and "household" in household.json()["detail"]
    assert ask("post", "/sign-ups", {**other_payer, "account_id": 999_999}, Role.DESK).status_code == 422
    assert ask("post", "/sign-ups", new, Role.TECHNICIAN).status_code == 403
    assert counted(gym) == before
