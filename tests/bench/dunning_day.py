"""The day on which everybody's card refuses, and the day of the second letter: thousands of accounts, each a ladder.

The floor is what of it is the disk's: as many transactions of one small row each, every one flushed.
"""

import time
from collections.abc import Iterator
from typing import Any

from bench.cloud_gym import NOW_MS, Engine, StoppedClock, build
from bench.report import Row
from bench.year import DAY_MS, counted, floor_s, give_cards, live_through, plan
from portillon_cloud.clock.operations import advance
from portillon_cloud.commands.serving import collect_seldom
from portillon_cloud.main import compose
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.settings import Settings
from sqlalchemy import text

RATIO_AIM = 5.0
DAYS = (1, 4)
"""Until the morning after the first charge; and until the morning after the next retry and letter, on day 3."""


def benchmarks(engine: Engine, folder: Any, overdue: int) -> Iterator[Row]:
    """Two rows: the day of the charges, and the day of the retries and reminders."""
    collect_seldom()
    url = engine.create("dunning_day")
    gym = build(url, overdue)
    with gym.db.write() as conn:
        give_cards(conn, gym.organisation_id, overdue, CardBehaviour.INSUFFICIENT_FUNDS)
        plan(conn, gym.organisation_id, gym.legal_entity_id)
    gym.db.close()
    services = compose(Settings(data_dir=folder / f"dunning-{engine.name}", database_url=url), clock=StoppedClock())
    for days, what in zip(DAYS, ("refused and written to", "tried again and reminded"), strict=True):
        with services.db.write() as conn:
            advance(conn, gym.organisation_id, target_ms=NOW_MS + days * DAY_MS, real_ms=NOW_MS)
        with counted(services.db) as made:
            begin_s = time.perf_counter()
            live_through(services, gym.organisation_id)
            spent_s = time.perf_counter() - begin_s
        bare_s = floor_s(engine.create(f"dunning_floor_{days}"), made["transactions"])
        yield Row(
            f"{overdue:,} accounts {what}; {engine.name}",
            f"{spent_s:.1f} s, {spent_s / overdue * 1e3:.1f} ms each",
            f"{made['transactions']:,} flushed transactions of one row {bare_s:.1f} s",
            spent_s / bare_s,
            f"≤ {RATIO_AIM:.0f}×",
            spent_s / bare_s <= RATIO_AIM,
        )
    with services.db.read() as conn:
        cases = conn.scalar(text("SELECT count(*) FROM dunning_case"))
        letters = conn.scalar(text("SELECT count(*) FROM message"))
    services.close()
    assert cases == overdue and letters >= 2 * overdue, f"{cases} cases and {letters} letters of {overdue}"
