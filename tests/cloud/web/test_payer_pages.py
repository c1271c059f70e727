"""Who pays, on a page: what is owed, papers, credit, doubts, letters and a statement; by whom they may be acted on."""

import datetime
from dataclasses import replace

import pytest
from cloud.web.conftest import BUSINESS_MS, TODAY
from portillon_cloud.accounting.statement import Happening
from portillon_cloud.billing import event_store
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.parking import Doubt, DoubtCode, open_doubts, park
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Decided
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.timeline import Discounted, Frozen, Shared
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.members.operations import add_account
from portillon_cloud.messages.operations import NewMessage, write_message
from portillon_cloud.messages.tables import MessageState
from portillon_cloud.payments.disputes.tables import dispute
from portillon_cloud.payments.operations import DeskPayment, take_payment
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.tables import Means, payment, payout
from portillon_cloud.reports.payer_costs import paid_for
from portillon_cloud.web.payer_words import DOUBTS, HAPPENINGS, LETTERS, RETURNS
from sqlalchemy import func, insert, select, update

MONTHLY = Interval(IntervalUnit.MONTH, 1)


def pay(gym, account_id: int, amount_minor: int) -> int:
    """Cash at the desk, more than is owed as credit; the payment's id."""
    with gym.services.db.write() as conn:
        taken = DeskPayment(
            organisation_id=gym.organisation_id, account_id=account_id, amount_minor=amount_minor, currency="CAD",
            means=Means.CASH, request_key=f"cash-{amount_minor}", taken_by="Camille", prepay=True,
        )  # fmt: skip
        take_payment(conn, taken, now_ms=BUSINESS_MS)
        return conn.scalar(select(func.max(payment.c.id))) or 0


def record(gym, number: int, *events: object) -> int:
    """Something more befalls the subscription of a member; its id."""
    with gym.services.db.write() as conn:
        found = conn.execute(
            select(subscription.c.id).where(subscription.c.member_id == gym.members[number])
        ).scalar_one()
        event_store.record(
            conn, organisation_id=gym.organisation_id, subscription_id=found, decided=Decided(record=events),
            author=event_store.Author(name="test", at_ms=BUSINESS_MS),
        )  # fmt: skip
    return found


def dispute_it(gym, account_id: int, payment_id: int, **told: object) -> None:
    """The payer's bank disputes a payment."""
    with gym.services.db.write() as conn:
        conn.execute(
            insert(dispute).values(
                organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, account_id=account_id,
                payment_id=payment_id, provider="stripe", amount_minor=20_00, currency="CAD", reason="duplicate",
                debit=False, taken=True, opened_at_ms=BUSINESS_MS, **told,
            )
        )  # fmt: skip


def make_busy_payer(gym) -> int:
    """An account with something under every heading of its page: who is overdue, discounted, doubted, written to."""
    account_id = gym.accounts[1]
    paid = pay(gym, account_id, 20_00)
    subscription_id = record(gym, 1, Discounted(at=Moment(datetime.date(2025, 3, 1)), code="TEN", share_ppm=100_000))
    same = {"organisation_id": gym.organisation_id}
    with gym.services.db.write() as conn:
        bounced = TakenBack(
            **same, payment_id=paid, kind=ReturnKind.BOUNCED, code="NSF", request_key="bounced-1", by="Camille"
        )
        take_back(conn, bounced, now_ms=BUSINESS_MS)
        doubt = Doubt(
            account_id=account_id, subscription_id=subscription_id, code=DoubtCode.TOO_FAR_BEHIND, detail="31 periods"
        )
        park(conn, gym.organisation_id, doubt, now_ms=BUSINESS_MS)
        letter = NewMessage(
            **same, account_id=account_id, key="r", kind="reminder", language="fr", recipient="olivier@a.example",
            subject="Un montant est en retard", body="Bonjour,\n\n68,97 $ est en retard.",
        )  # fmt: skip
        write_message(conn, letter, now_ms=BUSINESS_MS)
    pay(gym, account_id, 90_00)
    dispute_it(gym, account_id, paid, reference="dp_1", state="open")
    with gym.services.db.write() as conn:
        asked = Refund(
            **same, account_id=account_id, by="Camille", reason="asked for", request_key="early", amount_minor=5_00
        )
        refund_credit(conn, asked, now_ms=BUSINESS_MS)
    return account_id


def costs(gym, account_id: int):
    with gym.services.db.read() as conn:
        return paid_for(
            conn, organisation_id=gym.organisation_id, account_id=account_id, legal_entity_id=gym.legal_entity_id,
            currency="CAD", today=TODAY,
        )  # fmt: skip


