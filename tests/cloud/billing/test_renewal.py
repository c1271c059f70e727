"""The end of a fixed term under each law: told in its window, renewed by itself only where that is lawful."""

from collections.abc import Callable
from datetime import date

import pytest
from cloud.billing.lawful_gym import LawfulGym, open_lawful_gym
from cloud.gym import Clock
from portillon_cloud.billing.change_request import CancelChange, RenewChange
from portillon_cloud.billing.errors import UnlawfulContractError
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.renewal import RENEWAL_NOTICE
from portillon_cloud.billing.tables import invoice
from portillon_cloud.database import Database
from portillon_cloud.messages.notices import Cancelled, RenewalComes, RenewalOffered
from portillon_cloud.messages.tables import MessageState, message
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers.tables import timer
from sqlalchemy import func, select, update

START, END = date(2026, 1, 2), date(2026, 7, 2)
SIX_MONTHS = 6
Opens = Callable[[str], LawfulGym]


@pytest.fixture
def opens_both(db: Database, keyring: Keyring, clock: Clock) -> Opens:
    """A gym under the law asked for, on both engines."""
    return lambda law: open_lawful_gym(db, keyring, clock, law)


@pytest.fixture
def opens(sqlite_db: Database, keyring: Keyring, clock: Clock) -> Opens:
    """The same where the engine does not matter."""
    return lambda law: open_lawful_gym(sqlite_db, keyring, clock, law)


def test_a_french_term_goes_on_by_itself_after_its_notice(opens_both: Opens) -> None:
    """Told between three and one months before, it is renewed by its own length, billed on, and told of again."""
    paris = opens_both("fr")
    nadia = paris.join(paris.sell(term_months=SIX_MONTHS), START, renews=True, language="fr")
    paris.turn_to(END)
    [told] = paris.told(nadia)
    assert told.notice == RenewalComes(
        ends_on=END,
        until_on=date(2026, 6, 30),
        renewed_until_on=date(2027, 1, 2),
        cycle_minor=35_00,
        clause="Code de la consommation, art. L215-1",
    )
    assert date(2026, 4, 1) <= told.told_on <= date(2026, 6, 1)
    assert "jusqu’au 30 juin 2026 inclus" in told.body
    assert f"{paris.links.base_url}/leave/" in told.body
    assert paris.ends_on(nadia) == date(2027, 1, 2)
    with paris.gym.db.read() as conn:
        assert conn.scalar(select(func.max(invoice.c.issued_on))) == END
        assert conn.scalar(select(func.count()).select_from(invoice)) == SIX_MONTHS + 1
    paris.turn_to(date(2026, 12, 31))
    assert [type(one.notice) for one in paris.told(nadia)] == [RenewalComes, RenewalComes]


def test_who_was_told_stays_for_the_new_term(opens: Opens) -> None:
    """The notice came in time: the law gives no way out, and asking for one is refused with its name."""
    paris = opens("fr")
    nadia = paris.join(paris.sell(term_months=SIX_MONTHS), START, renews=True)
    paris.turn_to(date(2026, 8, 15))
    with pytest.raises(UnlawfulContractError, match="law fr"):
        paris.ask(nadia, CancelChange(change="cancel", by_law=True))


@pytest.mark.parametrize("why", ["no address", "refused", "late"])
def test_who_was_not_told_in_time_leaves_when_they_like(opens: Opens, why: str) -> None:
    """L215-1: nobody to write to, a letter refused, a worker down for months: then one may leave after the renewal."""
    paris = opens("fr")
    email = None if why == "no address" else "gone@example.org"
    nadia = paris.join(paris.sell(term_months=SIX_MONTHS), START, renews=True, email=email)
    if why == "late":
        with paris.gym.db.write() as conn:
            conn.execute(
                update(timer).where(timer.c.kind == RENEWAL_NOTICE).values(due_at_ms=paris.at(date(2026, 6, 20)))
            )
    paris.turn_to(date(2026, 7, 20))
    if why == "refused":
        with paris.gym.db.write() as conn:
            conn.execute(update(message).values(state=MessageState.REFUSED.value))
    left = paris.ask(nadia, CancelChange(change="cancel", by_law=True))
    assert left.way_out is not None
    assert left.way_out.clause == "Code de la consommation L215-1"
    assert left.way_out.kept_at_most_minor == 20_32  # 18 of 31 days
    assert left.way_out.refund_due_on == date(2026, 8, 19)
    [*_, told] = paris.told(nadia)
    assert isinstance(told.notice, Cancelled) and told.notice.clause == left.way_out.clause


