"""The SQL of dunning. Plain functions over a connection; the caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.access.account_lock import locking, take_lock
from portillon_cloud.access.blocks import BlockReason, Switch
from portillon_cloud.access.tables import block
from portillon_cloud.billing.tables import invoice, invoice_line
from portillon_cloud.database.rows import insert_many, insert_one, reserve_ids
from portillon_cloud.dunning import ladder
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import DunningPolicy, LetterKind, StepKind
from portillon_cloud.dunning.tables import dunning_case, dunning_policy, dunning_step

_OPEN = text("dunning_case.closed_at_ms IS NULL")

# Built once, not for each of a day's cases: of such a small statement most of the time is its building.
_DUE_ON = select(invoice.c.due_on).where(invoice.c.id == bindparam("invoice_id"))
_CASE = select(dunning_case).where(dunning_case.c.id == bindparam("case_id"))
_LOCK_ACCOUNT_OF = locking(
    select(dunning_case.c.account_id).where(dunning_case.c.id == bindparam("case_id")).scalar_subquery()
)
_OPEN_CASE = select(dunning_case).where(dunning_case.c.invoice_id == bindparam("invoice_id"), _OPEN)
_OPEN_CASES = (
    select(dunning_case).where(dunning_case.c.account_id == bindparam("account_id"), _OPEN).order_by(dunning_case.c.id)
)
_LAST_GENERATION = select(func.max(dunning_case.c.generation)).where(
    dunning_case.c.invoice_id == bindparam("invoice_id")
)
STEP_KEYS = "dunning:inv-"
"""Begins the keys of the timers of all steps."""

_STEP = select(dunning_step).where(dunning_step.c.id == bindparam("step_id"))
_STEP_OF_TIMER = select(dunning_step).where(
    dunning_step.c.organisation_id == bindparam("organisation_id"),
    dunning_step.c.timer_key == bindparam("timer_key"),
    dunning_step.c.done_at_ms.is_(None),
)
_STEP_COLUMNS = ("id", "organisation_id", "case_id", "number", "kind", "letter", "planned_on", "timer_key")
_LATER_REMINDER = (
    select(dunning_step.c.id)
    .where(
        dunning_step.c.case_id == bindparam("case_id"),
        dunning_step.c.kind == StepKind.REMINDER,
        or_(
            dunning_step.c.planned_on > bindparam("planned_on"),
            and_(dunning_step.c.planned_on == bindparam("planned_on"), dunning_step.c.number > bindparam("number")),
        ),
        dunning_step.c.planned_on <= bindparam("until_on"),
    )
    .limit(1)
)
_STEP_DONE = (
    update(dunning_step).where(dunning_step.c.id == bindparam("step_id")).values(done_at_ms=bindparam("now_ms"))
)
_RETRIES_TAKEN = (
    update(dunning_step)
    .where(
        dunning_step.c.case_id == bindparam("of_case"),
        dunning_step.c.kind == StepKind.RETRY,
        dunning_step.c.planned_on <= bindparam("until_on"),
        dunning_step.c.done_at_ms.is_(None),
    )
    .values(done_at_ms=bindparam("now_ms"))
)
_BLOCKS_OPEN = select(block.c.member_id, block.c.switches).where(
    block.c.account_id == bindparam("account_id"),
    block.c.reason == BlockReason.DUES_UNPAID,
    block.c.source == bindparam("source"),
    block.c.until_ms.is_(None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One invoice's way down the ladder; `generation` rises when a payment was returned and the way begins again."""

    id: int
    organisation_id: int
    account_id: int
    invoice_id: int
    generation: int
    cause: str
    failure: FailureClass
    starts_on: date
    retries: bool
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One planned step of a case."""

    id: int
    case_id: int
    number: int
    kind: StepKind
    letter: LetterKind | None
    planned_on: date
    timer_key: str
    done: bool


def due_on(conn: Connection, invoice_id: int) -> date:
    """When the invoice falls due."""
    found: date = conn.execute(_DUE_ON, {"invoice_id": invoice_id}).scalar_one()
    return found


def lock_case(conn: Connection, case_id: int) -> Case:
    """One case, open or closed, as it is once its account is held."""
    take_lock(conn, _LOCK_ACCOUNT_OF, case_id=case_id)
    return _case(conn.execute(_CASE, {"case_id": case_id}).one())


def open_case(conn: Connection, invoice_id: int) -> Case | None:
    """The invoice's open case; the database allows one."""
    row = conn.execute(_OPEN_CASE, {"invoice_id": invoice_id}).one_or_none()
    return None if row is None else _case(row)


