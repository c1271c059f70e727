"""Every kind of the catalogue is told where it happens, and reads as it is."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cloud.webhooks.conftest import Line
from dues_gym import TOTAL_MINOR, at
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.gateways.link import _take_journal
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.payments.disputes.operations import clear, hear_dispute
from portillon_cloud.payments.fraud.guarding import Asked, admit
from portillon_cloud.payments.fraud.limits import Act
from portillon_cloud.payments.inbox.news import DisputeSeen, DisputeState
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.refunding.by_hand import PaidOut, pay_out
from portillon_cloud.payments.refunding.tables import PaidBy
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.tables import payment, payment_attempt
from portillon_cloud.webhooks.catalogue import CATALOGUE, EventKind, PaymentState
from portillon_cloud.webhooks.present_state import present_state
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent
from sqlalchemy import insert, select

ROOT = Path(__file__).parents[3]


def told(line: Line, kind: EventKind) -> list[dict[str, Any]]:
    """What endpoints were sent of this kind, after everything that waits is sent."""
    line.drain()
    return [one["data"] for one in line.receiver.bodies if one["type"] == kind]


def test_of_payments(line: Line) -> None:
    """A refused charge, cash that pays, a cheque taken back, and how the account stands: each with its own ids."""
    line.endpoint()
    gym = line.gym
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    [failed] = told(line, EventKind.PAYMENT_FAILED)
    assert (failed["invoice_id"], failed["outcome"], failed["code"]) == (invoice_id, "refused", "insufficient_funds")
    assert told(line, EventKind.STANDING_CHANGED)[-1] == {
        "account_id": payer.account_id, "standing": "grace", "switched_off": []
    }  # fmt: skip
    gym.clock.now_ms = at(20)
    gym.run_until(at(20))
    assert "access" in told(line, EventKind.STANDING_CHANGED)[-1]["switched_off"]
    gym.pay(payer, TOTAL_MINOR, now_ms=at(20))
    [paid] = told(line, EventKind.PAYMENT_SUCCEEDED)
    assert paid["settles"] == [{"invoice_id": invoice_id, "amount_minor": TOTAL_MINOR}]
    assert told(line, EventKind.STANDING_CHANGED)[-1]["standing"] == "clear"
    [payment_id] = gym.scalars(select(payment.c.id))
    back = TakenBack(
        organisation_id=gym.organisation_id, payment_id=payment_id, kind=ReturnKind.BOUNCED, code="NSF",
        request_key="cheque-1", by="Denis",
    )  # fmt: skip
    with gym.db.write() as conn:
        take_back(conn, back, now_ms=at(21))
    [returned] = told(line, EventKind.PAYMENT_RETURNED)
    assert (returned["payment_id"], returned["kind"], returned["amount_minor"]) == (payment_id, "bounced", TOTAL_MINOR)
    with gym.db.read() as conn:
        now = present_state(conn, EventKind.PAYMENT_SUCCEEDED, gym.organisation_id, payment_id, now_ms=at(21))
    assert isinstance(now, PaymentState) and (now.returned_minor, now.settles) == (TOTAL_MINOR, [])


def test_of_a_confirmation_and_of_blocks(sqlite_line: Line) -> None:
    """A charge that the payer must confirm; a block that begins and ends."""
    line, gym = sqlite_line, sqlite_line.gym
    line.endpoint()
    payer = gym.payer(CardBehaviour.ACTION_REQUIRED)
    gym.owe(payer)
    gym.run_until(at(0))
    [asked] = told(line, EventKind.PAYMENT_ACTION_REQUIRED)
    assert asked["outcome"] is None and asked["owed_minor"] == TOTAL_MINOR
    other = gym.payer()
    block = {
        "organisation_id": gym.organisation_id, "account_id": other.account_id, "reason": BlockReason.CHARGEBACK,
        "source": "dispute:1",
    }  # fmt: skip
    with gym.db.write() as conn:
        put_block(conn, **block, from_ms=at(0))
    assert told(line, EventKind.STANDING_CHANGED)[-1]["standing"] == "chargeback"
    with gym.db.write() as conn:
        end_block(conn, **block, at_ms=at(0))
    assert told(line, EventKind.STANDING_CHANGED)[-1]["standing"] == "clear"


def test_of_disputes_and_of_tried_cards(sqlite_line: Line) -> None:
    """A bank asks, takes, and decides; somebody tries card after card: each is told with how it stands then."""
    line, gym = sqlite_line, sqlite_line.gym
    line.endpoint()
    payer = gym.payer()
    gym.owe(payer)
    gym.run_until(at(0))
    [key] = gym.scalars(select(payment_attempt.c.key))
    states = (DisputeState.INQUIRY, DisputeState.OPEN, DisputeState.ANSWERED, DisputeState.LOST)
    seen = [
        DisputeSeen(
            reference="dp_1", key=key, state=state, amount_minor=TOTAL_MINOR, currency="CAD", reason="fraudulent"
        )
        for state in states
    ]
    for one in seen:
        with gym.db.write() as conn:
            hear_dispute(conn, gym.organisation_id, "simulator", one, now_ms=at(3))
        line.drain()
    assert [one["state"] for one in told(line, EventKind.DISPUTE_OPENED)] == ["inquiry", "open"]
    assert [one["state"] for one in told(line, EventKind.DISPUTE_ANSWERED)] == ["answered"]
    [closed] = told(line, EventKind.DISPUTE_CLOSED)
    assert (closed["state"], closed["amount_minor"], closed["account_id"]) == ("lost", TOTAL_MINOR, payer.account_id)
    with gym.db.write() as conn:
        clear(conn, gym.organisation_id, closed["dispute_id"], by="Ada", reason="paid cash", now_ms=at(4))
    line.drain()
    assert [one["cleared"] for one in (closed, *told(line, EventKind.DISPUTE_CLEARED))] == [False, True]
    asked = Asked(organisation_id=gym.organisation_id, account_id=payer.account_id, act=Act.CARD_ASKED)
    for _ in range(7):
        admit(gym.db, gym.keyring, asked, real_ms=at(3))
    assert told(line, EventKind.ACCOUNT_SUSPECTED) == [
        {"account_id": payer.account_id, "suspicions": ["many_cards"]}
    ]  # fmt: skip


def test_of_money_paid_back(sqlite_line: Line) -> None:
    """What was prepaid and is paid back in cash is told once it has left."""
    line, gym = sqlite_line, sqlite_line.gym
    line.endpoint()
    payer = gym.payer()
    gym.pay(payer, 5_00, now_ms=at(0), prepay=True)
    with gym.db.write() as conn:
        back = Refund(
            organisation_id=gym.organisation_id, account_id=payer.account_id, by="Odile", reason="moves",
            request_key="back-1",
        )  # fmt: skip
        [payout_id] = refund_credit(conn, back, now_ms=at(1))
        said = PaidOut(
            organisation_id=gym.organisation_id, payout_id=payout_id, means=PaidBy.CASH, by="Denis",
            request_key="out-1",
        )  # fmt: skip
        pay_out(conn, said, now_ms=at(1))
    [refund] = told(line, EventKind.REFUND_PAID)
    assert (refund["means"], refund["amount_minor"], refund["account_id"]) == ("cash", 5_00, payer.account_id)


def test_of_passages(sqlite_line: Line) -> None:
    """Of what a gateway brings the passages and nothing else, each once however often it is brought."""
    line, gym = sqlite_line, sqlite_line.gym
    line.endpoint()
    payer = gym.payer()
    with gym.db.write() as conn:
        conn.execute(
            insert(gateway).values(
                id="front", organisation_id=gym.organisation_id, site_id=gym.site_id, name="Front", mode="test",
                enrolled_at_ms=0,
            )
        )  # fmt: skip
    events = [journalled(1, "granted", payer.member_id), journalled(2, "passage", payer.member_id)]
    sender: Any = SimpleNamespace(organisation_id=gym.organisation_id, site_id=gym.site_id, id="front")
    for _ in range(2):
        with gym.db.write() as conn:
            _take_journal(conn, gym.keyring, sender, JournalBatch(journal_id="j1", events=events), at(0))
    [passage] = told(line, EventKind.PASSAGE)
    assert (passage["member_id"], passage["door"], passage["at_ms"]) == (payer.member_id, "lane1", at(0) + 2)


def journalled(sequence: int, kind: str, member_id: int) -> JournalEvent:
    at_ms = at(0) + sequence
    when = EventTime(boot_id="b", boot_ns=sequence, real_ms=at_ms, business_ms=at_ms, quality=TimeQuality.CERTAIN)
    return JournalEvent(sequence=sequence, kind=kind, at=when, door="lane1", member=str(member_id))


def test_the_catalogue_is_documented_and_read() -> None:
    """Each kind has its line in docs/webhooks.md with the fields of its data, and a reader; nothing else has."""
    lines = [one for one in (ROOT / "docs/webhooks.md").read_text().splitlines() if one.startswith("| `")]
    wanted = [
        f"| `{kind}` | {entry.says} | {', '.join(f'`{name}`' for name in entry.data.model_fields)} |"
        for kind, entry in CATALOGUE.items()
    ]
    assert lines == wanted
    assert set(CATALOGUE) == set(EventKind)
    assert all(entry.data.model_config.get("frozen") for entry in CATALOGUE.values())