def test_what_is_owed_and_what_comes_next(signed_in, gym):
    """By part and day, overdue apart, the last step and the next with its day; payments and what a bank took back."""
    desk, path = signed_in(Role.DESK), f"/accounts/{gym.accounts[1]}"
    html = desk.get(path).text
    assert "$68.97 overdue" in html and "5 days late" in html and "Unpaid, in grace" in html
    assert "Charge tried again" in html and "Reminder <span" in html and "Mar 14, 2025" in html
    assert f'href="/invoices/{gym.invoices[1]}/pay"' in html
    paid = pay(gym, gym.accounts[1], 20_00)
    html = desk.get(path).text
    assert "Cash <span" in html and "$20.00" in html and "$48.97 overdue" in html
    assert "Payment · Cash" in html and "Owed on Mar 12, 2025" in html
    with gym.services.db.write() as conn:
        told = TakenBack(
            organisation_id=gym.organisation_id, payment_id=paid, kind=ReturnKind.BOUNCED, code="NSF",
            request_key="bounced-1", by="Camille",
        )  # fmt: skip
        take_back(conn, told, now_ms=BUSINESS_MS)
    html = desk.get(path).text
    assert "Cheque not honoured · NSF" in html and "$68.97 overdue" in html and "Payment taken back · NSF" in html
    assert "Everything that was billed is paid." in desk.get(f"/accounts/{gym.accounts[8]}").text


def test_credit_is_paid_back_once_by_an_owner(signed_in, gym, csrf):
    """With a reason, however often it is sent; never more than is there; the desk sees no such form and may not."""
    owner, path = signed_in(Role.OWNER), f"/accounts/{gym.accounts[4]}"
    pay(gym, gym.accounts[4], 30_00)
    html = owner.get(path).text
    assert 'value="30.00"' in html and "of a payment on Mar 12, 2025" in html
    asked = {
        "csrf": csrf(html), "amount": "12,50", "reason": "moved away",
        "request_key": html.split('name="request_key" value="')[1].split('"')[0],
    }  # fmt: skip
    for wrong, said in (({"amount": "much"}, "Write the amount"), ({"amount": "30.01"}, "not that much credit")):
        refused = owner.post(f"{path}/refunds", data={**asked, **wrong, "request_key": "another-one"})
        assert refused.status_code == 422 and said in refused.text
    for _ in range(2):
        done = owner.post(f"{path}/refunds", data=asked)
        assert done.status_code == 303, done.text
    html = owner.get(done.headers["location"]).text
    assert (
        'href="/payouts"' in html
        and "waits to be paid back" in html
        and "moved away" in html
        and 'value="17.50"' in html
    )
    with gym.services.db.read() as conn:
        assert conn.scalars(select(payout.c.amount_minor)).all() == [12_50]
    assert owner.get(f"{path}/refunds").headers["location"] == path
    assert owner.post(f"{path}/refunds", data={**asked, "csrf": "forged"}).status_code == 403
    assert owner.post("/accounts/999999/refunds", data=asked).status_code == 404
    desk = signed_in(Role.DESK)
    html = desk.get(path).text
    assert "Pay it back" not in html
    assert desk.post(f"{path}/refunds", data={**asked, "csrf": csrf(html)}).status_code == 403
    assert signed_in(Role.TECHNICIAN).get(path).status_code == 403


def test_a_doubt_is_settled_on_its_own_account_alone(signed_in, gym, csrf):
    """Why it is parked, and where to look; with a reason it is billed again; not through another account's page."""
    desk, path = signed_in(Role.DESK), f"/accounts/{gym.accounts[5]}"
    with gym.services.db.write() as conn:
        mine = conn.execute(select(subscription.c.id).where(subscription.c.account_id == gym.accounts[5])).scalar_one()
        doubt = Doubt(
            account_id=gym.accounts[5], subscription_id=mine, code=DoubtCode.TOO_MANY_LINES, detail="31 lines in a run"
        )
        park(conn, gym.organisation_id, doubt, now_ms=BUSINESS_MS)
        [known] = open_doubts(conn, gym.organisation_id)
    html = desk.get(path).text
    assert "31 lines in a run" in html and "more lines for this subscription" in html and "Parked" in html
    asked = {"csrf": csrf(html), "reason": "an import, it is right"}
    elsewhere = desk.post(f"/accounts/{gym.accounts[6]}/doubts/{known.id}", data=asked)
    assert elsewhere.status_code == 409 and "Somebody else was faster" in elsewhere.text
    assert desk.post(f"{path}/doubts/{known.id}", data={**asked, "reason": " "}).status_code == 422
    with gym.services.db.read() as conn:
        assert len(open_doubts(conn, gym.organisation_id)) == 1
    done = desk.post(f"{path}/doubts/{known.id}", data=asked)
    assert done.status_code == 303 and "billed again" in desk.get(done.headers["location"]).text
    assert desk.post(f"{path}/doubts/{known.id}", data=asked).status_code == 409
    assert desk.get(f"{path}/doubts/{known.id}").headers["location"] == path


