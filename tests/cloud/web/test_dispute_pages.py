"""Disputes and money to pay back on pages: what to do, by whom, once; and what is told after somebody was faster."""

from dataclasses import replace

import pytest
from cloud.payments.provider_told import Inbox
from cloud.web.conftest import BUSINESS_MS
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.locale.words import Words
from portillon_cloud.payments import store
from portillon_cloud.payments.disputes.errors import WrongDocument
from portillon_cloud.payments.disputes.list import DisputeLine, ToDo
from portillon_cloud.payments.disputes.tables import StepKind, dispute_evidence
from portillon_cloud.payments.inbox.news import DisputeSeen, DisputeState, EvidenceKind
from portillon_cloud.payments.operations import DeskPayment, add_payment_method, take_payment
from portillon_cloud.payments.receipts import Receipt, receive
from portillon_cloud.payments.refunding.list import PayoutToDo
from portillon_cloud.payments.refunding.tables import refund_attempt
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.tables import SIMULATOR, FinalOutcome, IntentState, Means
from portillon_cloud.web.dispute_words import PAYOUTS, STATES, STEPS, TO_DO, DisputeWords
from portillon_cloud.web.pages.disputes import SHOWS, WRONG
from sqlalchemy import insert, select

DAY_MS = 24 * 3_600_000


def charged(gym, number: int) -> str:
    """A member of the list whose card was charged for what is owed; the attempt's key."""
    account_id = gym.accounts[number]
    with gym.services.db.write() as conn:
        add_payment_method(
            conn, organisation_id=gym.organisation_id, account_id=account_id, provider=SIMULATOR,
            token=f"card-{number}", label="•••• 4242", now_ms=BUSINESS_MS,
        )  # fmt: skip
        intent = store.lock_live_intents(conn, account_id)[0]
        method = store.method_to_charge(conn, account_id)
        attempt = store.insert_attempt(conn, intent, method, BUSINESS_MS)
        store.end_attempt(
            conn, intent, attempt, FinalOutcome.SUCCEEDED, now_ms=BUSINESS_MS, reference=f"sim:{attempt.key}"
        )
        store.set_intent_state(conn, intent.id, IntentState.SUCCEEDED)
        receipt = Receipt(
            organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, account_id=account_id,
            amount_minor=intent.amount_minor, currency=intent.currency, means=Means.PROVIDER, attempt_id=attempt.id,
        )  # fmt: skip
        receive(conn, receipt, [], now_ms=BUSINESS_MS)
    return attempt.key


def make_disputes(gym) -> Inbox:
    """One to answer, one that is lost, an inquiry and one that was won; all of one account."""
    inbox = Inbox(gym.services.db, gym.organisation_id)
    key = charged(gym, 1)
    for number, (state, reason) in enumerate(
        (
            (DisputeState.OPEN, "fraudulent"),
            (DisputeState.LOST, "duplicate"),
            (DisputeState.INQUIRY, "unrecognized"),
            (DisputeState.WON, "moon_landing"),
        )
    ):
        inbox.told.disputes[f"dp_{number}"] = DisputeSeen(
            reference=f"dp_{number}", key=key, state=state, amount_minor=10_00, currency="CAD", reason=reason,
            answer_by_ms=BUSINESS_MS + (9 + number) * DAY_MS,
        )  # fmt: skip
        inbox.tell("charge.dispute.created", f"dp_{number}")
    gym.services.news_of = inbox.news_of
    return inbox


