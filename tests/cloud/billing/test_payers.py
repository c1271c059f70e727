"""An employer pays a part, on both engines: one invoice for each payer, exact to the cent, whatever changes."""

from datetime import date

import pytest
from cloud.billing.test_changes import START, balances, bill, cancel, do, pay
from cloud.gym import Gym, Joined
from portillon_cloud.access import store as access_store
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import put_block
from portillon_cloud.access.standing import reasons_shut
from portillon_cloud.billing import changes, invoice_run, parking
from portillon_cloud.billing.change_request import EndShareChange, ShareChange, ask_of
from portillon_cloud.billing.errors import SubscriptionRefusedError, UnknownPayerError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.subscription import Why
from portillon_cloud.billing.tables import invoice, invoice_line
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.members.operations import add_account
from portillon_cloud.payments.owed import unpaid_invoices
from sqlalchemy import select

ZONE = "America/Toronto"


def employer(gym: Gym, name: str = "ACME inc.") -> int:
    with gym.db.write() as conn:
        return add_account(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            name=name,
            email="pay@acme.example",
            language="en",
        )


def pays(gym: Gym, joined: Joined, payer_id: int, *, percent: int, on: date, today: date) -> changes.Outcome:
    asked = ShareChange(change="share", payer_account_id=payer_id, on=on, share_percent=percent)
    with gym.db.read() as conn:
        ask = ask_of(conn, gym.organisation_id, joined.subscription_id, asked)
    return do(gym, joined, ask, on=today)


def pays_no_more(gym: Gym, joined: Joined, payer_id: int, *, on: date) -> changes.Outcome:
    asked = EndShareChange(change="end_share", payer_account_id=payer_id, on=on)
    with gym.db.read() as conn:
        ask = ask_of(conn, gym.organisation_id, joined.subscription_id, asked)
    return do(gym, joined, ask, on=on)


def documents(gym: Gym, account_id: int) -> list[tuple[date, list[tuple[str, int]]]]:
    """Each invoice of the account: its day, and the lines with what they come to."""
    with gym.db.read() as conn:
        found = conn.execute(
            select(invoice.c.id, invoice.c.issued_on, invoice_line.c.description, invoice_line.c.net_minor)
            .join(invoice_line, invoice_line.c.invoice_id == invoice.c.id)
            .where(invoice.c.account_id == account_id)
            .order_by(invoice.c.id, invoice_line.c.position)
        ).all()
    by_id: dict[int, tuple[date, list[tuple[str, int]]]] = {}
    for row in found:
        by_id.setdefault(row.id, (row.issued_on, []))[1].append((row.description, row.net_minor))
    return list(by_id.values())


def test_one_invoice_for_each_payer(gym: Gym) -> None:
    """Two employees at half price: the employer gets one invoice with a line for each, they the other halves."""
    acme = employer(gym)
    people = [gym.join(name, starts_on=START) for name in ("Ana Roy", "Bo Li")]
    for joined in people:
        assert pays(gym, joined, acme, percent=50, on=START, today=date(2026, 3, 20)).invoices == ()
    assert len(bill(gym, START)) == 3
    [(on, lines)] = documents(gym, acme)
    assert (on, lines) == (
        START,
        [
            ("Part of Abonnement, Ana Roy, Apr 1, 2026 – Apr 30, 2026", 50_00),
            ("Part of Abonnement, Bo Li, Apr 1, 2026 – Apr 30, 2026", 50_00),
        ],
    )
    [(_, own)] = documents(gym, people[0].account_id)
    assert own == [
        ("Abonnement, Ana Roy, 1 avr. 2026 – 30 avr. 2026", 100_00),
        ("Payé par ACME inc. (Abonnement), Ana Roy, 1 avr. 2026 – 30 avr. 2026", -50_00),
    ]
    with gym.db.read() as conn:
        assert sum(one.owed_minor for one in unpaid_invoices(conn, acme)) == 114_98
    balances(gym)


def test_the_payer_gets_one_invoice_in_small_batches(gym: Gym) -> None:
    """However few fit a batch, all that one payer has a part in is billed in one go; a household's rest goes along."""
    acme = employer(gym)
    people = [gym.join(name, starts_on=START) for name in ("Ana Roy", "Bo Li", "Cy Day")]
    gym.join("Al Roy", starts_on=START, account_id=people[0].account_id)
    for joined in people:
        pays(gym, joined, acme, percent=30, on=START, today=date(2026, 3, 20))
    issued = invoice_run.run_invoices(
        gym.db, gym.legal_entity_id, on=START, now_ms=start_of_day_ms(START, "America/Toronto"), batch=1
    )
    assert len(issued) == 4
    assert len(documents(gym, acme)) == 1
    assert [len(lines) for _, lines in documents(gym, people[0].account_id)] == [3]


def test_the_job_ends_in_the_middle_of_a_month(gym: Gym) -> None:
    """From that day the member pays all: the employer gets its rest back as a credit note of its own."""
    acme, joined = employer(gym), gym.join(starts_on=START)
    pays(gym, joined, acme, percent=50, on=START, today=date(2026, 3, 20))
    bill(gym, START)
    pay(gym, joined, 57_49, START)
    done = pays_no_more(gym, joined, acme, on=date(2026, 4, 16))
    back = {note.invoice.account_id: note.taxed.net_minor for note in done.credit_notes}
    assert (back[acme], back[joined.account_id]) == (25_00, 50_00)
    assert [draft.net_minor for draft in done.invoices] == [75_00]
    assert done.owed_more_minor == 28_74
    bill(gym, date(2026, 5, 1))
    assert len(documents(gym, acme)) == 1
    assert documents(gym, joined.account_id)[-1][1][0][1] == 100_00
    balances(gym)


