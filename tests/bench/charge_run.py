"""A night's charges at a payment service of its own process that takes its time: 0.2 s an answer, 25 requests a second.

The floor is the pace at which Stripe takes them. Beside it: what one after the other would take.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cloud_gym import DUE_ON, NOW_MS, Engine, StoppedClock, build
from bench.report import Row
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.commands.serving import collect_seldom
from portillon_cloud.database.rows import insert_many
from portillon_cloud.main import Services, compose
from portillon_cloud.payments.provider_accounts import current_account_id
from portillon_cloud.payments.stripe.connection import REQUESTS_PER_S
from portillon_cloud.payments.stripe.entering import Keys, enter_keys
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.payments.tables import STRIPE, MethodState, payment_method
from portillon_cloud.settings import Settings
from psp.conftest import Running, Service
from sqlalchemy import Connection, text

CHARGE_AT_MS = 6 * 3_600_000
LATENCY_MS = 200
TAKEN_PER_S = 25
RATIO_AIM = 1.2


def benchmarks(engine: Engine, folder: Path, charges: int) -> Iterator[Row]:
    """One row: `charges` due at the same instant."""
    collect_seldom()
    running = Running(folder / f"psp-{engine.name}.db")
    try:
        yield _row(engine, folder, charges, running)
    finally:
        running.kill()


def _row(engine: Engine, folder: Path, charges: int, running: Running) -> Row:
    url = engine.create("charge_run")
    gym = build(url, charges)
    run_invoices(gym.db, gym.legal_entity_id, on=DUE_ON, now_ms=NOW_MS)
    gym.db.close()
    settings = Settings(data_dir=folder / f"charges-{engine.name}", database_url=url, stripe_test_url=running.url)
    services = compose(settings, clock=StoppedClock(NOW_MS + CHARGE_AT_MS))
    service = Service(running, "bench")
    _give_cards(services, service, gym.organisation_id, charges)
    service.simulator("faults", latency_ms=LATENCY_MS, requests_per_s=TAKEN_PER_S)
    time.sleep(1)  # the service counts by whole seconds: those in which the cards were made are over
    worker = services.worker()
    begin_s = time.perf_counter()
    worker.run_until_idle()
    spent_s = time.perf_counter() - begin_s
    with services.db.read() as conn:
        paid = int(conn.scalar(text("SELECT count(*) FROM payment")) or 0)
    services.close()
    floor_s = charges / REQUESTS_PER_S
    return Row(
        f"{charges:,} cards charged at a payment service, {LATENCY_MS} ms an answer; {engine.name}",
        f"{spent_s:.1f} s, {charges / spent_s:.1f} a second, {charges - paid} sent away for haste; "
        f"one by one {charges * LATENCY_MS / 1e3:.0f} s and more",
        f"{REQUESTS_PER_S} a second, as its limits ask: {floor_s:.1f} s",
        spent_s / floor_s,
        f"≤ {RATIO_AIM}×",
        spent_s / floor_s <= RATIO_AIM and paid == charges,
    )


def _give_cards(services: Services, service: Service, organisation_id: int, charges: int) -> None:
    provider = StripeProvider(services.db, services.keyring, services.connections)
    enter_keys(provider, Keys(secret="sk_test_bench"), organisation_id=organisation_id, by="bench", now_ms=NOW_MS)
    customer = service.customer()
    with services.db.write() as conn:
        _insert(conn, organisation_id, [f"{customer}:{service.card(customer=customer)[1]}" for _ in range(charges)])


def _insert(conn: Connection, organisation_id: int, tokens: list[str]) -> None:
    kept: dict[str, Any] = {
        "organisation_id": organisation_id, "mode": "test", "provider": STRIPE, "label": "Visa",
        "state": MethodState.ACTIVE.value, "added_at_ms": NOW_MS,
        "provider_account_id": current_account_id(conn, organisation_id=organisation_id, provider=STRIPE),
    }  # fmt: skip
    rows = [(*kept.values(), n, token) for n, token in enumerate(tokens, start=1)]
    insert_many(conn, payment_method, (*kept, "account_id", "token"), rows)
