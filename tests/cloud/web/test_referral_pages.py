"""Who brought whom, on a page: found by name, noted once, rewarded once what is due was paid; the reward an owner's."""

import pytest
from cloud.web.conftest import BUSINESS_MS, TODAY
from portillon_cloud.billing.referrals import ReferralState, ReferralWhy, Reward, referrals_of, reward_of
from portillon_cloud.billing.sales_tables import referral
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.payments.operations import DeskPayment, take_payment
from portillon_cloud.payments.tables import Means
from portillon_cloud.web.pages import referrals
from portillon_cloud.web.referral_words import STATES, WHYS
from sqlalchemy import func, select


def count(gym) -> int:
    with gym.services.db.read() as conn:
        return conn.scalar(select(func.count()).select_from(referral)) or 0


def pay(gym, account_id: int) -> None:
    with gym.services.db.write() as conn:
        taken = DeskPayment(
            organisation_id=gym.organisation_id, account_id=account_id, amount_minor=68_97, currency="CAD",
            means=Means.CASH, request_key="first-invoice", taken_by="Camille",
        )  # fmt: skip
        take_payment(conn, taken, now_ms=BUSINESS_MS)


def test_the_reward_is_an_owners_to_set(signed_in, gym, csrf):
    """In words for everybody; a share, an amount or both; neither: nothing; what cannot be is kept as typed."""
    owner, desk = signed_in(Role.OWNER), signed_in(Role.DESK)
    html = owner.get("/referrals").text
    assert "whoever brought somebody: Nothing." in html
    asked = {"csrf": csrf(html), "share": "50", "amount": "5,00", "cycles": "2"}
    for wrong in ({"share": "101"}, {"share": "all"}, {"amount": "much"}, {"cycles": "25"}, {"cycles": "0"}):
        refused = owner.post("/referrals/reward", data={**asked, **wrong})
        assert refused.status_code == 422 and f'value="{wrong.get("amount", "5,00")}"' in refused.text
    assert owner.post("/referrals/reward", data=asked).status_code == 303
    with gym.services.db.read() as conn:
        assert reward_of(conn, gym.organisation_id) == Reward(2, 500_000, 5_00)
    html = desk.get("/referrals").text
    assert "50% + $5.00 off each of the next 2 periods" in html and 'action="/referrals/reward"' not in html
    assert desk.post("/referrals/reward", data={**asked, "csrf": csrf(html)}).status_code == 403
    assert owner.post("/referrals/reward", data={**asked, "share": "", "amount": ""}).status_code == 303
    assert "whoever brought somebody: Nothing." in owner.get("/referrals").text
    assert owner.get("/referrals/reward").headers["location"] == "/referrals"


def test_who_brought_whom_is_found_by_name_and_noted_once(signed_in, gym, csrf):
    """Two searches, two choices, one referral; each refusal in words; a technician sees none of it."""
    desk = signed_in(Role.DESK)
    html = desk.get("/referrals?new=morin&by=lavoie").text
    new, by = gym.members[6], gym.members[7]
    assert f'<option value="{new}">Florence Morin' in html and f'<option value="{by}">William Lavoie' in html
    asked = {"csrf": csrf(html), "referred_id": new, "referrer_id": by}
    done = desk.post("/referrals", data=asked)
    assert done.status_code == 303
    told = desk.get(done.headers["location"]).text
    assert "Florence Morin" in told and "First invoice not paid yet" in told and "Give it now" not in told
    for wrong, said in (({}, "written down already"), ({"referred_id": by}, "nobody brings themselves")):
        refused = desk.post("/referrals", data={**asked, **wrong})
        assert refused.status_code == 409 and said in refused.text
    assert desk.post("/referrals", data={**asked, "referred_id": 999_999}).status_code == 404
    assert count(gym) == 1
    assert "No member is called so" in desk.get("/referrals?new=zzz&by=lavoie").text
    assert "/referrals" in desk.get("/members").text
    assert signed_in(Role.TECHNICIAN).get("/referrals").status_code == 403


def test_a_reward_that_waited_is_given_once(signed_in, gym, csrf, monkeypatch):
    """Earned by the first invoice's payment, given at the desk when terms are set, told with what costs less."""
    owner, desk = signed_in(Role.OWNER), signed_in(Role.DESK)
    html = desk.get("/referrals").text
    asked = {"csrf": csrf(html), "referred_id": gym.members[3], "referrer_id": gym.members[7]}
    desk.post("/referrals", data=asked)
    give = {"csrf": csrf(html)}
    early = desk.post("/referrals/1/reward", data=give)
    assert early.status_code == 409 and "not paid" in early.text
    pay(gym, gym.accounts[3])
    assert "Give it now" in desk.get("/referrals").text
    without = desk.post("/referrals/1/reward", data=give)
    assert without.status_code == 409 and "say first what a referral brings" in without.text
    terms = {"csrf": csrf(owner.get("/referrals").text), "share": "50", "cycles": "1"}
    owner.post("/referrals/reward", data=terms)
    done = desk.post("/referrals/1/reward", data=give)
    assert done.status_code == 303
    html = desk.get(done.headers["location"]).text
    assert "Rewarded" in html and "What costs less" in html and "Give it now" not in html
    assert desk.post("/referrals/1/reward", data=give).status_code == 409
    assert desk.post("/referrals/9/reward", data=give).status_code == 404
    monkeypatch.setattr(referrals, "PER_PAGE", 1)
    desk.post("/referrals", data={**asked, "referred_id": gym.members[4]})
    assert "Page 1 of 2" in desk.get("/referrals").text and "Mathis Côté" in desk.get("/referrals?p=2").text
    with gym.services.db.read() as conn:
        assert len(referrals_of(conn, gym.organisation_id, on=TODAY)) == 2


@pytest.mark.parametrize(("table", "kinds"), [(STATES, ReferralState), (WHYS, ReferralWhy)])
def test_every_state_and_refusal_has_words(table, kinds):
    """In both languages; a new one cannot be added without them."""
    assert set(table) == set(kinds)
    for said in table.values():
        text = said if isinstance(said, str) else said[1]
        assert Words("fr").say(text) != text
