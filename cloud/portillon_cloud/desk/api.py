"""The front desk over HTTP: who stands there, grace, waiving, plans of payment, bounced cheques, receipts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection, select

from portillon_cloud.access.grace_given import grace_of
from portillon_cloud.clock import business_now_ms
from portillon_cloud.desk.bodies import (
    AtDeskOut,
    DeskPolicyBody,
    FoundOut,
    GraceOut,
    MadeOut,
    NewBounce,
    NewGrace,
    NewPlan,
    NewWaiver,
    PlanOut,
    ReceiptOut,
    at_desk_out,
    plan_out,
    receipt_out,
)
from portillon_cloud.desk.bounced import Bounced, bounce
from portillon_cloud.desk.grace import GraceAsked, give_grace
from portillon_cloud.desk.payment_plan import PlanAsked, agree, preview
from portillon_cloud.desk.person import at_desk
from portillon_cloud.desk.plan_view import PlanView, plans_of
from portillon_cloud.desk.policy import DeskPolicy, policy_of, set_policy
from portillon_cloud.desk.receipt import receipt_of, send_receipt
from portillon_cloud.desk.search import find
from portillon_cloud.desk.tables import PlanState
from portillon_cloud.desk.waiving import waive
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import RequestKey
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import account
from portillon_cloud.payments.write_off import WriteOff

router = APIRouter(tags=["desk"])
Cashier = Annotated[Principal, Depends(require(Permission.TAKE_PAYMENT))]
Owner = Annotated[Principal, Depends(require(Permission.MANAGE_STAFF))]


@router.get("/desk/members")
def search(
    services: ServicesDep,
    cashier: Cashier,
    q: Annotated[str, Query(min_length=1, max_length=100, description="Member number, card, name or e-mail")],
) -> list[FoundOut]:
    """Whom this may mean: one, if it is a member's number or somebody's card."""
    with services.db.read() as conn:
        found = find(conn, services.keyring, organisation_id=cashier.organisation_id, asked=q)
    return [
        FoundOut(member_id=one.id, name=f"{one.first_name} {one.last_name}", payer=one.payer, plans=list(one.plans))
        for one in found
    ]


@router.get("/desk/members/{member_id}")
def who_is_there(
    member_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    site_id: Annotated[int | None, Query(ge=1, le=ID_MAX, description="Where they stand; else at home")] = None,
) -> AtDeskOut:
    """May they enter here and why, what is owed, what comes next, and the one thing to do now."""
    with services.db.read() as conn:
        found = at_desk(
            conn,
            services.keyring,
            organisation_id=cashier.organisation_id,
            member_id=member_id,
            now_ms=business_now_ms(conn, cashier.organisation_id, services.clock.real_ms()),
            site_id=site_id,
        )
    if found is None:
        raise not_found("member")
    return at_desk_out(found)


@router.post("/accounts/{account_id}/grace", status_code=201)
def give(
    account_id: PathId, new: NewGrace, request_key: RequestKey, services: ServicesDep, cashier: Cashier
) -> MadeOut:
    """Until and with that day nothing owed shuts the door. 409: longer than the desk may, or nothing is owed."""
    with services.db.write() as conn:
        asked = GraceAsked(
            organisation_id=cashier.organisation_id,
            account_id=account_id,
            until_on=new.until_on,
            by=cashier.name,
            reason=new.reason,
            request_key=f"{cashier.kind}:{cashier.id}:{request_key}",
            owner=cashier.may(Permission.KEEP_BOOKS),
        )
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        return MadeOut(id=give_grace(conn, asked, now_ms=now_ms))


@router.get("/accounts/{account_id}/grace")
def list_grace(account_id: PathId, services: ServicesDep, cashier: Cashier) -> list[GraceOut]:
    """Every grace that was given to the account, the newest first: that one holds."""
    with services.db.read() as conn:
        _require_account(conn, cashier, account_id)
        given = grace_of(conn, cashier.organisation_id, account_id)
    return [
        GraceOut(
            id=one.id,
            given_at_ms=one.given_at_ms,
            until_ms=one.until_ms,
            given_by=one.given_by,
            reason=one.reason,
        )
        for one in given
    ]


@router.post("/accounts/{account_id}/waivers", status_code=201)
def waive_part(
    account_id: PathId, new: NewWaiver, request_key: RequestKey, services: ServicesDep, cashier: Cashier
) -> MadeOut:
    """Waive a part of a bill: it is a loss, and owed no longer. 409: more than the desk may, or than is owed."""
    with services.db.write() as conn:
        _require_account(conn, cashier, account_id)
        asked = WriteOff(
            organisation_id=cashier.organisation_id,
            account_id=account_id,
            invoice_id=new.invoice_id,
            by=cashier.name,
            reason=new.reason,
            request_key=f"{cashier.kind}:{cashier.id}:{request_key}",
            amount_minor=new.amount_minor,
        )
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        return MadeOut(id=waive(conn, asked, owner=cashier.may(Permission.KEEP_BOOKS), now_ms=now_ms))


@router.post("/accounts/{account_id}/payment-plans", status_code=201)
def agree_on_plan(
    account_id: PathId,
    new: NewPlan,
    request_key: RequestKey,
    services: ServicesDep,
    cashier: Cashier,
    preview_only: Annotated[bool, Query(alias="preview", description="Only show what it would come to")] = False,
) -> PlanOut:
    """Agree that what is overdue is paid in parts. An instalment that stays unpaid makes the whole rest due."""
    asked = PlanAsked(
        organisation_id=cashier.organisation_id,
        account_id=account_id,
        count=new.count,
        first_on=new.first_on,
        every=new.every,
        by=cashier.name,
        reason=new.reason,
        request_key=f"{cashier.kind}:{cashier.id}:{request_key}",
        owner=cashier.may(Permission.KEEP_BOOKS),
    )
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        if not preview_only:
            made = agree(conn, asked, now_ms=now_ms)
            found = plans_of(conn, cashier.organisation_id, account_id)
            return plan_out(next(one for one in found if one.id == made))
        debt, parts = preview(conn, asked, now_ms=now_ms)
    return plan_out(PlanView(id=None, total=debt, state=PlanState.AGREED, agreed_by=None, instalments=parts))


@router.get("/accounts/{account_id}/payment-plans")
def list_plans(account_id: PathId, services: ServicesDep, cashier: Cashier) -> list[PlanOut]:
    """The account's plans of payment, the newest first."""
    with services.db.read() as conn:
        _require_account(conn, cashier, account_id)
        return [plan_out(one) for one in plans_of(conn, cashier.organisation_id, account_id)]


