"""The gym on the first of January: members signed, every act of the script a timer, the clock sent off for a year."""

from collections.abc import Callable

from chaos.acts import ACT, join
from chaos.script import DAY_MS, START_MS, Script
from cloud.gym import MONTHLY, open_gym
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.operations import create_price
from portillon_cloud.clock.operations import advance, set_rate
from portillon_cloud.database import Database
from portillon_cloud.database.migrate import migrate
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.main import all_tables
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers import NewTimer, schedule_many
from sqlalchemy import delete

JOINED_AT_ONCE = 500

Told = Callable[[int], object]
"""Told how far it is."""


class _NewYear:
    def real_ms(self) -> int:
        return START_MS


def build(url: str, year: Script, *, told: Told = lambda _joined: None) -> None:
    """Make it in an empty database."""
    all_tables()
    db = Database(url)
    migrate(db)
    gym = open_gym(db, Keyring.generate(), _NewYear())
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
        with db.write() as conn:
            for one in some:
                join(conn, one, organisation_id=gym.organisation_id, now_ms=START_MS)
        told(first + len(some))
    with db.write() as conn:
        schedule_many(
            conn,
            [
                NewTimer(
                    organisation_id=gym.organisation_id, kind=ACT, subject_id=act.number, due_at_ms=act.at_ms,
                    key=f"{ACT}:{act.number}",
                )
                for act in year.acts
            ],
        )  # fmt: skip
        advance(conn, gym.organisation_id, target_ms=START_MS + year.days * DAY_MS, real_ms=START_MS)
    db.close()