def make_payouts(gym) -> list[int]:
    """Three to pay back: by hand, on its way, and in doubt."""
    made = []
    for number in (2, 3, 4):
        with gym.services.db.write() as conn:
            paid = DeskPayment(
                organisation_id=gym.organisation_id, account_id=gym.accounts[number], amount_minor=1_00_00,
                currency="CAD", means=Means.CASH, request_key=f"cash-{number}", taken_by="Camille", prepay=True,
            )  # fmt: skip
            payment_id = take_payment(conn, paid, now_ms=BUSINESS_MS).payment_id
            asked = Refund(
                organisation_id=gym.organisation_id, account_id=gym.accounts[number], by="Ada", reason="moved away",
                request_key=f"back-{number}", amount_minor=number * 100,
            )  # fmt: skip
            [payout_id] = refund_credit(conn, asked, now_ms=BUSINESS_MS)
            made.append(payout_id)
            state, code = {2: ("over", "expired_card"), 3: ("sent", None), 4: ("doubt", None)}[number]
            conn.execute(
                insert(refund_attempt).values(
                    organisation_id=gym.organisation_id, payout_id=payout_id, payment_id=payment_id, number=1,
                    key=f"refund-{payout_id}:1", provider=SIMULATOR, charge="x", amount_minor=number * 100,
                    currency="CAD", state=state, tries=1, first_sent_at_ms=BUSINESS_MS, code=code,
                )
            )  # fmt: skip
    return made


def test_everything_has_words() -> None:
    """Each state, step and thing to do, each kind of document and what is wrong with one."""
    assert (set(SHOWS), set(WRONG)) == (set(EvidenceKind), set(WrongDocument))
    assert (set(STATES), set(STEPS), set(TO_DO)) == (set(DisputeState), set(StepKind), set(ToDo))
    assert set(PAYOUTS) == set(PayoutToDo)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_debit_that_came_back_asks_for_nothing(language: str) -> None:
    """And a reason that nobody here knows is told in the bank's word."""
    line = DisputeLine(
        id=1, account_id=1, who="x", payment_id=1, amount_minor=1, fee_minor=0, currency="CAD", reason="moon_landing",
        state=DisputeState.LOST, debit=True, opened_at_ms=0, answer_by_ms=None, to_do=ToDo.NOTHING,
    )  # fmt: skip
    said = DisputeWords(Words(language))
    assert said.reason(line) == "moon landing"
    assert said.to_do(line) != said.to_do(replace(line, debit=False))


def test_an_owner_answers_and_clears(signed_in, csrf, gym) -> None:
    """What is to be done comes first, with its day; the provider away, the answer is kept and sent again as it is."""
    inbox = make_disputes(gym)
    owner = signed_in(Role.OWNER)
    shown = owner.get("/disputes").text
    places = [shown.index(one) for one in ("did not make", "do not recognise", "paid twice", "moon landing")]
    assert places == sorted(places)
    assert "The bank hears you until" in shown
    token = csrf(owner.get("/disputes").text)
    said = {
        "csrf": token,
        "text": "They were here.",
        "documents": "contract 1\n\nvisits",
        "request_key": "a-request-key",
    }
    inbox.told.away = True
    kept = owner.post("/disputes/1/answer", data=said)
    assert (kept.status_code, "They were here." in kept.text, "a-request-key" in kept.text) == (503, True, True)
    inbox.told.away = False
    inbox.told.disputes["dp_0"] = replace(inbox.told.disputes["dp_0"], state=DisputeState.ANSWERED)
    assert "The bank has your answer" in owner.post("/disputes/1/answer", data=said, follow_redirects=True).text
    assert owner.post("/disputes/1/answer", data={**said, "request_key": "another-key"}).status_code == 409
    with gym.services.db.read() as conn:
        assert conn.execute(select(dispute_evidence.c.documents)).scalars().all() == [["contract 1", "visits"]]
    cleared = {"csrf": token, "reason": "paid cash"}
    assert "is charged again" in owner.post("/disputes/2/clear", data=cleared, follow_redirects=True).text
    assert owner.post("/disputes/2/clear", data=cleared).status_code == 409
    assert "paid cash" in owner.get("/disputes/2/clear", follow_redirects=True).text
    acts = owner.get("/books/acts").text
    assert "Answer to a bank written" in acts and "Account cleared after a lost dispute" in acts


