"""What is known of people over HTTP: profiles, their history, who is there twice, households, export and erasure.

A refused field is told in the language that the caller prefers (Accept-Language): a form may show it as it comes.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, Field
from sqlalchemy import Connection, Table, select

from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import FieldError, Problem, not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.locale.catalogue import best_language
from portillon_cloud.members.duplicates import Same, alike
from portillon_cloud.members.entry import EntryRefusedError
from portillon_cloud.members.erasure import erase_member
from portillon_cloud.members.personal_data import personal_data
from portillon_cloud.members.profile import (
    MemberProfile,
    PayerProfile,
    TypedMember,
    TypedPayer,
    read_member,
    read_payer,
)
from portillon_cloud.members.profiles import (
    Whose,
    change_member,
    change_payer,
    history,
    member_profile,
    payer_profile,
)
from portillon_cloud.members.status import MemberStatus, statuses_of
from portillon_cloud.members.tables import account, member, organisation

router = APIRouter(tags=["members"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Writer = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Owner = Annotated[Principal, Depends(require(Permission.MANAGE_STAFF))]
Language = Annotated[str | None, Header(alias="Accept-Language", max_length=200)]
_Read = TypeVar("_Read", MemberProfile, PayerProfile)
Why = Annotated[str | None, Field(max_length=200, description="Kept beside the change, under the person's key")]


class MemberBody(TypedMember):
    why: Why = None


class PayerBody(TypedPayer):
    why: Why = None


class LikenessOut(BaseModel):
    """Somebody who may be the same person. Nobody is merged: look, and keep one."""

    member_id: int
    name: str
    same: list[Same]


class MemberProfileOut(BaseModel):
    profile: MemberProfile
    status: MemberStatus
    minor: bool | None = Field(description="Null: the birth date is not known")
    alike: list[LikenessOut]


class ChangedOut(BaseModel):
    """The fields that changed; none: it was so already."""

    changed: list[str]
    alike: list[LikenessOut] = []


class ChangeOut(BaseModel):
    """One change; once the person is erased, without reason and values. `fields` empty: the erasure."""

    at_ms: int
    by: str
    fields: list[str]
    why: str | None
    before: dict[str, Any]
    after: dict[str, Any]


class HouseholdMemberOut(BaseModel):
    id: int
    first_name: str
    last_name: str
    status: MemberStatus


class PersonalDataOut(BaseModel):
    profile: dict[str, Any]
    payer: dict[str, Any] | None = Field(description="Null: somebody else pays, whose data are not this person's")
    history: list[dict[str, Any]]
    records: dict[str, list[dict[str, Any]]]
    cut: list[str] = Field(description="Tables of which there is more than one answer holds")


class ErasedOut(BaseModel):
    """What was done, and what the law has us keep."""

    account_erased: bool
    invoices_kept: int
    credit_notes_kept: int
    kept_until: date | None
    contracts_kept: int = Field(default=0, description="Accepted, as they were sealed")


@router.get("/members/{member_id}/profile")
def get_profile(member_id: PathId, services: ServicesDep, reader: Reader) -> MemberProfileOut:
    """What is known of a member, what they are to the gym today, and who may be the same person."""
    organisation_id = reader.organisation_id
    with services.db.read() as conn:
        known = member_profile(conn, services.keyring, organisation_id, member_id)
        today, _ = _place(conn, services, reader)
        return MemberProfileOut(
            profile=known,
            status=statuses_of(conn, [member_id], today)[member_id],
            minor=known.is_minor(today),
            alike=_alike(conn, services, organisation_id, known, member_id),
        )


@router.put("/members/{member_id}/profile")
def put_profile(
    member_id: PathId, new: MemberBody, services: ServicesDep, writer: Writer, accept_language: Language = None
) -> ChangedOut:
    """Say what is known of a member now, as a whole; told back: what changed, and who may be the same person."""
    organisation_id = writer.organisation_id
    with services.db.write() as conn:
        today, country = _place(conn, services, writer)
        read = _read(lambda: read_member(new, country=country, today=today), accept_language)
        changed = change_member(
            conn, services.keyring, organisation_id=organisation_id, member_id=member_id, new=read,
            at_ms=_now_ms(conn, services, writer), by=writer.name, why=new.why,
        )  # fmt: skip
        likely = _alike(conn, services, organisation_id, read, member_id)
    return ChangedOut(changed=list(changed), alike=likely)


@router.get("/members/{member_id}/profile/changes")
def get_member_changes(member_id: PathId, services: ServicesDep, reader: Reader) -> list[ChangeOut]:
    """Who changed what of a member, and when; the latest first."""
    return _changes(services, reader, member, member_id)


@router.get("/accounts/{account_id}/profile")
def get_payer(account_id: PathId, services: ServicesDep, reader: Reader) -> PayerProfile:
    """What is known of who pays."""
    with services.db.read() as conn:
        return payer_profile(conn, services.keyring, reader.organisation_id, account_id)


@router.put("/accounts/{account_id}/profile")
def put_payer(
    account_id: PathId, new: PayerBody, services: ServicesDep, writer: Writer, accept_language: Language = None
) -> ChangedOut:
    """Say what is known of who pays now, as a whole. Invoices keep the buyer they were issued to."""
    with services.db.write() as conn:
        _, country = _place(conn, services, writer)
        read = _read(lambda: read_payer(new, country=country), accept_language)
        changed = change_payer(
            conn, services.keyring, organisation_id=writer.organisation_id, account_id=account_id, new=read,
            at_ms=_now_ms(conn, services, writer), by=writer.name, why=new.why,
        )  # fmt: skip
    return ChangedOut(changed=list(changed))


@router.get("/accounts/{account_id}/profile/changes")
def get_payer_changes(account_id: PathId, services: ServicesDep, reader: Reader) -> list[ChangeOut]:
    """Who changed what of a payer, and when; the latest first."""
    return _changes(services, reader, account, account_id)


@router.get("/accounts/{account_id}/members")
def get_household(account_id: PathId, services: ServicesDep, reader: Reader) -> list[HouseholdMemberOut]:
    """For whom this account pays: a person, a household, a company's staff."""
    with services.db.read() as conn:
        mine = (account.c.id == account_id, account.c.organisation_id == reader.organisation_id)
        if conn.execute(select(account.c.id).where(*mine)).first() is None:
            raise not_found("account")
        rows = conn.execute(
            select(member.c.id, member.c.first_name, member.c.last_name)
            .where(member.c.account_id == account_id)
            .order_by(member.c.id)
        ).all()
        today, _ = _place(conn, services, reader)
        words = statuses_of(conn, [row.id for row in rows], today)
    return [HouseholdMemberOut(**row._mapping, status=words[row.id]) for row in rows]


