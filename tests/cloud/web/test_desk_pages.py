"""The front desk: found, seen, paid, spared, waived, paid in parts; receipts and cheques that bounce."""

from typing import Any

import pytest
from portillon_cloud.access.tables import grace_given
from portillon_cloud.desk.instalments import Every
from portillon_cloud.desk.person import Next
from portillon_cloud.desk.policy import DeskPolicy, policy_of, set_policy
from portillon_cloud.desk.tables import PlanState, payment_plan
from portillon_cloud.desk.todo import Todo
from portillon_cloud.dunning.errors import WhyNoPromise
from portillon_cloud.identity.roles import Role
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.tables import open_credit, payment, payment_method, write_off
from portillon_cloud.web import desk_words
from sqlalchemy import func, select, update

# Amélie, the first, owes $68.97 since the 1st of March and was shut out on the 11th; it is the 12th.


def form(html: str, csrf: Any, **more: object) -> dict[str, object]:
    key = html.split('name="request_key" value="')[1].split('"')[0]
    return {"csrf": csrf(html), "request_key": key, **more}


def count(gym: Any, table: Any) -> int:
    with gym.services.db.read() as conn:
        ours = table.c.organisation_id == gym.organisation_id
        return conn.scalar(select(func.count()).select_from(table).where(ours)) or 0


def owed(gym: Any, account: int) -> int:
    with gym.services.db.read() as conn:
        return sum(one.owed_minor for one in unpaid_invoices(conn, gym.accounts[account]))


def test_type_a_number_and_see(signed_in, gym):
    """Complaint 66: a number or a card goes straight to the person, a name to a list, and red says why in words."""
    desk = signed_in(Role.DESK)
    assert 'href="/desk"' in desk.get("/desk").text
    for asked in (gym.members[0], "0F00270000", "amélie"):
        answer = desk.get(f"/desk?q={asked}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/members/{gym.members[0]}")
    several = desk.get("/desk?q=ro").text
    assert "Roy" in several and "Rosalie" in several
    assert "Nobody fits this search." in desk.get("/desk?q=zebra").text
    html = desk.get(f"/desk/members/{gym.members[0]}?site={gym.site_id}").text
    assert "No: dues are unpaid" in html and "Take a payment of $68.97" in html and "$68.97 since Mar 1, 2025" in html
    green = desk.get(f"/desk/members/{gym.members[5]}").text
    assert "<strong>Yes</strong>" in green and "Nothing to do" in green and "Nothing is owed." in green


def test_nobody_else_sees_it(signed_in, gym, other_gym):
    """A technician has no desk; a member and a site of another house are not there."""
    assert signed_in(Role.TECHNICIAN).get("/desk").status_code == 403
    desk = signed_in(Role.DESK)
    assert desk.get(f"/desk/members/{other_gym.members[0]}").status_code == 404
    assert desk.get(f"/desk/members/{gym.members[0]}?site={other_gym.site_id}").status_code == 404
    assert f"/desk/members/{other_gym.members[0]}" not in desk.get(f"/desk?q={other_gym.members[0]}").text


def test_a_payment_opens_the_door(signed_in, gym, csrf):
    """The one button takes what is owed, once however often it is pressed; more is refused, or kept as credit."""
    desk = signed_in(Role.DESK)
    path = f"/desk/members/{gym.members[0]}"
    asked = form(desk.get(path).text, csrf, amount="70.00", means="cash")
    refused = desk.post(f"{path}/payment", data=asked)
    assert refused.status_code == 422 and "That is more than is owed." in refused.text
    assert desk.post(f"{path}/payment", data={**asked, "csrf": "forged"}).status_code == 403
    for _ in range(2):
        done = desk.post(f"{path}/payment", data={**asked, "prepay": "true"})
        assert done.headers["location"] == f"{path}?done=paid"
    html = desk.get(done.headers["location"]).text
    assert "<strong>Yes</strong>" in html and "Credit for what comes: $1.03" in html and "Nothing to do" in html
    assert (count(gym, payment), count(gym, open_credit), owed(gym, 0)) == (1, 1, 0)
    wrong = desk.post(f"{path}/payment", data={**asked, "amount": "much", "request_key": "another-one"})
    assert wrong.status_code == 422 and "Write the amount as a number" in wrong.text
    assert desk.get(f"{path}/payment").headers["location"] == path


