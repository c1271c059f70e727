"""An account's plans of payment, as people see them."""

from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, select

from portillon_cloud.desk.instalments import Instalment
from portillon_cloud.desk.tables import PlanState, payment_plan, payment_plan_part
from portillon_cloud.money import Money

PLANS_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """`id` None: only shown, not agreed."""

    id: int | None
    total: Money
    state: PlanState
    agreed_by: str | None
    instalments: tuple[Instalment, ...]

    @property
    def amounts(self) -> tuple[tuple[date, Money], ...]:
        """What is due on which day."""
        return tuple((one.due_on, Money(one.amount_minor, self.total.currency)) for one in self.instalments)


def plans_of(conn: Connection, organisation_id: int, account_id: int) -> list[PlanView]:
    """The newest first; what one instalment takes of several bills is one amount."""
    plan, part = payment_plan.c, payment_plan_part.c
    rows = conn.execute(
        select(payment_plan)
        .where(plan.organisation_id == organisation_id, plan.account_id == account_id)
        .order_by(plan.id.desc())
        .limit(PLANS_SHOWN)
    ).all()
    parts: dict[int, dict[int, Instalment]] = {row.id: {} for row in rows}
    for row in conn.execute(
        select(payment_plan_part)
        .where(part.organisation_id == organisation_id, part.plan_id.in_(list(parts)))
        .order_by(part.plan_id, part.number, part.id)
    ):
        of_plan = parts[row.plan_id]
        before = of_plan.get(row.number, Instalment(row.number, row.due_on, 0))
        of_plan[row.number] = replace(before, amount_minor=before.amount_minor + row.amount_minor)
    return [
        PlanView(
            id=row.id,
            total=Money(row.total_minor, row.currency),
            state=PlanState(row.state),
            agreed_by=row.agreed_by,
            instalments=tuple(parts[row.id].values()),
        )
        for row in rows
    ]