def test_what_each_costs_and_who_else_pays(signed_in, gym):
    """A discount and a company's part are taken off; the company sees its part, and who pays the rest."""
    with gym.services.db.write() as conn:
        company = add_account(
            conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, name="Atelier Inc.",
            language="fr", email="paie@atelier.example",
        )  # fmt: skip
    since = Moment(datetime.date(2025, 3, 1))
    shared = Shared(at=since, payer_account_id=company, code="Atelier", amount_minor=20_00)
    mine = record(gym, 7, Discounted(at=since, code="TEN", share_ppm=100_000), shared)
    with gym.services.db.write() as conn:
        conn.execute(update(subscription).where(subscription.c.id == mine).values(bill_with_id=company))
    [theirs] = costs(gym, company).members
    assert [(one.pays.amount_minor, one.whose) for one in theirs.costs] == [(20_00, "William Lavoie")]
    [own] = costs(gym, gym.accounts[7]).members
    assert [(one.pays.amount_minor, one.codes, one.paid_by) for one in own.costs] == [(33_99, ("TEN",), ("Atelier",))]
    html = signed_in(Role.DESK).get(f"/accounts/{company}").text
    assert "$20.00 per month, before tax" in html and "William Lavoie pays the rest" in html
    assert "No invoice yet." in html and "$20.00 a month before tax" in html


def test_what_is_frozen_and_what_makes_no_life(signed_in, gym):
    """In a freeze nothing recurs until the day it does again; what contradicts itself is said, and the page stands."""
    freeze = Frozen(at=Moment(TODAY), until=Moment(datetime.date(2025, 5, 1)))
    record(gym, 8, freeze)
    [frozen] = costs(gym, gym.accounts[8]).members
    assert [(one.pays.amount_minor, one.on) for one in frozen.costs] == [(59_99, datetime.date(2025, 5, 1))]
    assert costs(gym, gym.accounts[8]).monthly is None
    record(gym, 9, freeze, replace(freeze, at=Moment(TODAY, 5)))
    [doubtful] = costs(gym, gym.accounts[9]).members
    assert [one.condition for one in doubtful.costs] == [None]
    html = signed_in(Role.DESK).get(f"/accounts/{gym.accounts[9]}").text
    assert "In doubt" in html and "Łukasz Żak" in html


def test_a_letter_is_shown_unless_it_is_a_key(signed_in, gym):
    """A reminder can be read; of the letter with the contract's link only that it was written."""
    with gym.services.db.write() as conn:
        for kind, body in (("reminder", "You owe us."), ("contract", "https://gym.example/contract/secret")):
            letter = NewMessage(
                organisation_id=gym.organisation_id, account_id=gym.accounts[0], key=kind, kind=kind, language="en",
                recipient=None, subject=f"About {kind}", body=body,
            )  # fmt: skip
            write_message(conn, letter, now_ms=BUSINESS_MS)
    html = signed_in(Role.OWNER).get(f"/accounts/{gym.accounts[0]}").text
    assert "You owe us." in html and "About contract" in html and "No e-mail address" in html
    assert "contract/secret" not in html


def test_what_the_bank_disputes_is_told(signed_in, gym):
    """Where each dispute stands, with the way to the page on which it is answered; without one there is no panel."""
    account_id = gym.accounts[1]
    paid = pay(gym, account_id, 20_00)
    desk = signed_in(Role.DESK)
    assert "/disputes" not in desk.get(f"/accounts/{account_id}").text
    dispute_it(gym, account_id, paid, reference="dp_1", state="open")
    dispute_it(gym, account_id, paid, reference="dp_2", state="lost", cleared_at_ms=BUSINESS_MS)
    html = desk.get(f"/accounts/{account_id}").text
    assert "Disputed" in html and "Lost" in html and "cleared since" in html
    assert f'href="/disputes?account={account_id}"' in html


def test_the_statement_of_a_period_and_its_file(signed_in, gym):
    """Opening, lines and closing of the days asked for, the same in the file; crossed days are said."""
    desk, path = signed_in(Role.DESK), f"/accounts/{gym.accounts[1]}"
    pay(gym, gym.accounts[1], 20_00)
    html = desk.get(f"{path}?from=2025-03-10&through=2025-03-12").text
    assert "$68.97</td></tr>" in html and "-$20.00" in html and "$48.97" in html
    sheet = desk.get(f"{path}/statement.csv?from=2025-03-01&through=2025-03-12")
    assert sheet.text.splitlines()[1:] == [
        "2025-03-07,invoice,TEST-202503-000002,68.97,68.97,CAD",
        "2025-03-12,payment,cash,-20.00,48.97,CAD",
    ]
    crossed = desk.get(f"{path}?from=2025-03-12&through=2025-03-10")
    assert crossed.status_code == 422 and "before the first" in crossed.text
    assert desk.get(f"{path}?from=soon").status_code == 422
    assert desk.get("/accounts/999999/statement.csv").status_code == 404


@pytest.mark.parametrize(
    ("table", "kinds"),
    [(DOUBTS, DoubtCode), (LETTERS, MessageState), (HAPPENINGS, Happening), (RETURNS, ReturnKind)],
)
def test_every_kind_has_words_in_both_languages(table, kinds):
    """A new one cannot be added without them."""
    assert set(table) == set(kinds)
    for said in table.values():
        text = said if isinstance(said, str) else said[1]
        assert Words("fr").say(text) != text