def test_grace_and_its_bound(signed_in, gym, csrf):
    """Given with a reason the door opens and the page says who gave it; beyond the desk's days an owner is needed."""
    desk = signed_in(Role.DESK)
    path = f"/desk/members/{gym.members[0]}"
    asked = form(desk.get(path).text, csrf, until_on="2025-03-20", reason="paid on Friday")
    far = desk.post(f"{path}/grace", data={**asked, "until_on": "2025-04-20"})
    assert far.status_code == 422 and "Ask an owner." in far.text
    assert desk.post(f"{path}/grace", data={**asked, "reason": " "}).status_code == 422
    assert desk.post(f"{path}/grace", data=asked).headers["location"] == f"{path}?done=grace"
    html = desk.get(path).text
    assert "<strong>Yes</strong>" in html and "given by Camille desk: paid on Friday" in html
    owner = signed_in(Role.OWNER)
    later = form(owner.get(path).text, csrf, until_on="2025-04-20", reason="in hospital")
    assert owner.post(f"{path}/grace", data=later).status_code == 303
    assert count(gym, grace_given) == 2
    log = owner.get("/books/acts").text
    assert log.count("Grace given") == 2 and "paid on Friday" in log and "Camille desk" in log


def test_a_promise(signed_in, gym, csrf):
    """Their word for a day is taken as the policy says; a day too far off says up to when it would be."""
    desk = signed_in(Role.DESK)
    path = f"/desk/members/{gym.members[0]}"
    asked = form(desk.get(path).text, csrf, pay_on="2026-03-14")
    far = desk.post(f"{path}/promise", data=asked)
    assert far.status_code == 422 and "Promise a day from today up to" in far.text
    assert desk.post(f"{path}/promise", data={**asked, "pay_on": "2025-03-14"}).status_code == 303
    assert "<strong>Yes</strong>" in desk.get(path).text


def test_instalments_are_seen_first(signed_in, gym, csrf):
    """Shown, then agreed on: the door opens, the parts are owed on their days, and the payer is told in writing."""
    desk = signed_in(Role.DESK)
    path = f"/desk/members/{gym.members[0]}"
    asked = form(desk.get(path).text, csrf, count="3", first_on="2025-03-31", every="month", reason="lost her job")
    shown = desk.post(f"{path}/plan", data=asked)
    assert shown.status_code == 200 and shown.text.count("$22.99") >= 3 and "May 31, 2025" in shown.text
    assert count(gym, payment_plan) == 0
    too_many = desk.post(f"{path}/plan", data={**asked, "count": "9"})
    assert too_many.status_code == 422 and "Ask an owner." in too_many.text
    assert desk.post(f"{path}/plan", data={**asked, "agreed": "true"}).headers["location"] == f"{path}?done=plan"
    html = desk.get(path).text
    assert "<strong>Yes</strong>" in html and "Pays in instalments" in html and owed(gym, 0) == 6897
    assert "lost her job" in signed_in(Role.OWNER).get("/books/acts").text
    with gym.services.db.read() as conn:
        told = conn.execute(select(message.c.body).where(message.c.kind == "payment_plan_agreed")).scalar_one()
    assert "31 mars 2025" in told  # in the payer's language


def test_waiving_is_bounded(signed_in, gym, csrf):
    """By default the desk waives nothing; what an owner lets it, of one account in thirty days, with a why."""
    desk, owner = signed_in(Role.DESK), signed_in(Role.OWNER)
    path = f"/desk/members/{gym.members[0]}"
    assert "Waive a part" not in desk.get(path).text
    asked = form(desk.get(path).text, csrf, invoice_id=gym.invoices[0], amount="10.00", reason="the showers were cold")
    refused = desk.post(f"{path}/waiver", data=asked)
    assert refused.status_code == 422 and count(gym, write_off) == 0
    with gym.services.db.write() as conn:
        set_policy(conn, gym.organisation_id, DeskPolicy(waived_minor_most=15_00))
    for _ in range(2):
        assert desk.post(f"{path}/waiver", data=asked).headers["location"] == f"{path}?done=waived"
    again = desk.post(f"{path}/waiver", data={**asked, "request_key": "another-one"})
    assert again.status_code == 422 and owed(gym, 0) == 5897
    owners = form(owner.get(path).text, csrf, invoice_id=gym.invoices[0], amount="20.00", reason="goodwill")
    assert owner.post(f"{path}/waiver", data=owners).status_code == 303
    assert owed(gym, 0) == 3897
    elsewhere = {**owners, "invoice_id": gym.invoices[1], "request_key": "of-another"}
    assert owner.post(f"{path}/waiver", data=elsewhere).status_code == 422


