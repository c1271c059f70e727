"""Sign somebody up in one request: who pays, who passes, what is signed, and who brought them; all of it or nothing."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, select

from portillon_cloud import webhooks
from portillon_cloud.billing import referrals
from portillon_cloud.billing.contracts import agree, subscribe
from portillon_cloud.billing.signing_api import AgreedOut, SignedTerms, agreed_out
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import OnceKey, once
from portillon_cloud.http.paging import Id
from portillon_cloud.http.problem import unprocessable
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.api import Email, Incoming, Name, NewAccount
from portillon_cloud.members.operations import add_account, add_member
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account, legal_entity, site

router = APIRouter(tags=["members"])
Desk = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
_CONTRACTS_MOST = 10


class NewPerson(Incoming):
    """Who passes; begins today."""

    site_id: Id
    first_name: Name
    last_name: Name
    email: Email | None = None


class NewSignUp(BaseModel):
    """A new payer, or one who is there; memberships before what is had beside them."""

    model_config = ConfigDict(extra="forbid")

    payer: NewAccount | None = None
    account_id: Id | None = None
    member: NewPerson
    contracts: list[SignedTerms] = Field(min_length=1, max_length=_CONTRACTS_MOST)
    brought_by: Id | None = Field(default=None, description="The member who brought them, and may have a reward")

    @model_validator(mode="after")
    def _has_one_payer(self) -> "NewSignUp":
        if (self.payer is None) == (self.account_id is None):
            raise ValueError("payer, account_id: give one of them")
        return self


class SignedUp(BaseModel):
    """Ids are null and empty of a preview. `agreed`: of each contract, in their order, every payment."""

    account_id: int | None
    member_id: int | None
    subscription_ids: list[int]
    agreed: list[AgreedOut]
    payments_minor: int = Field(description="All payments of all contracts, with taxes")


class _OnlyShownError(Exception):
    """Undo it: it was only to be shown."""


@router.post("/sign-ups", status_code=HTTPStatus.CREATED)
def sign_up(
    new: NewSignUp,
    services: ServicesDep,
    desk: Desk,
    response: Response,
    preview: Annotated[bool, Query(description="Only say what it would come to; nothing is written")] = False,
    request_key: OnceKey = None,
) -> SignedUp:
    """All of it in one transaction; refused as each part would be, and then nothing of it is there."""
    key = None if preview else request_key
    try:
        with services.db.write() as conn:
            now_ms = business_now_ms(conn, desk.organisation_id, services.clock.real_ms())
            made = once(
                conn,
                desk,
                key,
                new,
                SignedUp,
                lambda: _signed_up(conn, new, desk, now_ms),
                real_ms=services.clock.real_ms(),
            )
            if preview:
                raise _OnlyShownError
    except _OnlyShownError:
        response.status_code = HTTPStatus.OK
        return made.model_copy(update={"account_id": None, "member_id": None, "subscription_ids": []})
    return made


def _signed_up(conn: Connection, new: NewSignUp, desk: Principal, now_ms: int) -> SignedUp:
    organisation_id = desk.organisation_id
    account_id = _payer(conn, new, organisation_id)
    ours = select(site.c.id).where(site.c.id == new.member.site_id, site.c.organisation_id == organisation_id)
    if conn.scalar(ours) is None:
        detail = f"site_id {new.member.site_id} does not exist in your organisation."
        raise unprocessable(detail, pointer="/body/member/site_id")
    member_id = add_member(
        conn,
        organisation_id=organisation_id,
        account_id=account_id,
        joined_on=local_date(now_ms, time_zone_of(conn, organisation_id)),
        **new.member.model_dump(),
    )
    webhooks.tell(conn, webhooks.EventKind.MEMBER_CREATED, organisation_id, [member_id], at_ms=now_ms)
    agreed, made = [], []
    for terms in new.contracts:
        wish = terms.wish(organisation_id, member_id)
        agreed.append(agreed_out(agree(conn, wish, now_ms=now_ms)))
        signed = subscribe(
            conn,
            organisation_id=organisation_id,
            account_id=account_id,
            member_id=member_id,
            **terms.model_dump(),
            by=desk.name,
            now_ms=now_ms,
        )
        made.append(signed.subscription_id)
    if new.brought_by is not None:
        referrals.note(
            conn,
            organisation_id=organisation_id,
            referrer_id=new.brought_by,
            referred_id=member_id,
            by=desk.name,
            now_ms=now_ms,
        )
    return SignedUp(
        account_id=account_id,
        member_id=member_id,
        subscription_ids=made,
        agreed=agreed,
        payments_minor=sum(one.payments_minor for one in agreed),
    )


def _payer(conn: Connection, new: NewSignUp, organisation_id: int) -> int:
    if new.payer is None:
        found: int | None = conn.scalar(
            select(account.c.id).where(account.c.id == new.account_id, account.c.organisation_id == organisation_id)
        )
        if found is None:
            detail = f"account_id {new.account_id} does not exist in your organisation."
            raise unprocessable(detail, pointer="/body/account_id")
        return found
    ours = (legal_entity.c.id == new.payer.legal_entity_id, legal_entity.c.organisation_id == organisation_id)
    if conn.scalar(select(legal_entity.c.id).where(*ours)) is None:
        detail = f"legal_entity_id {new.payer.legal_entity_id} does not exist in your organisation."
        raise unprocessable(detail, pointer="/body/payer/legal_entity_id")
    return add_account(conn, organisation_id=organisation_id, **new.payer.model_dump())
