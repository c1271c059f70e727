"""Whatever a bank says of a debit, in any order and as often as it likes: paid once at most, and the money is right."""

import threading
from datetime import date, timedelta

from euro_gym import DUE, TOTAL_MINOR, EuroGym, at, open_euro_gym
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.operations import charge, owed_minor
from portillon_cloud.payments.sepa import decisions
from portillon_cloud.payments.sepa.collecting import Made, make_file
from portillon_cloud.payments.sepa.decisions import Decision, Said, decide
from portillon_cloud.payments.sepa.errors import NothingToCollectError
from portillon_cloud.payments.sepa.tables import sepa_debit, sepa_file
from portillon_cloud.payments.tables import payment, payment_attempt, payment_intent
from sqlalchemy import func, select

FILED = date(2026, 3, 11)


def filed(gym: EuroGym) -> Made:
    """The file of the day."""
    with gym.db.write() as conn:
        return make_file(conn, gym.keyring, gym.book, today=FILED, by="Inès", now_ms=at(FILED, 9))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*Said, "worker"]), max_size=6))
def test_any_order_of_answers(sqlite_db, said: list[Said | str]) -> None:
    """One success per attempt, what is owed is what did not stay, and what is at the bank is what is not owed."""
    gym = made_once(sqlite_db)
    account_id = gym.payer()
    invoice_id = gym.owe(account_id)
    before_minor = gym.balance_minor(LedgerCode.PROVIDER_CLEARING)
    with gym.db.read() as conn:
        query = select(payment_intent.c.id).where(payment_intent.c.invoice_id == invoice_id)
        [intent_id] = conn.execute(query).scalars()
    charge(gym.db, gym.provider, intent_id, now_ms=at(DUE, 7))
    key = gym.key_of(invoice_id)
    filed(gym)
    for day, one in enumerate(said):
        now_ms = at(FILED + timedelta(days=day))
        if isinstance(one, Said):
            with gym.db.write() as conn:
                assert decide(conn, gym.organisation_id, Decision(key, one, "AM04"), now_ms=now_ms)
        elif one == "worker":
            charge(gym.db, gym.provider, intent_id, now_ms=now_ms)
        with gym.db.read() as conn:
            paid = conn.execute(
                select(func.count())
                .select_from(payment)
                .join(payment_attempt, payment_attempt.c.id == payment.c.attempt_id)
                .where(payment_attempt.c.key == key)
            ).scalar_one()
            owed = owed_minor(conn, invoice_id)
            state = conn.execute(select(sepa_debit.c.state).where(sepa_debit.c.attempt_key == key)).scalar_one()
        came_minor = gym.balance_minor(LedgerCode.PROVIDER_CLEARING) - before_minor
        assert came_minor == TOTAL_MINOR - owed == (TOTAL_MINOR if state == "succeeded" else 0)
        assert paid == (state in ("succeeded", "returned"))


GYMS: dict[int, EuroGym] = {}


def made_once(db) -> EuroGym:
    """One gym for all examples: each has a payer of its own in it."""
    if id(db) not in GYMS:
        GYMS.clear()
        GYMS[id(db)] = open_euro_gym(db)
    return GYMS[id(db)]


def test_two_files_at_once_are_one(db) -> None:
    """Two owners press at the same instant: each debit is in one file, and no number is left out."""
    gym = open_euro_gym(db)
    for _ in range(3):
        gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    made: list[Made] = []
    nothing: list[str] = []
    both = threading.Barrier(2)

    def press() -> None:
        both.wait(timeout=20)
        try:
            made.append(filed(gym))
        except NothingToCollectError as error:
            nothing.append(str(error))

    threads = [threading.Thread(target=press) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=30)
    assert [one.debits for one in made] == [3] and nothing == ["no debit waits for a file"]
    with gym.db.read() as conn:
        assert list(conn.execute(select(sepa_file.c.number)).scalars()) == [1]


def test_without_the_state_a_return_is_lost(sqlite_db, monkeypatch) -> None:
    """The ablation: who forgets that a debit was paid takes what comes back for a refusal: it is never owed."""
    monkeypatch.setattr(decisions, "_set", lambda *_: None)
    gym = open_euro_gym(sqlite_db)
    invoice_id = gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    filed(gym)
    for said in (Said.PAID, Said.RETURNED):
        with gym.db.write() as conn:
            decide(conn, gym.organisation_id, Decision(gym.key_of(invoice_id), said, "AM04"), now_ms=at(FILED))
    with gym.db.read() as conn:
        assert owed_minor(conn, invoice_id) == 0
