"""What the law asks of a gym, over HTTP: prices told ahead, letters as sent, who left by law, links to leave."""

import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.exit_link import DAY_MS, DESK_DAYS, ExitLinks, Purpose
from portillon_cloud.billing.law.tables import lawful_end, price_change, price_change_for
from portillon_cloud.billing.legal_side import signed
from portillon_cloud.billing.price_change import NewPrice, Proposal, announce, propose
from portillon_cloud.billing.price_change_timers import withdraw_price_change
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import ID_MAX, Id, Limit, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import account
from portillon_cloud.messages.notice_store import told_to_account
from portillon_cloud.messages.notices import kind_of, to_body

router = APIRouter(tags=["law"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Clerk = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Owner = Annotated[Principal, Depends(require(Permission.SET_RULES))]
_FIRST, _LAST = datetime.date(2000, 1, 1), datetime.date(2199, 12, 31)


class NewPriceChange(BaseModel):
    """Another price for those at `from_price_id`; each holds from their own next period on `from_on` or after."""

    model_config = ConfigDict(extra="forbid")

    from_price_id: Id
    to_price_id: Id
    from_on: datetime.date = Field(ge=_FIRST, le=_LAST)
    subscription_ids: list[Id] | None = Field(
        default=None, min_length=1, max_length=10_000, description="Null: all at the old price; else the others keep it"
    )
    reason: str | None = Field(default=None, max_length=200)


class ReachedOut(BaseModel):
    """A subscription that is repriced; whoever says so up to `refusable_until_on` leaves at no cost."""

    subscription_id: int
    holds_from_on: datetime.date
    refusable_until_on: datetime.date


class KeptOut(BaseModel):
    """A subscription that keeps its price, and the rule that says so; nulls: it ends before."""

    subscription_id: int
    clause: str | None
    why: str | None


class ProposalOut(BaseModel):
    """`id` null: only shown, nothing is written."""

    id: int | None
    rises: bool
    reached: list[ReachedOut]
    kept: list[KeptOut]


class PriceChangeOut(BaseModel):
    """An announced price: how many it reaches, were told, have it."""

    id: int
    from_price_id: int
    to_price_id: int
    from_on: datetime.date
    announced_by: str
    announced_at_ms: int
    withdrawn_at_ms: int | None
    reached: int
    told: int
    applied: int


class NoticeOut(BaseModel):
    """What an account was told in writing; `facts` as `kind` has them. `received`: as far as is known."""

    id: int
    subscription_id: int
    kind: str
    told_on: datetime.date
    received: bool
    facts: dict[str, Any]
    subject: str
    body: str


class LawfulEndOut(BaseModel):
    """A contract that was left by a right of the consumer. `back_minor` null: it is settled when it ends."""

    id: int
    subscription_id: int
    told_on: datetime.date
    ends_on: datetime.date
    clause: str
    kept_at_most_minor: int
    refund_due_on: datetime.date | None
    withdrawal: bool
    settled_at_ms: int | None
    back_minor: int | None


class ExitLinkOut(BaseModel):
    """The page on which the member leaves, without a password; whoever has the address can."""

    url: str
    until_ms: int


@router.get("/price-changes")
def list_price_changes(services: ServicesDep, reader: Reader, limit: Limit = 50) -> list[PriceChangeOut]:
    """What was announced, the newest first."""
    of_it = price_change_for.c
    with services.db.read() as conn:
        rows = conn.execute(
            select(
                price_change,
                func.count(of_it.subscription_id).label("reached"),
                func.count(of_it.told_at_ms).label("told"),
                func.count(of_it.applied_at_ms).label("applied"),
            )
            .join(price_change_for, of_it.price_change_id == price_change.c.id)
            .where(price_change.c.organisation_id == reader.organisation_id)
            .group_by(price_change.c.id)
            .order_by(price_change.c.id.desc())
            .limit(limit)
        ).all()
    return [PriceChangeOut.model_validate(dict(row._mapping)) for row in rows]


@router.post("/price-changes")
def announce_price_change(
    new: NewPriceChange,
    services: ServicesDep,
    owner: Owner,
    preview: Annotated[bool, Query(description="Only say whom it would reach; nothing is written")] = False,
) -> ProposalOut:
    """Tell those who have a price of another one; 409 names the clause if the law keeps all of them from it."""
    asked = NewPrice(
        organisation_id=owner.organisation_id,
        from_price_id=new.from_price_id,
        to_price_id=new.to_price_id,
        from_on=new.from_on,
        subscription_ids=new.subscription_ids,
    )
    if preview:
        with services.db.read() as conn:
            now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
            return _proposal(None, propose(conn, asked, now_ms=now_ms))
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
        return _proposal(*announce(conn, asked, author=Author(name=owner.name, at_ms=now_ms, reason=new.reason)))


@router.post("/price-changes/{price_change_id}/withdraw", status_code=204)
def withdraw_announced_price(price_change_id: PathId, services: ServicesDep, owner: Owner) -> None:
    """Take it back; who was told is told. 409: it holds for somebody already."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
        author = Author(name=owner.name, at_ms=now_ms)
        withdraw_price_change(conn, owner.organisation_id, price_change_id, author=author)


@router.get("/accounts/{account_id}/notices")
def list_notices(account_id: PathId, services: ServicesDep, reader: Reader) -> list[NoticeOut]:
    """What the account was told in writing, as it was sent; the first first."""
    with services.db.read() as conn:
        known = select(account.c.id).where(
            account.c.id == account_id, account.c.organisation_id == reader.organisation_id
        )
        if conn.scalar(known) is None:
            raise not_found("account")
        found = told_to_account(conn, reader.organisation_id, account_id)
    return [
        NoticeOut(
            id=one.id,
            subscription_id=one.subscription_id,
            kind=kind_of(one.notice),
            told_on=one.told_on,
            received=one.received,
            facts=to_body(one.notice),
            subject=one.subject,
            body=one.body,
        )
        for one in found
    ]


@router.get("/lawful-ends")
def list_lawful_ends(
    services: ServicesDep,
    reader: Reader,
    limit: Limit = 50,
    before: Annotated[int, Query(ge=1, le=ID_MAX, description="Older than this id")] = ID_MAX,
) -> list[LawfulEndOut]:
    """Who left by law, the newest first: what may be kept, and by when the rest must be back."""
    column = lawful_end.c
    with services.db.read() as conn:
        rows = conn.execute(
            select(lawful_end)
            .where(column.organisation_id == reader.organisation_id, column.id < before)
            .order_by(column.id.desc())
            .limit(limit)
        ).all()
    return [LawfulEndOut.model_validate(dict(row._mapping)) for row in rows]


@router.post("/subscriptions/{subscription_id}/exit-link")
def make_exit_link(subscription_id: PathId, request: Request, services: ServicesDep, clerk: Clerk) -> ExitLinkOut:
    """A link to the page on which the member cancels, good for some days; give it to nobody else."""
    with services.db.read() as conn:
        signed(conn, clerk.organisation_id, subscription_id)
        now_ms = business_now_ms(conn, clerk.organisation_id, services.clock.real_ms())
    links = ExitLinks.of(services.keyring, str(request.base_url))
    url = links.link(clerk.organisation_id, subscription_id, Purpose.LEAVE, now_ms=now_ms, days=DESK_DAYS)
    return ExitLinkOut(url=url, until_ms=now_ms + DESK_DAYS * DAY_MS)


def _proposal(price_change_id: int | None, found: Proposal) -> ProposalOut:
    return ProposalOut(
        id=price_change_id,
        rises=found.rises,
        reached=[
            ReachedOut(
                subscription_id=one.subscription_id,
                holds_from_on=one.holds_from_on,
                refusable_until_on=one.refusable_until_on,
            )
            for one in found.reached
        ],
        kept=[
            KeptOut(
                subscription_id=one.subscription_id,
                clause=None if one.because is None else one.because.clause,
                why=None if one.because is None else one.because.why,
            )
            for one in found.kept
        ],
    )