def test_documents_are_handed_in_with_an_answer(signed_in, csrf, gym) -> None:
    """What is no document is said and nothing is sent; a field left empty is none; names stand in the story."""
    inbox = make_disputes(gym)
    owner = signed_in(Role.OWNER)
    said = {"csrf": csrf(owner.get("/disputes").text), "text": "They were here.", "request_key": "a-request-key"}
    wrong = owner.post("/disputes/1/answer", data=said, files={"contract": ("contract.pdf", b"MZ")})
    assert (wrong.status_code, "is a PDF" in wrong.text, "They were here." in wrong.text) == (422, True, True)
    inbox.told.disputes["dp_0"] = replace(inbox.told.disputes["dp_0"], state=DisputeState.ANSWERED)
    papers = {"contract": ("contract 17.pdf", b"%PDF-1.7"), "visits": ("", b"")}
    assert owner.post("/disputes/1/answer", data=said, files=papers).status_code == 303
    assert [(one.kind, one.content) for one in inbox.told.evidence[-1].files] == [("contract", b"%PDF-1.7")]
    assert "Handed in: contract 17.pdf" in owner.get("/disputes").text


def test_the_desk_looks_and_a_technician_does_not(signed_in, csrf, gym) -> None:
    """Who takes payments sees disputes and pays out; answering and clearing are the owner's."""
    make_disputes(gym)
    make_payouts(gym)
    desk = signed_in(Role.DESK)
    shown = desk.get("/disputes").text
    assert "did not make this payment" in shown and "Send it to the bank" not in shown
    token = csrf(desk.get("/payouts").text)
    assert desk.post("/disputes/2/clear", data={"csrf": token, "reason": "x"}).status_code == 403
    assert desk.post("/payouts/3/doubt", data={"csrf": token, "was_paid": "yes"}).status_code == 403
    technician = signed_in(Role.TECHNICIAN)
    assert {technician.get(path).status_code for path in ("/disputes", "/payouts")} == {403}


def test_what_is_owed_back_is_paid_once(signed_in, csrf, gym) -> None:
    """By hand, with its reason; on its way there is no button; in doubt somebody says what they found."""
    by_hand, on_its_way, in_doubt = make_payouts(gym)
    owner = signed_in(Role.OWNER)
    shown = owner.get("/payouts").text
    assert "could not go back as it came: expired_card" in shown
    assert f"/payouts/{on_its_way}/" not in shown
    token = csrf(owner.get("/payouts").text)
    paid = {"csrf": token, "means": "transfer", "request_key": "a-request-key"}
    for _ in range(2):
        assert "it is paid out" in owner.post(f"/payouts/{by_hand}/paid", data=paid, follow_redirects=True).text
    assert owner.post(f"/payouts/{by_hand}/paid", data={**paid, "request_key": "another-key"}).status_code == 409
    assert owner.post(f"/payouts/{on_its_way}/paid", data=paid).status_code == 503
    found = {"csrf": token, "was_paid": "no"}
    assert "still due" in owner.post(f"/payouts/{in_doubt}/doubt", data=found, follow_redirects=True).text
    assert owner.post(f"/payouts/{in_doubt}/doubt", data=found).status_code == 409
    with gym.services.db.read() as conn:
        kinds = conn.execute(select(ledger_entry.c.kind).where(ledger_entry.c.kind == "payout_paid")).scalars().all()
    assert kinds == ["payout_paid"]
    assert "Paid back by hand" in owner.get("/books/acts").text
    assert "Paid by" in owner.get(f"/payouts/{in_doubt}/paid", follow_redirects=True).text


def test_nothing_to_do(signed_in) -> None:
    """An organisation without disputes or payouts reads so, in its language."""
    owner = signed_in(Role.OWNER)
    assert "No payment is disputed." in owner.get("/disputes").text
    assert "Nothing is to be paid back." in owner.get("/payouts").text
