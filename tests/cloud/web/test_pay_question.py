"""A payer asks about an invoice by their own link, without signing in; a person reads it where all questions wait."""

from cloud.web.conftest import BUSINESS_MS
from cloud.web.test_dispute_pages import make_disputes
from portillon_cloud.database.rows import insert_one
from portillon_cloud.identity.roles import Role
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.fraud.limits import Act, Limits, Suspicion, Tried, judge
from portillon_cloud.payments.fraud.tables import fraud_signal
from portillon_cloud.payments.operations import DeskPayment, take_payment
from portillon_cloud.payments.pay_link import LINK_DAYS, PayLinks
from portillon_cloud.payments.questions.by_link import ASKED_SHOWN_MS, papers_of
from portillon_cloud.payments.questions.letters import ANSWER
from portillon_cloud.payments.questions.tables import AskedBy, invoice_question
from portillon_cloud.payments.tables import Means
from sqlalchemy import select

DAY_MS = 24 * 3_600_000


def link(gym, number: int = 0, *, now_ms: int = BUSINESS_MS) -> str:
    made = PayLinks.of(gym.services.keyring, "").link(gym.organisation_id, gym.accounts[number], now_ms=now_ms)
    return made


def said(gym, *, invoice: int = 0, key: str = "a-request-key", text: str = "Why is it so much?") -> dict[str, object]:
    return {"invoice_id": gym.invoices[invoice], "text": text, "request_key": key}


def test_a_payer_asks_and_reads_the_answer(client, signed_in, csrf, gym) -> None:
    """Pressed twice it is one question; it is held, read at the desk as theirs, answered, and the answer is theirs."""
    page = client.get(f"{link(gym)}?language=en").text
    assert "Ask about an invoice" in page and "TEST-202503-000001" in page
    for _ in range(2):
        sent = client.post(f"{link(gym)}/ask?language=en", data=said(gym))
        assert sent.headers["location"].endswith("&told=asked")
    shown = client.get(sent.headers["location"]).text
    assert "with the gym" in shown and "Why is it so much?" in shown and "Nothing is charged until" in shown
    again = client.post(f"{link(gym)}/ask?language=en", data=said(gym, key="another-key"))
    assert "told=asked-before" in again.headers["location"]
    desk = signed_in(Role.DESK)
    listed = desk.get("/questions").text
    assert "They wrote it themselves" in listed and "as they read it in a letter" in listed
    answer = {"csrf": csrf(listed), "text": "Two months were due.", "answered_as": "explained"}
    desk.post("/questions/1/answer", data=answer)
    assert "Two months were due." in client.get(link(gym)).text
    with gym.services.db.read() as conn:
        letters = conn.execute(select(message.c.subject, message.c.body).where(message.c.kind == ANSWER)).all()
        later = papers_of(conn, gym.organisation_id, gym.accounts[0], now_ms=BUSINESS_MS + ASKED_SHOWN_MS)
    assert [(one.subject, "Two months were due." in one.body) for one in letters] == [
        ("Votre question sur la facture TEST-202503-000001", True)
    ]
    assert [one.asked for one in later] == [None]
    assert "by the payer, with their link" in signed_in(Role.OWNER).get("/books/acts").text
    with gym.services.db.read() as conn:
        assert conn.execute(select(invoice_question.c.asked_as)).scalars().all() == [AskedBy.PAYER]