def open_cases(conn: Connection, account_id: int) -> list[Case]:
    """The account's open cases, oldest first."""
    return [_case(row) for row in conn.execute(_OPEN_CASES, {"account_id": account_id})]


def insert_case(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    invoice_id: int,
    cause: str,
    failure: FailureClass,
    starts_on: date,
    retries: bool,
    now_ms: int,
) -> Case:
    """Open a case of the next generation."""
    generation = (conn.scalar(_LAST_GENERATION, {"invoice_id": invoice_id}) or 0) + 1
    made = insert_one(
        conn,
        dunning_case,
        organisation_id=organisation_id,
        account_id=account_id,
        invoice_id=invoice_id,
        generation=generation,
        starts_on=starts_on,
        cause=cause,
        failure=failure,
        retries=retries,
        opened_at_ms=now_ms,
    )
    return Case(
        id=made,
        organisation_id=organisation_id,
        account_id=account_id,
        invoice_id=invoice_id,
        generation=generation,
        cause=cause,
        failure=failure,
        starts_on=starts_on,
        retries=retries,
        closed=False,
    )


def close_case(conn: Connection, case_id: int, now_ms: int) -> None:
    """Nothing is owed any more."""
    conn.execute(update(dunning_case).where(dunning_case.c.id == case_id, _OPEN).values(closed_at_ms=now_ms))


def cases_billing(conn: Connection, organisation_id: int, subscription_id: int) -> list[Case]:
    """The open cases of invoices that bill this subscription."""
    billing = select(invoice_line.c.invoice_id).where(invoice_line.c.subscription_id == subscription_id)
    rows = conn.execute(
        select(dunning_case)
        .where(dunning_case.c.organisation_id == organisation_id, dunning_case.c.invoice_id.in_(billing), _OPEN)
        .order_by(dunning_case.c.id)
    )
    return [_case(row) for row in rows]


def accounts_in_arrears(conn: Connection, organisation_id: int) -> list[int]:
    """Every account of the organisation that has an open case."""
    column = dunning_case.c.account_id
    rows = conn.execute(
        select(column).where(dunning_case.c.organisation_id == organisation_id, _OPEN).distinct().order_by(column)
    )
    return list(rows.scalars())


def hand_over(conn: Connection, case_id: int, now_ms: int) -> None:
    """From now on whoever collects for the gym has it."""
    conn.execute(update(dunning_case).where(dunning_case.c.id == case_id).values(handed_over_at_ms=now_ms))


def give_up_retries(conn: Connection, case_id: int) -> None:
    """The card can never work: no more retries in this case."""
    conn.execute(update(dunning_case).where(dunning_case.c.id == case_id).values(retries=False))


def insert_steps(conn: Connection, of: Case, planned: Sequence[ladder.Step]) -> list[Step]:
    """Write down what is planned."""
    again = "" if of.generation == 1 else f":again-{of.generation}"
    steps = [
        Step(
            id=step_id,
            case_id=of.id,
            number=step.number,
            kind=step.kind,
            letter=step.letter,
            planned_on=step.on,
            timer_key=f"{STEP_KEYS}{of.invoice_id}{again}:step-{step.number}",
            done=False,
        )
        for step_id, step in zip(reserve_ids(conn, dunning_step, len(planned)), planned, strict=True)
    ]
    insert_many(
        conn,
        dunning_step,
        _STEP_COLUMNS,
        [
            (one.id, of.organisation_id, of.id, one.number, one.kind, one.letter, one.planned_on, one.timer_key)
            for one in steps
        ],
    )
    return steps


