"""Billing, payments, dunning and access together, under the real worker and an advancing test clock."""

from datetime import timedelta

from dues_gym import DUE, DuesGym, Payer, at
from portillon_cloud.access.entitlement import Grant, answer_at
from portillon_cloud.access.operations import member_rows, rows_for_accounts
from portillon_cloud.access.tables import block
from portillon_cloud.billing.contracts import subscribe
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.operations import advance, set_rate
from portillon_cloud.clock.reading import read_clock
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.main import handlers
from portillon_cloud.members.operations import add_account, add_credential, add_member
from portillon_cloud.payments.operations import add_payment_method, unpaid_invoices
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.tables import SIMULATOR, allocation, payment
from portillon_cloud.worker import Worker
from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason
from sqlalchemy import func, select

BEHAVIOURS = (
    CardBehaviour.OK,
    CardBehaviour.INSUFFICIENT_FUNDS,
    CardBehaviour.LOST_CARD,
    CardBehaviour.DEBIT,
    CardBehaviour.DEBIT_RETURNED,
    CardBehaviour.ANSWER_LOST,
    CardBehaviour.PROVIDER_DOWN,
    CardBehaviour.ACTION_REQUIRED,
)
HOUR_MS = 3_600_000


def join(gym: DuesGym, number: int, behaviour: CardBehaviour) -> tuple[int, int]:
    """(account, member) of somebody who signed for a year from DUE and pays with such a card."""
    [token] = gym.simulator.issue_cards(gym.organisation_id, 1)
    gym.simulator.set_card_behaviour(gym.organisation_id, token, behaviour)
    own = {"organisation_id": gym.organisation_id}
    with gym.db.write() as conn:
        account_id = add_account(
            conn, **own, legal_entity_id=gym.legal_entity_id, name=behaviour, language="fr", email="a@example.org"
        )
        add_payment_method(
            conn, **own, account_id=account_id, provider=SIMULATOR, token=token, label="•••• 4242", now_ms=at(-30)
        )
        member_id = add_member(
            conn,
            **own,
            account_id=account_id,
            site_id=gym.site_id,
            first_name="A",
            last_name="B",
            joined_on=DUE - timedelta(days=2),
        )
        badge = Credential(CredentialKind.EM4100, f"{number:010X}")
        add_credential(conn, gym.keyring, **own, member_id=member_id, presented=badge)
        subscribe(
            conn,
            **own,
            account_id=account_id,
            member_id=member_id,
            price_id=gym.price_id,
            starts_on=DUE,
            now_ms=at(-2),
        )
    return account_id, member_id


def turn_to(gym: DuesGym, worker: Worker, target_ms: int) -> None:
    """Advance the test clock and let the worker do everything that falls due on the way."""
    with gym.db.write() as conn:
        advance(conn, gym.organisation_id, target_ms=target_ms, real_ms=gym.clock.real_ms())
    worker.run_until_idle()
    with gym.db.read() as conn:
        assert read_clock(conn, gym.organisation_id, gym.clock.real_ms()).business_ms == target_ms


def row_of(gym: DuesGym, account_id: int, now_ms: int) -> Entitlement:
    with gym.db.read() as conn:
        found = rows_for_accounts(conn, gym.keyring, site_id=gym.site_id, account_ids=[account_id], now_ms=now_ms)
    [row] = found[account_id]
    return Entitlement.from_body(row.key, row.body or {})


def grants(row: Entitlement, now_ms: int) -> bool:
    return row.refusal is None and row.valid_from_ms <= now_ms < row.valid_until_ms


def test_two_months_of_every_card(gym: DuesGym) -> None:
    """Day by day: no row sent earlier lets in whom the cloud refuses; the books fit; who pays is let in again."""
    with gym.db.write() as conn:
        set_rate(conn, gym.organisation_id, rate=0, real_ms=gym.clock.real_ms())
    people = {behaviour: join(gym, number, behaviour) for number, behaviour in enumerate(BEHAVIOURS, start=1)}
    worker = Worker(db=gym.db, clock=gym.clock, handlers=handlers(gym.provider), drains=[], name="test")
    turn_to(gym, worker, at(-1))
    sent: dict[CardBehaviour, Entitlement] = {}
    suspended_on: dict[CardBehaviour, int] = {}
    for day in range(0, 60):
        now_ms = at(day, 12)
        turn_to(gym, worker, now_ms)
        for behaviour, (account_id, member_id) in people.items():
            with gym.db.read() as conn:
                facts = member_rows(
                    conn,
                    gym.keyring,
                    organisation_id=gym.organisation_id,
                    member_id=member_id,
                    now_ms=now_ms,
                )
            assert facts is not None
            live = answer_at(facts[0], facts[1], now_ms)
            row = row_of(gym, account_id, now_ms)
            assert grants(row, now_ms) is isinstance(live, Grant), (behaviour, day)
            if behaviour in sent and grants(sent[behaviour], now_ms) and behaviour is not CardBehaviour.DEBIT_RETURNED:
                # A gateway that has heard nothing since yesterday lets nobody in whom the cloud refuses:
                # it must hear only of a debit that was under way then, and came back since.
                assert isinstance(live, Grant), (behaviour, day)
            if live is DenyReason.DUES_UNPAID:
                suspended_on.setdefault(behaviour, day)
            sent[behaviour] = row
        _books_fit(gym)
    # A debit returned after three days starts its ladder then, and its last retry, submitted on the seventh day of it,
    # counts as paid until it comes back; everybody else's starts on the due date.
    assert suspended_on == {
        CardBehaviour.INSUFFICIENT_FUNDS: 10,
        CardBehaviour.LOST_CARD: 10,
        CardBehaviour.DEBIT_RETURNED: 13,
        CardBehaviour.PROVIDER_DOWN: 10,
        CardBehaviour.ACTION_REQUIRED: 10,
    }
    assert gym.scalars(select(func.count()).select_from(invoice)) == [2 * len(BEHAVIOURS)]
    account_id, _ = people[CardBehaviour.LOST_CARD]
    with gym.db.read() as conn:
        owed_minor = sum(one.owed_minor for one in unpaid_invoices(conn, account_id))
    assert owed_minor == 2 * 4599
    gym.pay(Payer(account_id, 0, 0, ""), owed_minor, now_ms=at(59, 13))
    assert grants(row_of(gym, account_id, at(59, 13)), at(59, 13))
    assert gym.scalars(select(block.c.id).where(block.c.account_id == account_id, block.c.until_ms.is_(None))) == []
    _books_fit(gym)


def test_every_kind_of_timer_has_its_handler(gym: DuesGym) -> None:
    """A timer that nobody handles would stop a test clock for ever."""
    assert gym.handlers().keys() <= handlers(gym.provider).keys()


def _books_fit(gym: DuesGym) -> None:
    """Receivable = issued - allocated, and no invoice has more allocated than it comes to."""
    [issued] = gym.scalars(select(func.coalesce(func.sum(invoice.c.total_minor), 0)))
    [allocated] = gym.scalars(select(func.coalesce(func.sum(allocation.c.amount_minor), 0)))
    [taken] = gym.scalars(select(func.coalesce(func.sum(payment.c.amount_minor), 0)))
    assert gym.balance_minor(LedgerCode.RECEIVABLE) == int(issued) - int(allocated)
    assert int(taken) == int(allocated)
    over = (
        select(invoice.c.id)
        .join(allocation, allocation.c.invoice_id == invoice.c.id)
        .group_by(invoice.c.id, invoice.c.total_minor)
        .having(func.sum(allocation.c.amount_minor) > invoice.c.total_minor)
    )
    assert gym.scalars(over) == []
