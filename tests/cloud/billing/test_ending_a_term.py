"""What ends a fixed term early: what the contract says in writing, and beyond that the law of its place, by clause."""

from datetime import date

import pytest
from cloud.billing.lawful_gym import LawfulGym, open_lawful_gym
from cloud.gym import MONTHLY, Clock, Joined
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.change_request import CancelChange
from portillon_cloud.billing.errors import SubscriptionRefusedError, UnlawfulContractError
from portillon_cloud.billing.operations import create_price
from portillon_cloud.billing.sold_terms import SoldTerms
from portillon_cloud.billing.subscription import Why
from portillon_cloud.database import Database
from portillon_cloud.documents.phrases import Phrases
from portillon_cloud.locale.words import Words
from portillon_cloud.secrets import Keyring

START, TODAY, LEAVES = date(2026, 1, 2), date(2026, 2, 1), date(2026, 2, 16)
LAWS = ("ca-qc", "fr", "none")


@pytest.fixture(params=LAWS)
def gym(request: pytest.FixtureRequest, sqlite_db: Database, keyring: Keyring, clock: Clock) -> LawfulGym:
    return open_lawful_gym(sqlite_db, keyring, clock, request.param)


def joined(gym: LawfulGym, terms: SoldTerms) -> Joined:
    """Twelve months at 28.00, signed at the desk, a month ago."""
    with gym.gym.db.write() as conn:
        price_id = create_price(
            conn, plan_id=gym.gym.plan_id, amount_minor=28_00, interval=MONTHLY, term_months=12,
            tax_inclusive=gym.inclusive, terms=terms,
        )  # fmt: skip
    made = gym.join(price_id, START)
    gym.turn_to(TODAY)
    return made


def written(gym: LawfulGym, made: Joined) -> str:
    """What the contract in writing says of leaving."""
    with gym.gym.db.read() as conn:
        agreement = agreement_of(conn, made.contract_id)
    return Phrases(Words("en", "CA", gym.zone), "CAD").leaving(agreement)


def test_without_a_minimum_it_is_left_on_any_day(gym: LawfulGym) -> None:
    """The contract says so, wherever it is; the days that are not had come back, and Quebec bounds what is kept."""
    made = joined(gym, SoldTerms())
    assert written(gym, made) == "The contract may be ended at any time, with effect on the day that is asked for."
    gym.turn_to(date(2026, 2, 3))
    shown = gym.show(made, CancelChange(change="cancel", on=LEAVES))
    assert shown.outcome.ends_on == LEAVES
    [note] = shown.outcome.credit_notes
    assert (note.taxed.total_minor if gym.inclusive else note.taxed.net_minor) == 14_00  # 14 of 28 days
    assert (shown.way_out is not None) is (gym.law == "ca-qc")
    assert shown.way_out is None or shown.way_out.clause == "C.c.Q., art. 2125, 2129"


def test_with_a_minimum_it_is_refused_until_then(gym: LawfulGym) -> None:
    """Refused with the first day; by law only where one gives a way out: priced with its clause, or refused with it."""
    made = joined(gym, SoldTerms(minimum_months=12))
    assert written(gym, made).endswith("It runs until Jan 1, 2027 at least.")
    with pytest.raises(SubscriptionRefusedError) as refused:
        gym.show(made, CancelChange(change="cancel", on=LEAVES))
    assert (refused.value.why, refused.value.possible_on) == (Why.MINIMUM_TERM, date(2027, 1, 2))
    by_law = CancelChange(change="cancel", on=LEAVES, by_law=True)
    if gym.law == "ca-qc":
        way_out = gym.show(made, by_law).way_out
        assert way_out is not None and way_out.clause == "C.c.Q., art. 2125, 2129"
    else:
        with pytest.raises(UnlawfulContractError, match=f"law {gym.law}, version"):
            gym.show(made, by_law)
