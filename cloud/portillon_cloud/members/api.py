"""Members and accounts over HTTP. (Their credentials: `credentials_api`.)"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Table, select

from portillon_cloud import webhooks
from portillon_cloud.access.standing import Standing
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.doors.rights import change_rights
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import OnceKey, once
from portillon_cloud.http.paging import After, Id, Limit, Page, PathId, page_of
from portillon_cloud.http.problem import not_found, unprocessable
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.company import (
    NOBODY_NEEDED,
    OF_ONE_BOND_MAX,
    NeededCompany,
    company_of,
    set_company,
)
from portillon_cloud.members.operations import DoorRights, add_account, add_member, set_language
from portillon_cloud.members.tables import account, legal_entity, member, organisation, site
from portillon_cloud.reports.may_pass import may_pass

router = APIRouter(tags=["members"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Writer = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class Incoming(BaseModel):
    """A body: a key nobody reads is a mistake, and is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NewAccount(Incoming):
    legal_entity_id: Id
    name: Name
    language: Literal["en", "fr"]
    email: Email | None = None
    kind: Literal["person", "company"] = Field(default="person", description="A company may pay a part for others")


class NewMember(Incoming):
    account_id: Id
    site_id: Id
    first_name: Name
    last_name: Name
    email: Email | None = None
    language: Literal["en", "fr"] | None = Field(default=None, description="Doors speak it; null: the account's")
    joined_on: date | None = Field(default=None, description="Business date; today if left out")


class AccountOut(BaseModel):
    id: int
    legal_entity_id: int
    name: str
    language: str
    email: str | None


class MemberOut(BaseModel):
    id: int
    account_id: int
    site_id: int
    first_name: str
    last_name: str
    email: str | None
    language: str | None
    joined_on: date


class DoorRightsBody(Incoming):
    """What doors do for this person beyond opening."""

    long_access: bool = Field(description="The door gives them more time")
    first_person: bool = Field(description="An unlock schedule that waits for somebody begins with them")
    lockdown_exempt: bool = Field(description="They pass in a lockdown")
    escort: bool = Field(default=False, description="They may lead visitors in who need an escort")
    escorted: bool = Field(default=False, description="They pass only with an escort, who badges first")
    supervisor: bool = Field(default=False, description="A supervised zone opens while they are inside")


class LanguageBody(Incoming):
    """What doors speak to this person; null: their account's."""

    language: Literal["en", "fr"] | None


class CompanyBody(Incoming):
    """Members of whom one must be inside, or badge first; none: it is not asked."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    guardians: list[Id] = Field(default=[], max_length=OF_ONE_BOND_MAX, description="Of a minor")
    hosts: list[Id] = Field(default=[], max_length=OF_ONE_BOND_MAX, description="Of a guest")


class Made(BaseModel):
    id: int


class AnswerOut(BaseModel):
    """What the turnstile would say; `until_ms` null: no end is known.

    `evidence`: the rule, the row and the revision that it rests on, as in journals and at the gateway. `not_alone`: it
    is no for want of company, and with it `zones` would open.
    """

    allowed: bool
    reason: str | None
    evidence: str
    flags: list[str]
    not_alone: bool
    zones: list[str]
    until_ms: int | None
    has_card: bool
    standing: Standing


@router.get("/members")
def list_members(services: ServicesDep, reader: Reader, limit: Limit = 50, after: After = 0) -> Page[MemberOut]:
    """All members, by id."""
    with services.db.read() as conn:
        rows = conn.execute(
            select(member)
            .where(member.c.organisation_id == reader.organisation_id, member.c.id > after)
            .order_by(member.c.id)
            .limit(limit + 1)
        ).all()
    return page_of([MemberOut.model_validate(dict(row._mapping)) for row in rows], [row.id for row in rows], limit)


@router.get("/members/{member_id}")
def get_member(member_id: PathId, services: ServicesDep, reader: Reader) -> MemberOut:
    """One member."""
    with services.db.read() as conn:
        row = conn.execute(
            select(member).where(member.c.id == member_id, member.c.organisation_id == reader.organisation_id)
        ).one_or_none()
    if row is None:
        raise not_found("member")
    return MemberOut.model_validate(dict(row._mapping))


@router.get("/members/{member_id}/door-rights")
def get_door_rights(member_id: PathId, services: ServicesDep, reader: Reader) -> DoorRightsBody:
    """What doors do for this member beyond opening."""
    with services.db.read() as conn:
        row = conn.execute(
            select(
                member.c.long_access,
                member.c.first_person,
                member.c.lockdown_exempt,
                member.c.escort,
                member.c.escorted,
                member.c.supervisor,
            ).where(member.c.id == member_id, member.c.organisation_id == reader.organisation_id)
        ).one_or_none()
    if row is None:
        raise not_found("member")
    return DoorRightsBody.model_validate(dict(row._mapping))


@router.put("/members/{member_id}/door-rights", status_code=204)
def put_door_rights(member_id: PathId, new: DoorRightsBody, services: ServicesDep, writer: Writer) -> None:
    """Change it; every gateway knows within a second."""
    real_ms = services.clock.real_ms()
    with services.db.write() as conn:
        change_rights(
            conn,
            principal=writer,
            member_id=member_id,
            rights=DoorRights(**new.model_dump()),
            now_ms=business_now_ms(conn, writer.organisation_id, real_ms),
            real_ms=real_ms,
        )


@router.put("/members/{member_id}/language", status_code=204)
def put_language(member_id: PathId, new: LanguageBody, services: ServicesDep, writer: Writer) -> None:
    """Change what doors speak to this member; every gateway knows within a second."""
    with services.db.write() as conn:
        set_language(conn, organisation_id=writer.organisation_id, member_id=member_id, language=new.language)


@router.get("/members/{member_id}/company")
def get_company(member_id: PathId, services: ServicesDep, reader: Reader) -> CompanyBody:
    """Without whom this member does not pass."""
    with services.db.read() as conn:
        theirs = conn.execute(
            select(member.c.id).where(member.c.id == member_id, member.c.organisation_id == reader.organisation_id)
        ).first()
        if theirs is None:
            raise not_found("member")
        needed = company_of(conn, [member_id]).get(member_id, NOBODY_NEEDED)
    return CompanyBody.model_validate(needed)


@router.put("/members/{member_id}/company", status_code=204)
def put_company(member_id: PathId, new: CompanyBody, services: ServicesDep, writer: Writer) -> None:
    """Change it; every gateway knows within a second."""
    with services.db.write() as conn:
        set_company(
            conn,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            needed=NeededCompany(guardians=tuple(new.guardians), hosts=tuple(new.hosts)),
        )


@router.get("/members/{member_id}/access")
def get_access(member_id: PathId, services: ServicesDep, reader: Reader) -> AnswerOut:
    """May this member pass now? Decided by the turnstile's own rules."""
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        answer = may_pass(
            conn,
            services.keyring,
            organisation_id=reader.organisation_id,
            member_id=member_id,
            business_ms=now_ms,
        )
    if answer is None:
        raise not_found("member")
    return AnswerOut(
        allowed=answer.allowed,
        reason=answer.reason,
        evidence=str(answer.evidence),
        flags=list(answer.flags),
        not_alone=answer.not_alone,
        zones=list(answer.zones),
        until_ms=answer.until_ms,
        has_card=answer.has_card,
        standing=answer.standing,
    )


