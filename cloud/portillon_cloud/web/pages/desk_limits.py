"""What the desk may do without an owner: so much grace, so many instalments, so much waived."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, select

from portillon_cloud.desk.errors import DeskPolicyInvalidError
from portillon_cloud.desk.policy import OWNER, TOLERANCE_DAYS_MAX, DeskPolicy, policy_of, set_policy
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.money import Money
from portillon_cloud.web.amount import AmountError, amount_minor, amount_text
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Owner = Annotated[Visit, Depends(visit_with(Permission.MANAGE_STAFF))]
Count = Annotated[int, Form(ge=0, le=10_000)]

CHANGED = N_("Changed. It holds from now on.")
NOT_SO = N_("That is out of bounds. The largest number stands beside each.")


@router.get("/desk/limits")
def limits_page(services: ServicesDep, owner: Owner, changed: bool = False) -> Response:
    """The limits as they are."""
    return _draw(services, owner, Notice("ok", owner.words.say(CHANGED)) if changed else None)


@router.post("/desk/limits", dependencies=[Depends(genuine_form)])
def limits_form(
    services: ServicesDep,
    owner: Owner,
    grace_days_most: Count,
    instalments_most: Count,
    plan_days_most: Count,
    tolerance_days: Count,
    waived_most: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """Change them, or say what is out of bounds."""
    try:
        with services.db.write() as conn:
            nothing = waived_most.strip(" .,0") == ""
            policy = DeskPolicy(
                grace_days_most=grace_days_most,
                waived_minor_most=0 if nothing else amount_minor(waived_most, _currency(conn, owner)),
                instalments_most=instalments_most,
                plan_days_most=plan_days_most,
                tolerance_days=tolerance_days,
            )
            set_policy(conn, owner.organisation.id, policy)
    except (DeskPolicyInvalidError, AmountError):
        return _draw(services, owner, Notice("bad", owner.words.say(NOT_SO)), status=422)
    return RedirectResponse("/desk/limits?changed=true", 303)


def _draw(services: Services, owner: Visit, notice: Notice | None, *, status: int = 200) -> Response:
    with services.db.read() as conn:
        policy, currency = policy_of(conn, owner.organisation.id), _currency(conn, owner)
    return page(
        "desk/limits.html",
        owner,
        status=status,
        notice=notice,
        policy=policy,
        most=OWNER,
        tolerance_most=TOLERANCE_DAYS_MAX,
        currency=currency,
        waived=amount_text(Money(policy.waived_minor_most, currency), owner.words),
    )


def _currency(conn: Connection, owner: Visit) -> str:
    """Of the organisation's first book; one sum is said for all of them."""
    found: str = conn.execute(
        select(legal_entity.c.currency)
        .where(legal_entity.c.organisation_id == owner.organisation.id)
        .order_by(legal_entity.c.id)
        .limit(1)
    ).scalar_one()
    return found
