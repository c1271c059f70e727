"""Two organisations with alike members, prices and numbers under one worker: each transaction is of one of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cloud.conftest import ManualClock, PostgresCluster
from cloud.gym import Gym, Joined, open_gym
from cloud.web.tenant_watch import Watch, watching
from portillon_cloud.audit.planning import plan_audit
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.referrals import Reward, note, set_reward
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.clock.operations import advance
from portillon_cloud.database.schema import metadata
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.main import Services, compose
from portillon_cloud.members.tables import legal_entity, member
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator import SIMULATOR, PaymentSimulator
from portillon_cloud.settings import Settings
from portillon_cloud.timers.tables import timer
from portillon_cloud.webhooks import drains
from portillon_cloud.webhooks.endpoints import Wanted, add_endpoint
from portillon_cloud.webhooks.sending import Answer, Request
from sqlalchemy import select, text, update

ZONE = "America/Toronto"
START, TURN, END = date(2026, 1, 5), date(2026, 2, 10), date(2026, 3, 20)
MARKS = ("Zzyzx", "Qwghlm")
CARDS = (CardBehaviour.OK, CardBehaviour.INSUFFICIENT_FUNDS, CardBehaviour.OK)

# Statements of no one organisation, and why each may be so. What they bring is worked on one organisation at a time.
FREE = {
    "SELECT organisation.id FROM organisation LEFT OUTER JOIN test_clock": "who has a timer due",
    "SELECT clock_job.organisation_id FROM clock_job": "whose clock is being advanced",
    "UPDATE message SET state=": "the next letters of anybody are claimed together, and each is sent by itself",
    "SELECT inbox_event.id FROM inbox_event WHERE inbox_event.state = 'waiting'": "which news waits",
    "SELECT inbox_source.id FROM inbox_source": "which provider account is to be swept",
    "SELECT DISTINCT provider_account.organisation_id": "who has an account at the provider",
    "FROM webhook_endpoint WHERE webhook_endpoint.state = ": "which endpoints have something to be told",
    "SELECT DISTINCT answered_request.organisation_id": "who has old answers to forget",
    "SELECT DISTINCT webhook_event.organisation_id": "who has old events to tidy up",
    "FROM webhook_endpoint WHERE webhook_endpoint.tell_owners_at_real_ms": "which owners to write to",
    "SELECT nextval(pg_get_serial_sequence(": "the next free keys of a table",
    " FROM sqlite_master WHERE type = 'trigger'": "the defences are the database's, not an organisation's",
    " FROM pg_trigger ": "the defences are the database's, not an organisation's",
}

NEXT_KEY = re.compile(r"SELECT coalesce\(max\((\w+)\.id\), :\w+\) AS \w+ FROM \1")
"""The next free key of a table: a number, whosever the row before it is."""


class Receiver:
    """Takes whatever it is sent, in place of the internet."""

    def __init__(self, *, private: bool) -> None:
        self.private = private

    def send(self, _request: Request) -> Answer:
        return Answer(204)


@dataclass(frozen=True, slots=True)
class Two:
    """Both gyms under one worker, and the member of each that somebody brought."""

    services: Services
    gyms: tuple[Gym, Gym]
    members: dict[int, list[Joined]]

    def live(self, day: date) -> None:
        """Both clocks are sent to the day; the worker does whatever falls due for either."""
        for gym in self.gyms:
            with self.services.db.write() as conn:
                advance(
                    conn, gym.organisation_id, target_ms=start_of_day_ms(day, ZONE), real_ms=gym.clock.real_ms()
                )  # fmt: skip
        self.services.worker().run_until_idle()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def two(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Two]:
    """The shipped worker with all that it drains; what differs between the gyms is the mark in every text."""
    monkeypatch.setattr(drains, "HttpSender", Receiver)
    cluster: PostgresCluster | None = None
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgres_cluster")
    url = cluster.fresh() if cluster else request.getfixturevalue("sqlite_url")
    services = compose(Settings(data_dir=tmp_path, database_url=url), clock=clock)
    gyms = tuple(open_gym(services.db, services.keyring, clock) for _ in MARKS)
    members = {gym.organisation_id: fill(services, gym, mark) for gym, mark in zip(gyms, MARKS, strict=True)}
    yield Two(services, (gyms[0], gyms[1]), members)
    services.close()
    if cluster:
        cluster.drop(url)


def fill(services: Services, gym: Gym, mark: str) -> list[Joined]:
    """Three members with cards, one brought by another, an endpoint, takings that are chained, an audit to come."""
    simulator = PaymentSimulator(services.db)
    tokens = simulator.issue_cards(gym.organisation_id, len(CARDS))
    for token, behaviour in zip(tokens, CARDS, strict=True):
        simulator.set_card_behaviour(gym.organisation_id, token, behaviour)
    same, now_ms = {"organisation_id": gym.organisation_id}, gym.clock.real_ms()
    owner = Principal(
        kind=PrincipalKind.STAFF, id=1, organisation_id=gym.organisation_id, name=mark, role=Role.OWNER, language="fr"
    )
    with services.db.write() as conn:
        conn.execute(update(legal_entity).where(legal_entity.c.id == gym.legal_entity_id).values(tax_regime="fr"))
        add_endpoint(conn, gym.keyring, Wanted(url=f"https://{mark}.example/hook"), by=owner, real_ms=now_ms)
        set_reward(conn, gym.organisation_id, Reward(cycles=1, share_ppm=500_000))
        plan_audit(conn, **same, time_zone=ZONE, after_ms=start_of_day_ms(date(2026, 3, 15), ZONE))
    joined = [gym.join(f"{mark}{number} {mark}", starts_on=START) for number in range(len(CARDS))]
    with services.db.write() as conn:
        for one, token in zip(joined, tokens, strict=True):
            add_payment_method(
                conn, **same, account_id=one.account_id, provider=SIMULATOR, token=token, label=mark, now_ms=now_ms
            )
        note(conn, **same, referrer_id=joined[2].member_id, referred_id=joined[0].member_id, by=mark, now_ms=now_ms)
    return joined


def ask(two: Two) -> None:
    """In each gym one freezes and one leaves."""
    terms = Agreement(freeze=FreezeTerms(days_least=1))
    for gym in two.gyms:
        first, _, last = two.members[gym.organisation_id]
        asked: list[tuple[Joined, changes.Ask]] = [
            (
                first,
                lambda recorded, today: subscription.freeze(
                    recorded, terms, on=today, until_on=date(2026, 2, 20), today=today
                ),
            ),
            (last, lambda recorded, today: subscription.cancel(recorded, terms, on=END, today=today, by_law=True)),
        ]
        with two.services.db.write() as conn:
            for joined, what in asked:
                changes.change(
                    conn, organisation_id=gym.organisation_id, subscription_id=joined.subscription_id, ask=what,
                    author=Author(name="desk", at_ms=start_of_day_ms(TURN, ZONE)),
                )  # fmt: skip


def unbound(watch: Watch) -> list[str]:
    told = (one for one in watch.told if not NEXT_KEY.fullmatch(one))
    return [one for one in told if not any(free in one for free in FREE)]


def test_what_the_worker_does_is_of_one_organisation_at_a_time(two: Two) -> None:
    """Ten weeks of both: each statement is bound, no transaction is of two, and neither has a text of the other."""
    with watching(two.services.db, None) as watch:
        two.live(TURN)
        ask(two)
        two.live(END)
    assert unbound(watch) == []
    assert watch.seen > 2_000
    with two.services.db.read() as conn:
        kinds = set(conn.execute(select(timer.c.kind).where(timer.c.state == "done")).scalars())
        failed = conn.execute(select(timer.c.kind, timer.c.error).where(timer.c.state == "failed")).all()
        written = [
            (table.name, gym.organisation_id)
            for gym, other in zip(two.gyms, reversed(MARKS), strict=True)
            for table in metadata.sorted_tables
            if "organisation_id" in table.c
            and other in repr(conn.execute(select(table).where(table.c.organisation_id == gym.organisation_id)).all())
        ]
    assert failed == []
    assert kinds >= {"invoice_run", "recognise_revenue", "charge", "dunning_step", "nightly_audit", "close_takings"}
    assert written == []


def test_the_watch_tells_a_transaction_of_two(two: Two) -> None:
    """Ablation: bound statements of both in one transaction are seen, and so is one that is bound to none."""
    with watching(two.services.db, None) as watch:
        for gym in two.gyms:
            with two.services.db.read() as conn:
                conn.execute(select(member.c.id).where(member.c.organisation_id == gym.organisation_id))
        assert watch.told == {}
        with two.services.db.read() as conn:
            for gym in two.gyms:
                conn.execute(select(member.c.id).where(member.c.organisation_id == gym.organisation_id))
        assert len(watch.told) == 1
        with two.services.db.read() as conn:
            conn.execute(text("SELECT 1 FROM member"))
        assert len(watch.told) == 2
