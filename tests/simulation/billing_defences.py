"""What keeps the books right, and how each of it looks when it is missing."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from portillon_cloud.billing import changes, event_store
from portillon_cloud.billing.difference import Billed
from portillon_cloud.dunning import ladder
from portillon_cloud.ledger import Entry, post
from portillon_cloud.payments import receipts
from portillon_cloud.payments.provider import ChargeAnswer, ChargeOrder, PaymentProvider
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.tables import SIMULATOR
from simulation.billing_watch import TERMINAL


@dataclass(frozen=True)
class Defences:
    """Switched off one by one to see that each is missed."""

    provider_keeps_keys: bool = True  # the same key again is the same charge
    key_outlives_the_process: bool = True  # the key is a row, not something that a process makes up
    periods_are_unique: bool = True  # the database refuses a period that was billed
    posts_once: bool = True  # one payment, one entry
    final_rows_are_fixed: bool = True  # triggers refuse UPDATE
    dues_shut: bool = True  # the ladder reaches the door
    freezes_shut: bool = True  # whoever is frozen does not pass
    returns_have_names: bool = True  # what a bank tells twice is known by the bank's own name for it
    credits_are_counted: bool = True  # what a credit note took back is not taken back again

    @contextmanager
    def missing_from(self, path: Path) -> Iterator[None]:
        """The code and the database at `path` without the defences that are off, until the end of the block."""
        with ExitStack() as patches:
            if not self.periods_are_unique:
                alter(path, "DROP INDEX uq_invoice_line_recurring")
            if not self.final_rows_are_fixed:
                for table in TERMINAL:
                    alter(path, f"DROP TRIGGER {table}_no_update")
            if not self.posts_once:
                patches.enter_context(patch.object(receipts, "post", _post_twice))
            if not self.dues_shut:
                patches.enter_context(patch.object(ladder, "restricted_from_ms", lambda *_: None))
            if not self.freezes_shut:
                patches.enter_context(patch.object(changes, "_block_freezes", lambda *_: None))
            if not self.credits_are_counted:
                patches.enter_context(patch.object(event_store, "billed", _nothing_credited))
            yield

    def provider(self, simulator: PaymentSimulator, process: str) -> PaymentProvider:
        """The way to the provider from this process."""
        if not self.provider_keeps_keys:
            calls = itertools.count()
            return FreshKeys(simulator, lambda: f"{process}.{next(calls)}")
        if not self.key_outlives_the_process:
            return FreshKeys(simulator, lambda: process)
        return simulator

    def bank_names(self, process: str) -> Callable[[str], str]:
        """Under which name this process knows what a bank tells."""
        if self.returns_have_names:
            return str
        calls = itertools.count()
        return lambda name: f"{name}~{process}.{next(calls)}"

    def after_crash(self, path: Path) -> None:
        """What a crash leaves behind if nothing but the unique index stands against billing twice.

        As if the next invoice date were written apart from the invoice, and that write was lost.
        """
        if not self.periods_are_unique:
            alter(
                path,
                """UPDATE subscription SET next_invoice_on =
                    (SELECT max(period_start) FROM invoice_line WHERE subscription_id = subscription.id)
                WHERE next_invoice_on IS NOT NULL
                AND EXISTS (SELECT 1 FROM invoice_line WHERE subscription_id = subscription.id)""",
            )


class FreshKeys:
    """The simulator behind somebody who sends each charge, or each process's charges, under a key of its own."""

    name = SIMULATOR
    key_life_ms = PaymentSimulator.key_life_ms

    def __init__(self, simulator: PaymentSimulator, fresh: Callable[[], str]) -> None:
        self._simulator, self._fresh = simulator, fresh

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Charge under another key."""
        return self._simulator.charge(replace(order, key=f"{order.key}~{self._fresh()}"))

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """Never seen."""
        return self._simulator.look_up(order)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Refuse a key that nobody sends."""
        return self._simulator.cancel(order)


def alter(path: Path, statement: str) -> None:
    """Change the database behind everybody's back."""
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(statement)


_billed = event_store.billed


def _nothing_credited(*asked: Any) -> Mapping[int, Sequence[Billed]]:
    return {
        subscription_id: [replace(line, credited=(), credited_minor=0) for line in lines]
        for subscription_id, lines in _billed(*asked).items()
    }


def _post_twice(conn: Any, entry: Entry, **book: Any) -> int:
    post(conn, replace(entry, source=f"{entry.source}:again"), **book)
    return post(conn, entry, **book)