@router.get("/members/{member_id}/personal-data")
def get_personal_data(member_id: PathId, services: ServicesDep, owner: Owner) -> PersonalDataOut:
    """Everything that is kept about a member, to give to them. For owners: it is more than the desk needs."""
    with services.db.read() as conn:
        found = personal_data(conn, services.keyring, owner.organisation_id, member_id)
    return PersonalDataOut(**{name: getattr(found, name) for name in PersonalDataOut.model_fields})


@router.post("/members/{member_id}/erasure")
def erase(member_id: PathId, services: ServicesDep, owner: Owner) -> ErasedOut:
    """Erase a member for ever, and who pays if that is only them. Refused while anything hangs on them."""
    with services.db.write() as conn:
        today, _ = _place(conn, services, owner)
        done = erase_member(
            conn, services.keyring, organisation_id=owner.organisation_id, member_id=member_id, today=today,
            at_ms=_now_ms(conn, services, owner), by=owner.name,
        )  # fmt: skip
    return ErasedOut(**asdict(done))


def entry_problem(error: EntryRefusedError, language: str) -> Problem:
    """422 naming each field, with what to write, in this language."""
    errors = [FieldError(pointer=f"/body/{one.field}", detail=one.said(language)) for one in error.wrong]
    said = "; ".join(f"{one.field}: {one.said(language)}" for one in error.wrong)
    return Problem(422, said, kind="invalid", errors=errors)


def _read(reading: Callable[[], _Read], accept_language: str | None) -> _Read:
    try:
        return reading()
    except EntryRefusedError as error:
        raise entry_problem(error, best_language(accept_language)) from None


def _alike(
    conn: Connection, services: Services, organisation_id: int, one: MemberProfile, member_id: int
) -> list[LikenessOut]:
    found = alike(conn, services.keyring, organisation_id, one, besides=member_id)
    return [LikenessOut(member_id=other.member_id, name=other.name, same=list(other.same)) for other in found]


def _changes(services: Services, reader: Principal, table: Table, person_id: int) -> list[ChangeOut]:
    with services.db.read() as conn:
        found = history(conn, services.keyring, reader.organisation_id, Whose(table, person_id))
    return [ChangeOut(**asdict(one)) for one in found]


def _place(conn: Connection, services: Services, principal: Principal) -> tuple[date, str]:
    """Today there, and the country."""
    row = conn.execute(
        select(organisation.c.time_zone, organisation.c.country).where(organisation.c.id == principal.organisation_id)
    ).one()
    return local_date(_now_ms(conn, services, principal), row.time_zone), row.country


def _now_ms(conn: Connection, services: Services, principal: Principal) -> int:
    return business_now_ms(conn, principal.organisation_id, services.clock.real_ms())