def add_step(conn: Connection, of: Case, kind: StepKind, on: date, letter: LetterKind | None = None) -> Step:
    """A step that no ladder plans, after those that it does."""
    last = conn.scalar(select(func.max(dunning_step.c.number)).where(dunning_step.c.case_id == of.id)) or 0
    [made] = insert_steps(conn, of, [ladder.Step(last + 1, kind, on, letter)])
    return made


def postpone_step(conn: Connection, postponed: Step, on: date) -> Step:
    """It is taken on another day, under another timer."""
    moved = replace(postponed, planned_on=on, timer_key=f"{postponed.timer_key.partition('@')[0]}@{on}")
    conn.execute(
        update(dunning_step).where(dunning_step.c.id == postponed.id).values(planned_on=on, timer_key=moved.timer_key)
    )
    return moved


def step(conn: Connection, step_id: int) -> Step | None:
    """One step."""
    row = conn.execute(_STEP, {"step_id": step_id}).one_or_none()
    return None if row is None else _step(row)


def step_of_timer(conn: Connection, organisation_id: int, timer_key: str) -> Step | None:
    """The step that this timer is to take; None: it was taken, or has another day now."""
    row = conn.execute(_STEP_OF_TIMER, {"organisation_id": organisation_id, "timer_key": timer_key}).one_or_none()
    return None if row is None else _step(row)


def steps_to_come(conn: Connection, case_id: int, kind: StepKind | None = None) -> list[Step]:
    """The case's steps that were not taken yet, of one kind or of all."""
    query = select(dunning_step).where(dunning_step.c.case_id == case_id, dunning_step.c.done_at_ms.is_(None))
    if kind is not None:
        query = query.where(dunning_step.c.kind == kind)
    return [_step(row) for row in conn.execute(query.order_by(dunning_step.c.number))]


def later_reminder(conn: Connection, than: Step, until_on: date) -> bool:
    """Whether the case has a reminder after this one whose day has come too."""
    waited = {
        "case_id": than.case_id,
        "planned_on": than.planned_on,
        "number": than.number,
        "until_on": until_on,
    }
    return conn.execute(_LATER_REMINDER, waited).one_or_none() is not None


def step_done(conn: Connection, step_id: int, now_ms: int) -> None:
    """The step was taken, or had no effect any more."""
    conn.execute(_STEP_DONE, {"step_id": step_id, "now_ms": now_ms})


def retries_taken(conn: Connection, case_id: int, now_ms: int, on: date) -> None:
    """The retries planned until `on` were made: their charges have failed."""
    conn.execute(_RETRIES_TAKEN, {"of_case": case_id, "until_on": on, "now_ms": now_ms})


def blocks_open(conn: Connection, account_id: int, source: str) -> dict[int | None, frozenset[Switch]]:
    """What dunning's own open blocks hold off: for everybody of the account (None), and for a member."""
    rows = conn.execute(_BLOCKS_OPEN, {"account_id": account_id, "source": source})
    return {row.member_id: frozenset(Switch(switch) for switch in row.switches) for row in rows}


def put_policy(conn: Connection, organisation_id: int, policy: DunningPolicy) -> None:
    """Keep the organisation's ladder."""
    writing = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(dunning_policy)
    conn.execute(
        writing.values(organisation_id=organisation_id, body=policy.to_body()).on_conflict_do_update(
            index_elements=["organisation_id"], set_={"body": writing.excluded.body}
        )
    )


def _case(row: Row[tuple[object, ...]]) -> Case:
    return Case(
        id=row.id,
        organisation_id=row.organisation_id,
        account_id=row.account_id,
        invoice_id=row.invoice_id,
        generation=row.generation,
        cause=row.cause,
        failure=FailureClass(row.failure),
        starts_on=row.starts_on,
        retries=row.retries,
        closed=row.closed_at_ms is not None,
    )


def _step(row: Row[tuple[object, ...]]) -> Step:
    return Step(
        id=row.id,
        case_id=row.case_id,
        number=row.number,
        kind=StepKind(row.kind),
        letter=None if row.letter is None else LetterKind(row.letter),
        planned_on=row.planned_on,
        timer_key=row.timer_key,
        done=row.done_at_ms is not None,
    )