def test_a_cancellation_gives_each_their_own_back(gym: Gym) -> None:
    """Who paid gets it back, in proportion."""
    acme, joined = employer(gym), gym.join(starts_on=START)
    pays(gym, joined, acme, percent=40, on=START, today=date(2026, 3, 20))
    bill(gym, START)
    done = do(gym, joined, cancel(date(2026, 4, 16)), on=date(2026, 4, 10))
    assert sorted((note.invoice.account_id == acme, note.taxed.net_minor) for note in done.credit_notes) == [
        (False, 30_00),
        (True, 20_00),
    ]
    balances(gym)


def test_a_preview_of_a_part_writes_nothing(gym: Gym) -> None:
    """It shows both payers' documents, and they are those of the change itself."""
    acme, joined = employer(gym), gym.join(starts_on=START)
    bill(gym, START)
    asked = ShareChange(change="share", payer_account_id=acme, on=date(2026, 4, 16), amount_minor=20_00)
    with gym.db.read() as conn:
        ask = ask_of(conn, gym.organisation_id, joined.subscription_id, asked)
        shown = changes.preview(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=joined.subscription_id,
            ask=ask,
            now_ms=start_of_day_ms(date(2026, 4, 10), "America/Toronto"),
        )
    assert documents(gym, acme) == []
    assert do(gym, joined, ask, on=date(2026, 4, 10)) == shown


def test_who_may_pay_a_part(gym: Gym) -> None:
    """Another account of the same gym; not the member's own, and none that is not there."""
    joined = gym.join(starts_on=START)
    for payer_id in (joined.account_id, 999):
        with pytest.raises(UnknownPayerError):
            pays(gym, joined, payer_id, percent=50, on=START, today=date(2026, 3, 20))


def test_a_parked_payer_holds_back_what_it_pays_for(gym: Gym) -> None:
    """Nothing is billed to an account in doubt, nor the other half without it, until a person has looked."""
    acme, joined = employer(gym), gym.join(starts_on=START)
    pays(gym, joined, acme, percent=50, on=START, today=date(2026, 3, 20))
    at_ms = start_of_day_ms(date(2026, 3, 25), "America/Toronto")
    with gym.db.write() as conn:
        doubt = parking.Doubt(
            account_id=acme,
            subscription_id=joined.subscription_id,
            code=parking.DoubtCode.TOO_MANY_LINES,
            detail="as a test",
        )
        parking.park(conn, gym.organisation_id, doubt, now_ms=at_ms)
        [open_doubt] = parking.open_doubts(conn, gym.organisation_id)
    assert bill(gym, START) == []
    with gym.db.write() as conn:
        author = Author(name="owner", at_ms=start_of_day_ms(START, "America/Toronto"))
        parking.unpark(conn, gym.organisation_id, open_doubt.id, author=author)
    assert len(bill(gym, START)) == 2


def test_without_its_place_a_payer_gets_an_invoice_for_each(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: were subscriptions billed in the place of their own account, small batches would split the invoice."""
    monkeypatch.setattr(changes, "bill_beside_payer", lambda *_: None)
    acme = employer(gym)
    for name in ("Ana Roy", "Bo Li"):
        pays(gym, gym.join(name, starts_on=START), acme, percent=50, on=START, today=date(2026, 3, 20))
    invoice_run.run_invoices(
        gym.db, gym.legal_entity_id, on=START, now_ms=start_of_day_ms(START, "America/Toronto"), batch=1
    )
    assert len(documents(gym, acme)) == 2


def test_nobody_pays_for_months_gone_by(gym: Gym) -> None:
    """A part begins today or later, or as far back as the contract lets."""
    acme, joined = employer(gym), gym.join(starts_on=START)
    with pytest.raises(SubscriptionRefusedError) as refused:
        pays(gym, joined, acme, percent=50, on=START, today=date(2026, 6, 1))
    assert refused.value.why == Why.TOO_FAR_BACK


def test_whose_invoice_waits_for_another_is_not_shut_out(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the employer's invoices are held the member's wait too, and who was billed nothing owes nothing.

    Ablation: without a look at the employer's blocks the member is shut out for an invoice that was never made.
    """
    acme, joined = employer(gym), gym.join("Ana Roy", starts_on=START)
    pays(gym, joined, acme, percent=50, on=START, today=date(2026, 3, 20))
    with gym.db.write() as conn:
        put_block(
            conn,
            organisation_id=gym.organisation_id,
            account_id=acme,
            reason=BlockReason.PARKED,
            source="desk",
            from_ms=start_of_day_ms(START, ZONE),
        )
    assert bill(gym, START) == []
    assert shut(gym, joined) == set()
    with gym.db.read() as conn:
        assert access_store.billed_with(conn, acme) == [joined.account_id]
    own = access_store.blocks
    monkeypatch.setattr(access_store, "blocks_around", lambda conn, ids, *_: own(conn, ids, 0))
    assert shut(gym, joined) == {BlockReason.DUES_UNPAID}


def shut(gym: Gym, joined: Joined) -> set[BlockReason]:
    """Why the member may not enter forty days on."""
    now_ms = start_of_day_ms(date(2026, 5, 11), ZONE)
    with gym.db.read() as conn:
        facts = access_store.account_facts(conn, gym.organisation_id, [joined.account_id], now_ms)
    return set(reasons_shut(facts[joined.account_id], now_ms))