def test_who_says_no_is_not_renewed(opens: Opens) -> None:
    """A cancellation before the end: the term ends on its day, and no notice of a renewal goes out."""
    paris = opens("fr")
    nadia = paris.join(paris.sell(term_months=SIX_MONTHS), START, renews=True)
    paris.turn_to(date(2026, 3, 1))
    paris.ask(nadia, CancelChange(change="cancel", on=date(2026, 7, 1)))
    paris.turn_to(date(2026, 7, 5))
    assert paris.ends_on(nadia) == date(2026, 7, 1)
    assert [type(one.notice) for one in paris.told(nadia)] == [Cancelled]


def test_in_quebec_another_term_is_offered_and_nothing_goes_on(opens: Opens) -> None:
    """billing.md 62: the offer goes out 60 to 30 days before the end; without a yes the term is over."""
    montreal = opens("ca-qc")
    nadia = montreal.join(montreal.sell(term_months=SIX_MONTHS), START)
    montreal.turn_to(date(2026, 7, 3))
    [told] = montreal.told(nadia)
    assert told.notice == RenewalOffered(
        ends_on=END, months=SIX_MONTHS, cycle_minor=40_24, clause="P-40.1, r. 3, s. 15.2"
    )
    assert 30 <= (END - told.told_on).days <= 60
    assert f"{montreal.links.base_url}/renew/" in told.body
    assert montreal.ends_on(nadia) == END
    assert not run_invoices(montreal.gym.db, montreal.gym.legal_entity_id, on=END, now_ms=montreal.now_ms())


def test_an_offer_that_was_accepted_is_followed_by_the_next(opens: Opens) -> None:
    """The renewed term has an offer of its own before its end."""
    montreal = opens("ca-qc")
    nadia = montreal.join(montreal.sell(term_months=SIX_MONTHS), START)
    montreal.turn_to(date(2026, 6, 1))
    montreal.ask(nadia, RenewChange(change="renew", months=SIX_MONTHS))
    montreal.turn_to(date(2026, 12, 20))
    offered = [one.notice.ends_on for one in montreal.told(nadia) if isinstance(one.notice, RenewalOffered)]
    assert offered == [END, date(2027, 1, 2)]


def test_what_is_sold_for_a_short_while_is_not_offered_again(opens: Opens) -> None:
    """A month's contract has no room for a window of sixty days before its end; where no law asks, nobody writes."""
    montreal = opens("ca-qc")
    month = montreal.join(montreal.sell(term_months=1), START)
    montreal.turn_to(date(2026, 2, 5))
    assert montreal.told(month) == []


def test_where_no_law_asks_a_renewal_is_told_all_the_same(opens: Opens) -> None:
    """The house's own window, and no clause in the letter."""
    ontario = opens("none")
    nadia = ontario.join(ontario.sell(term_months=SIX_MONTHS), START, renews=True)
    still = ontario.join(ontario.sell(term_months=SIX_MONTHS), START)
    ontario.turn_to(END)
    [told] = ontario.told(nadia)
    assert isinstance(told.notice, RenewalComes) and told.notice.clause == ""
    assert "()" not in told.body
    assert ontario.told(still) == []


def test_a_renewal_is_done_once(opens_both: Opens) -> None:
    """A worker that died after the renewal and is followed by another renews nothing twice."""
    paris = opens_both("fr")
    nadia = paris.join(paris.sell(term_months=SIX_MONTHS), START, renews=True)
    paris.turn_to(END)
    with paris.gym.db.write() as conn:
        conn.execute(update(timer).where(timer.c.kind == "renew", timer.c.state == "done").values(state="ready"))
    paris.worker.run_until_idle()
    assert paris.ends_on(nadia) == date(2027, 1, 2)
