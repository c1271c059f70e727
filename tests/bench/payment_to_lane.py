"""From a payment at the desk, committed in the cloud, to the lane that opens: over the same processes as a revocation.

Each member owes since twelve days and is shut out; they pay all of it in cash. "Opens" is what `decide` says of the row
on the gateway's disk. Floor, in turns: commit, a message through a bare socket, one FULL commit at the other end.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import floors
from bench.cloud_gym import build
from bench.report import Row, micro
from bench.revocation import REST_S, connected
from cloud.gym import Gym
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.clock import RealClock
from portillon_cloud.clock.local import local_date
from portillon_cloud.payments.operations import DeskPayment, take_payment, unpaid_invoices
from portillon_cloud.payments.tables import Means

P99_AIM_S = 1.0
OVERDUE_MS = 12 * 24 * 3_600_000
"""Two days longer than the grace that a gym gives unless it says otherwise."""


def benchmarks(folder: Path, payments: int) -> Iterator[Row]:
    """`payments` members pay one after the other. Needs a Mosquitto."""
    then_ms = RealClock().real_ms() - OVERDUE_MS
    gym = build(f"sqlite:///{folder / 'cloud.db'}", payments, now_ms=then_ms)
    run_invoices(gym.db, gym.legal_entity_id, on=local_date(then_ms, "America/Toronto"), now_ms=then_ms)
    spent, floor = [], []
    with connected(folder, gym) as (door, floor_s):
        for account_id in range(1, payments + 1):
            time.sleep(REST_S)
            floor.append(floor_s())
            time.sleep(REST_S)
            spent.append(door.turned_after_s(account_id, refused=False, by=partial(_pay, gym, account_id)))
    yield _row(floors.summary(spent), floors.summary(floor))


def _pay(gym: Gym, account_id: int) -> None:
    with gym.db.write() as conn:
        owed_minor = sum(one.owed_minor for one in unpaid_invoices(conn, account_id))
        paid = DeskPayment(
            organisation_id=gym.organisation_id, account_id=account_id, amount_minor=owed_minor, currency="CAD",
            means=Means.CASH, request_key=f"bench-{account_id}", taken_by="bench",
        )  # fmt: skip
        take_payment(conn, paid, now_ms=RealClock().real_ms())


def _row(measured: floors.Timing, floor: floors.Timing) -> Row:
    return Row(
        f"payment → the lane opens, ONE gateway; Mosquitto, TLS; {measured.count} times; SQLite",
        f"p50 {micro(measured.p50_s)}, p99 {micro(measured.p99_s)}",
        f"commit + socket + FULL commit {micro(floor.p50_s)}",
        measured.p50_s / floor.p50_s,
        f"p99 < {P99_AIM_S:.0f} s",
        measured.p99_s < P99_AIM_S,
    )
