"""Sales without a subscription: numbered, taxed, owed and booked like every invoice, once per key, and taken back."""

from dataclasses import replace
from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.audit.operations import look
from portillon_cloud.billing import invoice_store
from portillon_cloud.billing.errors import SaleRefusedError, UnknownSaleError
from portillon_cloud.billing.recognition import recognise_until
from portillon_cloud.billing.sale_draft import Thing
from portillon_cloud.billing.sales import Brought, Returned, Sold, preview_sale, sell, take_back
from portillon_cloud.billing.tables import credit_note, invoice, invoice_line, invoice_tax
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.members.operations import add_account
from portillon_cloud.payments.owed import owed_minor
from sqlalchemy import func, select

NOW_MS = start_of_day_ms(date(2026, 3, 5), "America/Toronto")
BOTTLE = Thing(description="Bottle 750 ml", quantity=3, unit_minor=12_50)
PHYSIO = Thing(
    description="Physiotherapy, 30 min", quantity=1, unit_minor=60_00, taxable=False, tax_category=TaxCategory.CARE
)


@pytest.fixture
def asked(gym: Gym) -> Sold:
    """Three bottles and a session with the physiotherapist, whom no tax is on."""
    with gym.db.write() as conn:
        account_id = add_account(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            name="Zoé Roy",
            email=None,
            language="en",
        )
    return Sold(
        organisation_id=gym.organisation_id,
        account_id=account_id,
        things=(BOTTLE, PHYSIO),
        tax_inclusive=False,
        request_key="key:1",
        by="Desk",
    )


def sold(gym: Gym, asked: Sold) -> list[int]:
    with gym.db.write() as conn:
        return list(sell(conn, asked, now_ms=NOW_MS))


def found(gym: Gym) -> list[object]:
    """What the nightly audit would say."""
    with gym.db.read() as conn:
        return [*look(conn, gym.organisation_id)]


def test_what_is_taxed_otherwise_is_invoiced_apart(gym: Gym, asked: Sold) -> None:
    """43.12 with both taxes and 60.00 without: two invoices, the next numbers, as the preview said."""
    with gym.db.read() as conn:
        shown = [draft.total_minor for draft in preview_sale(conn, asked, now_ms=NOW_MS)]
        assert conn.scalar(select(func.count()).select_from(invoice)) == 0
    ids = sold(gym, asked)
    with gym.db.read() as conn:
        rows = conn.execute(select(invoice.c.number, invoice.c.total_minor, invoice.c.due_on).order_by(invoice.c.id))
        assert [tuple(row) for row in rows] == [(1, 43_12, date(2026, 3, 5)), (2, 60_00, date(2026, 3, 5))]
        assert [owed_minor(conn, one) for one in ids] == shown == [43_12, 60_00]
        taxes = conn.execute(select(invoice_tax.c.tax, invoice_tax.c.amount_minor).order_by(invoice_tax.c.tax))
        assert [tuple(row) for row in taxes] == [("TPS", 1_88), ("TVQ", 3_74)]
        told = conn.scalars(select(invoice_line.c.description).order_by(invoice_line.c.id)).all()
    assert told == ["Bottle 750 ml", "Physiotherapy, 30 min"]


def test_the_same_request_is_one_sale(gym: Gym, asked: Sold) -> None:
    """Sent twice it is sold once; the same key for something else is refused, and nothing is sold."""
    assert sold(gym, asked) == sold(gym, asked)
    with pytest.raises(SaleRefusedError, match="another sale"):
        sold(gym, replace(asked, things=(PHYSIO,)))
    with pytest.raises(UnknownSaleError):
        sold(gym, replace(asked, account_id=999, request_key="key:2"))
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(invoice)) == 2


def test_it_is_earned_on_its_day_and_the_books_agree(gym: Gym, asked: Sold) -> None:
    """The month's revenue is all of it, nothing stays deferred, and the nightly audit finds nothing."""
    sold(gym, asked)
    with gym.db.write() as conn:
        seller = invoice_store.seller(conn, gym.legal_entity_id)
        assert recognise_until(conn, seller, until_on=date(2026, 4, 1), now_ms=NOW_MS) == 0
        book = {one.code: one for one in trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")}
    assert book[LedgerCode.REVENUE].credit_minor == 97_50
    assert found(gym) == []


def test_what_is_brought_back_is_credited_once(gym: Gym, asked: Sold) -> None:
    """Two of three bottles, then the third: the taxes come back to the cent; a fourth is refused, and a repeat too."""
    [bottles, _] = sold(gym, asked)

    def bring(quantity: int, key: str, position: int = 1) -> int:
        brought = Brought(
            organisation_id=gym.organisation_id,
            invoice_id=bottles,
            lines=(Returned(position, quantity),),
            reason="leaks",
            request_key=key,
        )
        with gym.db.write() as conn:
            return take_back(conn, brought, now_ms=NOW_MS)

    assert bring(2, "r1") == bring(2, "r1")
    with pytest.raises(SaleRefusedError, match="1 of 3"):
        bring(2, "r2")
    with pytest.raises(SaleRefusedError, match="another return"):
        bring(1, "r1")
    with pytest.raises(SaleRefusedError, match="no line 7"):
        bring(1, "r3", position=7)
    bring(1, "r4")
    with gym.db.read() as conn:
        assert conn.scalar(select(func.sum(credit_note.c.total_minor))) == 43_12
        assert owed_minor(conn, bottles) == 0
    assert found(gym) == []
    with pytest.raises(UnknownSaleError):
        bottles = 999
        bring(1, "r5")
