"""The gym on the first of January: members signed, every act of the script a timer, the clock sent off for a year."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.acts import ACT, join
from chaos.cards import Cards, CardsAtService, SimulatedCards, joining_card
from chaos.script import DAY_MS, START_MS, Script
from chaos.till import SECRET, Till
from chaos.turns import TURN, Turn
from cloud.gym import MONTHLY, Gym, open_gym
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.operations import create_price
from portillon_cloud.clock.operations import advance, set_rate
from portillon_cloud.database import Database
from portillon_cloud.database.migrate import migrate
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.main import all_tables
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.entering import Keys, enter_keys
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers import NewTimer, schedule_many
from sqlalchemy import delete

JOINED_AT_ONCE = 500

Told = Callable[[int], object]
"""Told how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtService:
    """A payment service: where it is, where it tells what happens, and what befalls it in the year."""

    url: str
    till: Till
    webhooks_url: str
    turns: Sequence[Turn]


class _NewYear:
    def real_ms(self) -> int:
        return START_MS


def build(
    url: str, year: Script, keyring: Keyring, at: AtService | None = None, *, told: Told = lambda _joined: None
) -> None:
    """Make it in an empty database. `at`: where cards are kept, if not in the database."""
    all_tables()
    db = Database(url)
    migrate(db)
    gym = open_gym(db, keyring, _NewYear())
    if at is not None:
        _enter(db, gym, keyring, at)
    cards: Cards = SimulatedCards() if at is None else CardsAtService(at.till)
    with db.write() as conn:
        set_rate(conn, gym.organisation_id, rate=0, real_ms=START_MS)
        enrol_gateway(
            conn, organisation_id=gym.organisation_id, site_id=gym.site_id, gateway_id="front", name="Front",
            mode="test", now_ms=START_MS,
        )  # fmt: skip
        conn.execute(delete(access_outbox))
        create_price(
            conn, plan_id=gym.plan_id, amount_minor=57_49, interval=MONTHLY, term_months=12, tax_inclusive=True
        )
        fortnight = Interval(IntervalUnit.WEEK, 2)
        create_price(conn, plan_id=gym.plan_id, amount_minor=31_01, interval=fortnight, term_months=None)
    for first in range(0, len(year.members), JOINED_AT_ONCE):
        some = year.members[first : first + JOINED_AT_ONCE]
        made = [(one, joining_card(one)) for one in some]
        tokens = [None if card is None else cards.made(card) for _, card in made]
        with db.write() as conn:
            for one, token in zip(some, tokens, strict=True):
                join(conn, one, cards, token, organisation_id=gym.organisation_id, now_ms=START_MS)
        told(first + len(some))
    with db.write() as conn:
        schedule_many(
            conn,
            [
                NewTimer(
                    organisation_id=gym.organisation_id, kind=kind, subject_id=number, due_at_ms=at_ms,
                    key=f"{kind}:{number}",
                )
                for kind, number, at_ms in [
                    *((ACT, act.number, act.at_ms) for act in year.acts),
                    *((TURN, turn.number, turn.at_ms) for turn in (at.turns if at is not None else ())),
                ]
            ],
        )  # fmt: skip
        advance(conn, gym.organisation_id, target_ms=START_MS + year.days * DAY_MS, real_ms=START_MS)
    db.close()


def _enter(db: Database, gym: Gym, keyring: Keyring, at: AtService) -> None:
    """The gym charges with its account there, and hears what is told."""
    at.till.turn_to(START_MS)
    signed_with = at.till.hear_at(f"{at.webhooks_url}/webhooks/stripe/{gym.organisation_id}")
    connections = Connections(at.url)
    enter_keys(
        StripeProvider(db, keyring, connections), Keys(secret=SECRET, webhook_secret=signed_with),
        organisation_id=gym.organisation_id, by="the owner", now_ms=START_MS,
    )  # fmt: skip
    connections.close()