@router.get("/accounts")
def list_accounts(services: ServicesDep, reader: Reader, limit: Limit = 50, after: After = 0) -> Page[AccountOut]:
    """All accounts, by id."""
    with services.db.read() as conn:
        rows = conn.execute(
            select(account)
            .where(account.c.organisation_id == reader.organisation_id, account.c.id > after)
            .order_by(account.c.id)
            .limit(limit + 1)
        ).all()
    return page_of([AccountOut.model_validate(dict(row._mapping)) for row in rows], [row.id for row in rows], limit)


@router.get("/accounts/{account_id}")
def get_account(account_id: PathId, services: ServicesDep, reader: Reader) -> AccountOut:
    """One account."""
    with services.db.read() as conn:
        row = conn.execute(
            select(account).where(account.c.id == account_id, account.c.organisation_id == reader.organisation_id)
        ).one_or_none()
    if row is None:
        raise not_found("account")
    return AccountOut.model_validate(dict(row._mapping))


@router.post("/accounts", status_code=201)
def create_account(new: NewAccount, services: ServicesDep, writer: Writer, request_key: OnceKey = None) -> Made:
    """Add who pays."""

    def made() -> Made:
        _own(conn, legal_entity, new.legal_entity_id, writer, "legal_entity_id")
        return Made(id=add_account(conn, organisation_id=writer.organisation_id, **new.model_dump()))

    with services.db.write() as conn:
        return once(conn, writer, request_key, new, Made, made, real_ms=services.clock.real_ms())


@router.post("/members", status_code=201)
def create_member(new: NewMember, services: ServicesDep, writer: Writer, request_key: OnceKey = None) -> Made:
    """Add who passes, under an account of your organisation."""
    organisation_id = writer.organisation_id

    def made() -> Made:
        _own(conn, account, new.account_id, writer, "account_id")
        _own(conn, site, new.site_id, writer, "site_id")
        now_ms = business_now_ms(conn, organisation_id, services.clock.real_ms())
        zone = conn.execute(select(organisation.c.time_zone).where(organisation.c.id == organisation_id)).scalar_one()
        values = {**new.model_dump(), "joined_on": new.joined_on or local_date(now_ms, zone)}
        member_id = add_member(conn, organisation_id=organisation_id, **values)
        webhooks.tell(conn, webhooks.EventKind.MEMBER_CREATED, organisation_id, [member_id], at_ms=now_ms)
        return Made(id=member_id)

    with services.db.write() as conn:
        return once(conn, writer, request_key, new, Made, made, real_ms=services.clock.real_ms())


def _own(conn: Connection, table: Table, wanted: int, writer: Principal, field: str) -> None:
    """Raises Problem 422 unless the row is of the caller's organisation; another's looks as if it did not exist."""
    found = conn.execute(
        select(table.c.id).where(table.c.id == wanted, table.c.organisation_id == writer.organisation_id)
    ).one_or_none()
    if found is None:
        raise unprocessable(f"{field} {wanted} does not exist in your organisation.", pointer=f"/body/{field}")
