"""What holds the steps of a case: a block, an open question, grace. Read for the worker that would take them."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from portillon_cloud import timers
from portillon_cloud.access import store as access_store
from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.grace_given import spared_until
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning import ladder, store
from portillon_cloud.dunning.coming import Hold, WaitsFor, waits
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.operations import RETRY, SOURCE
from portillon_cloud.payments.questions.holding import holds as questions


@dataclass(frozen=True, slots=True)
class About:
    """An invoice and the account that owes it."""

    account_id: int
    invoice_id: int


def holds(conn: Connection, about: Collection[About], now_ms: int) -> dict[int, list[Hold]]:
    """By invoice, what holds the steps of its case now; three queries for any number of them."""
    accounts = sorted({one.account_id for one in about})
    found: defaultdict[int, list[Hold]] = defaultdict(list)
    blocks, spared = access_store.blocks(conn, accounts, now_ms), spared_until(conn, accounts)
    asked = questions(conn, [one.invoice_id for one in about])
    for one in about:
        ours = found[one.invoice_id]
        ours += [
            Hold(why=WaitsFor.BLOCK, until_ms=block.until_ms, charges_only=block.source == SOURCE)
            for block in blocks.get((one.account_id, None), ())
            if Switch.COLLECTION in block.switches and block.in_force(now_ms)
        ]
        if one.invoice_id in asked:
            ours.append(Hold(why=WaitsFor.ANSWER, until_ms=asked[one.invoice_id]))
        if one.account_id in spared:
            ours.append(Hold(why=WaitsFor.GRACE, until_ms=spared[one.account_id]))
    return found


def held(conn: Connection, case: store.Case, kind: StepKind, zone: str, now_ms: int) -> bool:
    """Whether a step of this kind of the case waits. Dunning's own block holds charges alone."""
    found = holds(conn, [About(case.account_id, case.invoice_id)], now_ms)
    return waits(found[case.invoice_id], kind, zone, now_ms)


def retry_waits(conn: Connection, claimed: timers.Timer, account_id: int, now_ms: int, *, blocked: bool) -> bool:
    """Whether a charge that the ladder planned waits, and is planned for tomorrow; False: it goes, or is no such one.

    `blocked`: a block or a question holds it; beside these this asks for grace. Where another of the case's charges is
    planned for that morning this one is over: one charge is left of all that waited.
    """
    if not claimed.key.startswith(store.STEP_KEYS):
        return False
    zone = access_store.collection(conn, claimed.organisation_id).zone
    grace = Hold(why=WaitsFor.GRACE, until_ms=spared_until(conn, [account_id]).get(account_id, 0))
    step = store.step_of_timer(conn, claimed.organisation_id, claimed.key)
    if step is None or not (blocked or grace.holds(StepKind.RETRY, zone, now_ms)):
        return False
    tomorrow = local_date(now_ms, zone) + timedelta(days=1)
    others = [one for one in store.steps_to_come(conn, step.case_id, StepKind.RETRY) if one.id != step.id]
    if any(one.planned_on == tomorrow for one in others):
        store.step_done(conn, step.id, now_ms)
        return True
    moved = store.postpone_step(conn, step, tomorrow)
    timers.schedule(
        conn,
        organisation_id=claimed.organisation_id,
        kind=RETRY,
        subject_id=claimed.subject_id,
        due_at_ms=ladder.step_ms(tomorrow, zone),
        key=moved.timer_key,
    )
    return True