@router.post("/payments/{payment_id}/bounce", status_code=201)
def cheque_bounced(
    payment_id: PathId, new: NewBounce, request_key: RequestKey, services: ServicesDep, cashier: Cashier
) -> MadeOut:
    """A cheque came back: what it paid is owed again. 409: the payment is no cheque."""
    with services.db.write() as conn:
        told = Bounced(
            organisation_id=cashier.organisation_id,
            payment_id=payment_id,
            paid_in=new.paid_in,
            reason=new.reason,
            by=cashier.name,
            request_key=f"{cashier.kind}:{cashier.id}:{request_key}",
        )
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        return MadeOut(id=bounce(conn, told, now_ms=now_ms))


@router.get("/payments/{payment_id}/receipt")
def get_receipt(payment_id: PathId, services: ServicesDep, cashier: Cashier) -> ReceiptOut:
    """What came in, by which means, what it paid, and what is kept as credit."""
    with services.db.read() as conn:
        found = receipt_of(conn, cashier.organisation_id, payment_id)
    if found is None:
        raise not_found("payment")
    return receipt_out(found)


@router.post("/payments/{payment_id}/receipt", status_code=202)
def mail_receipt(payment_id: PathId, services: ServicesDep, cashier: Cashier) -> ReceiptOut:
    """Send it to the payer's address, once; 404: no such payment, or the payer has no address."""
    with services.db.write() as conn:
        found = receipt_of(conn, cashier.organisation_id, payment_id)
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        if found is None or not send_receipt(conn, cashier.organisation_id, found, now_ms=now_ms):
            raise not_found("payment of somebody with an address")
    return receipt_out(found)


@router.get("/desk-policy")
def get_desk_policy(services: ServicesDep, cashier: Cashier) -> DeskPolicyBody:
    """What the desk may do without an owner."""
    with services.db.read() as conn:
        return DeskPolicyBody.model_validate(policy_of(conn, cashier.organisation_id))


@router.put("/desk-policy", status_code=204)
def put_desk_policy(wanted: DeskPolicyBody, services: ServicesDep, owner: Owner) -> None:
    """Choose what the desk may do without an owner."""
    with services.db.write() as conn:
        set_policy(conn, owner.organisation_id, DeskPolicy(**wanted.model_dump()))


def _require_account(conn: Connection, principal: Principal, account_id: int) -> None:
    """Raises Problem 404 unless the account is of the caller's organisation."""
    found = conn.execute(
        select(account.c.id).where(account.c.id == account_id, account.c.organisation_id == principal.organisation_id)
    ).one_or_none()
    if found is None:
        raise not_found("account")
