"""Webhooks of a payment service by the thousand: signature checked, event read, stored once, each flushed to the disk.

The floor is a bare insert of the same row into a table with the same unique key, each in a transaction of its own.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from bench.cloud_gym import NOW_MS, Engine, build, raw_connection
from bench.report import Row
from portillon_cloud.commands.serving import collect_seldom
from portillon_cloud.payments.inbox.receiving import receive
from portillon_cloud.payments.stripe.news import StripeNews
from portillon_cloud.payments.tables import STRIPE
from portillon_psp.webhooks import sign
from sqlalchemy import text

SECRET = "whsec_bench"
RATIO_AIM = 2.0
_FILLER = "x" * 3_000  # an event is some kilobytes


def benchmarks(engine: Engine, webhooks: int) -> Iterator[Row]:
    """One row: `webhooks` events, a tenth of them told twice."""
    collect_seldom()
    gym = build(engine.create("storm"), 1)
    news = StripeNews((), (SECRET,))
    at_s = int(time.time())
    told = [_event(number, at_s) for number in range(webhooks)]
    told += told[: webhooks // 10]
    signed = [({"stripe-signature": sign(SECRET, at_s, body)}, body) for body in told]
    begin_s = time.perf_counter()
    for headers, body in signed:
        receive(gym.db, news, headers, body, organisation_id=gym.organisation_id, provider=STRIPE, real_ms=at_s * 1_000)
    spent_s = time.perf_counter() - begin_s
    with gym.db.read() as conn:
        kept = conn.scalar(text("SELECT count(*) FROM inbox_event"))
    gym.db.close()
    assert kept == webhooks, f"{kept} events of {webhooks}"
    floor_s = _floor_s(engine.create("storm_floor"), len(signed), webhooks)
    yield Row(
        f"{webhooks:,} webhooks, a tenth of them twice, each checked and stored; {engine.name}",
        f"{spent_s:.1f} s, {len(signed) / spent_s:,.0f} a second",
        f"bare inserts {floor_s:.1f} s",
        spent_s / floor_s,
        f"≤ {RATIO_AIM:.0f}×",
        spent_s / floor_s <= RATIO_AIM,
    )


def _event(number: int, at_s: int) -> bytes:
    event = {
        "id": f"evt_{number}", "object": "event", "type": "payment_intent.succeeded", "created": at_s,
        "api_version": "2026-10-28.endive", "livemode": False,
        "data": {"object": {"id": f"pi_{number}", "object": "payment_intent", "description": _FILLER}},
    }  # fmt: skip
    return json.dumps(event).encode()


def _floor_s(url: str, inserts: int, distinct: int) -> float:
    connection: Any = raw_connection(url)
    connection.execute(
        "CREATE TABLE bare (organisation_id BIGINT, provider TEXT, event_id TEXT, kind TEXT, object_id TEXT, "
        "created_s BIGINT, received_ms BIGINT, UNIQUE (organisation_id, provider, event_id))"
    )
    connection.commit()
    begin_s = time.perf_counter()
    for number in range(inserts):
        one = number % distinct
        connection.execute("BEGIN" if url.startswith("sqlite") else "SELECT 1")
        connection.execute(
            f"INSERT INTO bare VALUES (1, 'stripe', 'evt_{one}', 'payment_intent.succeeded', 'pi_{one}', {one}, "
            f"{NOW_MS}) ON CONFLICT DO NOTHING"
        )
        connection.commit()
    spent_s = time.perf_counter() - begin_s
    connection.close()
    return spent_s