def test_receipt_and_bounced_cheque(signed_in, gym, csrf):
    """Shown and sent once in the payer's language; a cheque comes back, is owed again, and cannot bounce twice."""
    desk = signed_in(Role.DESK)
    path = f"/desk/members/{gym.members[0]}"
    asked = form(desk.get(path).text, csrf, amount="68.97", means="cheque")
    desk.post(f"{path}/payment", data=asked)
    html = desk.get(path).text
    receipt = "/payments/" + html.split('href="/payments/')[1].split('"')[0]
    shown = desk.get(receipt).text
    assert "Receipt R-" in shown and "$68.97" in shown and "123456789 RT0001" in shown and "Cheque" in shown
    for _ in range(2):
        assert "is on its way to m0@a.example" in desk.post(receipt, data={"csrf": csrf(shown)}).text
    with gym.services.db.read() as conn:
        [sent] = conn.execute(select(message).where(message.c.kind == "receipt")).all()
    assert "68,97" in sent.body and "Facture" in sent.body
    back = form(shown, csrf, reason="no funds", paid_in="true")
    bounce = receipt.replace("receipt", "bounce")
    assert desk.post(bounce, data=back).headers["location"] == f"{receipt}?bounced=true"
    assert "Taken back by the bank: $68.97" in desk.get(receipt).text
    twice = desk.post(bounce, data={**back, "request_key": "another-one"})
    assert twice.status_code == 422 and count(gym, payment_return) == 1
    assert owed(gym, 0) == 6897 and desk.get(bounce).status_code == 303
    assert desk.get("/payments/999/receipt").status_code == 404


def test_a_card_that_will_fail(signed_in, gym, csrf):
    """The payer is sent a page of their own, in their language; or it is opened at the desk."""
    desk = signed_in(Role.DESK)
    with gym.services.db.write() as conn:
        conn.execute(
            update(payment_method).where(payment_method.c.account_id == gym.accounts[5]).values(state="unusable")
        )
    path = f"/desk/members/{gym.members[5]}"
    html = desk.get(path).text
    assert "Ask for another card" in html and "Send them the link" in html
    assert "The link is on its way to m5@a.example." in desk.post(f"{path}/link", data={"csrf": csrf(html)}).text
    with gym.services.db.read() as conn:
        [letter] = conn.execute(select(message).where(message.c.kind == "pay_link")).all()
    assert "http://127.0.0.1/pay/" in letter.body and "votre banque" in letter.body
    opened = desk.post(f"{path}/link", data={"csrf": csrf(html), "here": "true"}).headers["location"]
    assert desk.get(opened).status_code == 200


def test_owners_set_the_limits(signed_in, gym, csrf):
    """Owners alone; what is out of bounds is refused, and what is set holds for the desk at once."""
    desk, owner = signed_in(Role.DESK), signed_in(Role.OWNER)
    assert desk.get("/desk/limits").status_code == 403 and "/desk/limits" not in desk.get("/desk").text
    html = owner.get("/desk/limits").text
    assert "/desk/limits" in owner.get("/desk").text
    asked = {
        "csrf": csrf(html), "grace_days_most": "1", "instalments_most": "2", "plan_days_most": "40",
        "tolerance_days": "0", "waived_most": "12.50",
    }  # fmt: skip
    for wrong in ({"grace_days_most": "93"}, {"instalments_most": "1"}, {"waived_most": "much"}):
        assert owner.post("/desk/limits", data={**asked, **wrong}).status_code == 422
    assert owner.post("/desk/limits", data=asked).status_code == 303
    with gym.services.db.read() as conn:
        found = policy_of(conn, gym.organisation_id)
    assert (found.grace_days_most, found.waived_minor_most, found.tolerance_days) == (1, 1250, 0)
    assert 'max="2025-03-13"' in desk.get(f"/desk/members/{gym.members[0]}").text
    assert owner.post("/desk/limits", data={**asked, "waived_most": "0.00"}).status_code == 303


@pytest.mark.parametrize(
    ("enum", "table"),
    [
        (Next, desk_words.COMING),
        (Every, desk_words.EVERY),
        (PlanState, desk_words.PLAN_STATES),
        (WhyNoPromise, desk_words._NO_PROMISE),
    ],
)
def test_every_word_is_there(enum, table):
    """No member of an enum that the desk shows is without its words."""
    assert set(table) == set(enum)


def test_every_thing_leads_somewhere():
    """Each thing to do has its button, but for paying, whose form is on the page, waiting, and nothing."""
    rest = {Todo.TAKE_PAYMENT, Todo.WAIT_FOR_BANK, Todo.NOTHING}
    assert set(Todo) == set(desk_words._LEADS) | desk_words.BY_LINK | rest
