"""What comes next of the open cases of invoices, read for whoever looks: lists, pages, the desk."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, select

from portillon_cloud.access import store as access_store
from portillon_cloud.access.grace_given import spared_until
from portillon_cloud.dunning import ladder
from portillon_cloud.dunning.coming import Coming, Planned, coming
from portillon_cloud.dunning.holding import About, holds
from portillon_cloud.dunning.ladder import LetterKind, StepKind
from portillon_cloud.dunning.tables import dunning_case, dunning_step


def next_steps(
    conn: Connection, organisation_id: int, invoice_ids: Collection[int], now_ms: int
) -> dict[int, tuple[Coming, ...]]:
    """By invoice that has an open case, what comes of it if nobody pays; ten queries for any number of them."""
    column = dunning_case.c
    cases = {
        row.id: row
        for row in conn.execute(
            select(column.id, column.account_id, column.invoice_id, column.retries).where(
                column.organisation_id == organisation_id,
                column.invoice_id.in_(sorted(invoice_ids)),
                column.closed_at_ms.is_(None),
            )
        )
    }
    planned: defaultdict[int, list[Planned]] = defaultdict(list)
    for row in conn.execute(
        select(dunning_step)
        .where(dunning_step.c.case_id.in_(cases), dunning_step.c.done_at_ms.is_(None))
        .order_by(dunning_step.c.number)
    ):
        letter = None if row.letter is None else LetterKind(row.letter)
        planned[row.case_id].append(Planned(kind=StepKind(row.kind), on=row.planned_on, letter=letter))
    about = {About(row.account_id, row.invoice_id) for row in cases.values()}
    holding = holds(conn, about, now_ms)
    zone = access_store.collection(conn, organisation_id).zone
    shut_ms = _shut_ms(conn, organisation_id, {one.account_id for one in about}, now_ms)
    return {
        row.invoice_id: coming(
            planned[row.id],
            holding[row.invoice_id],
            retries=row.retries,
            shut_ms=shut_ms.get(row.account_id),
            zone=zone,
            now_ms=now_ms,
        )
        for row in cases.values()
    }


def _shut_ms(conn: Connection, organisation_id: int, account_ids: Collection[int], now_ms: int) -> dict[int, int]:
    """When what each account owes next shuts something; who is not in it has nothing to fear."""
    going_by = access_store.collection(conn, organisation_id)
    accounts = sorted(account_ids)
    spared = spared_until(conn, accounts)
    found = {}
    for account_id, owed in access_store.debts(conn, accounts, going_by.policy.household).items():
        turns = ladder.turns_ms(going_by.policy, owed, going_by.zone)
        ahead = [at_ms for one in turns if (at_ms := max(one, spared.get(account_id, 0))) > now_ms]
        if ahead:
            found[account_id] = min(ahead)
    return found