def test_only_of_their_own_invoices(client, gym) -> None:
    """Somebody else's invoice is not there; a link that ran out, another site's form, and no text do nothing."""
    assert client.post(f"{link(gym)}/ask", data=said(gym, invoice=1)).status_code == 404
    assert client.post(f"{link(gym)}/ask", data=said(gym), headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post(f"{link(gym)}/ask", data=said(gym, text=" ")).status_code == 422
    old = link(gym, now_ms=BUSINESS_MS - LINK_DAYS * DAY_MS)
    assert "told" not in client.post(f"{old}/ask", data=said(gym)).headers["location"]
    with gym.services.db.read() as conn:
        assert conn.execute(select(invoice_question.c.id)).all() == []


def test_no_history_by_a_link(client, gym) -> None:
    """What is paid is not listed, and cannot be asked about here: a link may be in other hands."""
    assert "Ask about an invoice" in client.get(f"{link(gym)}?language=en").text
    with gym.services.db.write() as conn:
        paid = DeskPayment(
            organisation_id=gym.organisation_id, account_id=gym.accounts[0], amount_minor=68_97, currency="CAD",
            means=Means.CASH, request_key="cash-1", taken_by="Camille",
        )  # fmt: skip
        take_payment(conn, paid, now_ms=BUSINESS_MS)
    page = client.get(f"{link(gym)}?language=en").text
    assert "Nothing is to be paid" in page and "TEST-" not in page and "Ask about" not in page


def test_what_the_desk_noted_is_not_shown_to_them(client, signed_in, csrf, gym) -> None:
    """Words between colleagues stay with them; that a question is open is told all the same."""
    desk = signed_in(Role.DESK)
    invoice = f"/invoices/{gym.invoices[0]}"
    noted = {"csrf": csrf(desk.get(invoice).text), "text": "He shouted.", "request_key": "a-request-key"}
    assert desk.post(f"{invoice}/questions", data=noted).status_code == 303
    assert "shouted" not in client.get(link(gym)).text
    assert "told=asked-before" in client.post(f"{link(gym)}/ask", data=said(gym)).headers["location"]


def test_so_often_and_no_oftener(client, gym) -> None:
    """Ten tries an hour by one link, of whatever kind; then it waits, and nothing is written."""
    for number in range(10):
        client.post(f"{link(gym)}/ask", data=said(gym, key=f"request-key-{number}"))
    assert "told=too-often" in client.post(f"{link(gym)}/ask", data=said(gym, key="one-too-many")).headers["location"]


def test_whose_card_is_refused_may_still_ask(client, gym) -> None:
    """An account that is held for a suspicion tries no card; a question is no card."""
    with gym.services.db.write() as conn:
        insert_one(
            conn, fraud_signal, organisation_id=gym.organisation_id, account_id=gym.accounts[0],
            suspicion=Suspicion.MANY_CARDS, counted=9, raised_at_real_ms=0,
        )  # fmt: skip
    assert "told=asked" in client.post(f"{link(gym)}/ask", data=said(gym)).headers["location"]
    tried = [Tried(Act.CHARGE_REFUSED, 0)] * 20
    for act, held in ((Act.QUESTION_ASKED, None), (Act.CHARGE_ASKED, Suspicion.MANY_REFUSALS)):
        found = judge(act, account=tried, address=[], refusals=[0] * 99, limits=Limits(), now_ms=1)
        assert (found and found.suspicion) == held


def test_the_desk_is_led_to_the_question(client, signed_in, gym) -> None:
    """From whoever stands there to what they asked, and from there to all that is asked."""
    client.post(f"{link(gym)}/ask", data=said(gym))
    desk = signed_in(Role.DESK)
    lead = f"/questions?account={gym.accounts[0]}"
    assert f'href="{lead}#question-1"' in desk.get(f"/desk/members/{gym.members[0]}").text
    assert f'href="{lead}"' in desk.get(f"/accounts/{gym.accounts[0]}").text
    assert 'id="question-1"' in desk.get(lead).text
    other = desk.get(f"/questions?account={gym.accounts[1]}").text
    assert "Nobody has asked anything." in other and "Show all" in other


def test_disputes_of_one_account(signed_in, gym, other_gym) -> None:
    """The page of who pays leads to their disputes alone; an account of another house is not there."""
    make_disputes(gym)
    desk = signed_in(Role.DESK)
    payer = gym.accounts[1]
    assert f'href="/disputes?account={payer}"' in desk.get(f"/accounts/{payer}").text
    assert desk.get(f"/disputes?account={payer}").text.count("<article") == 4
    assert desk.get(f"/disputes?account={gym.accounts[0]}").text.count("<article") == 0
    for path in ("/disputes", "/questions"):
        assert desk.get(f"{path}?account={other_gym.accounts[0]}").status_code == 404
        assert desk.get(f"{path}?account=x").status_code == 422
