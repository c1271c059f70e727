"""What is known of a member: read, changed field by field with what is wrong beside each, given out, erased."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, RedirectResponse, Response

from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.duplicates import alike
from portillon_cloud.members.entry import EntryRefusedError
from portillon_cloud.members.erasure import erase_member
from portillon_cloud.members.errors import PersonErasedError, StillNeededError
from portillon_cloud.members.personal_data import personal_data
from portillon_cloud.members.profile import (
    LINE_MAX,
    MemberProfile,
    TypedAddress,
    TypedContact,
    TypedMember,
    read_member,
)
from portillon_cloud.members.profiles import Whose, change_member, history, member_profile
from portillon_cloud.members.status import MemberStatus, statuses_of
from portillon_cloud.members.tables import member
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import typed_fields
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MEMBERS))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Owner = Annotated[Visit, Depends(visit_with(Permission.MANAGE_STAFF))]
Typed = Annotated[dict[str, str], Depends(typed_fields)]

SAVED = N_("Noted. The history below says who changed what.")
WRONG = N_("Nothing was changed: what is wrong stands beside its field.")
ERASED = N_("This person was erased. What the law wants kept, the invoices, keeps the name they were issued to.")
NOT_YET = N_(
    "Nobody was erased. First end the membership and the rights, settle what is open, name another guardian or host,"
    " and type the number."
)

STATUSES: Mapping[MemberStatus, tuple[str, str]] = {
    MemberStatus.PROSPECT: ("idle", N_("Never had a membership")),
    MemberStatus.COMING: ("idle", N_("Begins later")),
    MemberStatus.CURRENT: ("ok", N_("Member")),
    MemberStatus.FORMER: ("idle", N_("Former member")),
    MemberStatus.ERASED: ("idle", N_("Erased")),
}
FIELDS: Mapping[str, str] = {
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "email": N_("E-mail"),
    "phone": N_("Phone"),
    "birth_date": N_("Birth date"),
    "address": N_("Address"),
    "emergency_contacts": N_("In an emergency"),
}
ADDRESS: Mapping[str, str] = {
    "street": N_("Street and number"),
    "city": N_("City"),
    "region": N_("Province or region"),
    "postal_code": N_("Postal code"),
    "country": N_("Country, two letters"),
}
CONTACT: Mapping[str, str] = {"name": N_("Name"), "phone": N_("Phone"), "relation": N_("Who they are")}
CONTACTS_SHOWN = 2


@router.get("/members/{member_id}/profile")
def profile_page(member_id: PathId, services: ServicesDep, reader: Reader, done: bool = False) -> Response:
    """What is known, who may be the same person, and every change. Raises Problem 404."""
    return _draw(services, reader, member_id, Notice("ok", reader.words.say(SAVED)) if done else None)


@router.post("/members/{member_id}/profile", dependencies=[Depends(genuine_form)])
def profile_form(member_id: PathId, services: ServicesDep, clerk: Clerk, typed: Typed) -> Response:
    """The profile as it was typed; or the page again with what is wrong beside each field."""
    try:
        with services.db.write() as conn:
            change_member(
                conn,
                services.keyring,
                organisation_id=clerk.principal.organisation_id,
                member_id=member_id,
                new=read_member(_body(typed), country=clerk.organisation.country, today=_today(clerk)),
                at_ms=clerk.organisation.clock.business_ms,
                by=clerk.principal.name,
                why=typed.get("why", "").strip()[:LINE_MAX] or None,
            )
    except EntryRefusedError as error:
        wrong = {one.field: one.said(clerk.words.language) for one in error.wrong}
        notice = Notice("bad", clerk.words.say(WRONG))
        return _draw(services, clerk, member_id, notice, typed=typed, wrong=wrong, status=422)
    except PersonErasedError:
        return _draw(services, clerk, member_id, Notice("bad", clerk.words.say(ERASED)), status=409)
    return RedirectResponse(f"/members/{member_id}/profile?done=true", 303)


@router.get("/members/{member_id}/personal-data.json")
def personal_data_file(member_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Everything that is kept about them, as a file to hand over."""
    with services.db.read() as conn:
        found = personal_data(conn, services.keyring, owner.principal.organisation_id, member_id)
    said = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return JSONResponse(said, headers={"Content-Disposition": f'attachment; filename="member-{member_id}.json"'})


@router.post("/members/{member_id}/erasure", dependencies=[Depends(genuine_form)])
def erasure_form(member_id: PathId, services: ServicesDep, owner: Owner, typed: Typed) -> Response:
    """Erase them for ever, if their number was typed again; or the page again with what to end first."""
    if typed.get("number", "").strip() != str(member_id):
        return _draw(services, owner, member_id, Notice("bad", owner.words.say(NOT_YET)), status=422)
    try:
        with services.db.write() as conn:
            erase_member(
                conn,
                services.keyring,
                organisation_id=owner.principal.organisation_id,
                member_id=member_id,
                today=_today(owner),
                at_ms=owner.organisation.clock.business_ms,
                by=owner.principal.name,
            )
    except (StillNeededError, PersonErasedError):
        return _draw(services, owner, member_id, Notice("bad", owner.words.say(NOT_YET)), status=409)
    return RedirectResponse(f"/members/{member_id}/profile", 303)


def _draw(
    services: Services,
    reader: Visit,
    member_id: int,
    notice: Notice | None,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    organisation_id = reader.principal.organisation_id
    today = _today(reader)
    with services.db.read() as conn:
        known = member_profile(conn, services.keyring, organisation_id, member_id)
        changes = history(conn, services.keyring, organisation_id, Whose(member, member_id))
        likely = alike(conn, services.keyring, organisation_id, known, besides=member_id)
        now = statuses_of(conn, [member_id], today)[member_id]
    if now is MemberStatus.ERASED:
        notice, likely = notice or Notice("ok", reader.words.say(ERASED)), ()
    return page(
        "members/profile.html",
        reader,
        status=status,
        notice=notice,
        member_id=member_id,
        who=known,
        values=typed if typed is not None else _typed(known, reader.organisation.country),
        wrong=wrong or {},
        changes=changes,
        alike=likely,
        minor=known.is_minor(today),
        status_mark=STATUSES[now],
        erased=now is MemberStatus.ERASED,
        fields=FIELDS,
        address_fields=ADDRESS,
        contact_fields=CONTACT,
        contacts=range(max(CONTACTS_SHOWN, len(known.emergency_contacts))),
        may_erase=reader.principal.may(Permission.MANAGE_STAFF),
    )


def _body(typed: Mapping[str, str]) -> TypedMember:
    """The form as the API takes it: an address of which nothing was typed but the country is none."""
    said: dict[str, Any] = {
        name: typed.get(name, "")[:LINE_MAX] for name in ("first_name", "last_name", "email", "phone", "birth_date")
    }
    address = {name: typed.get(f"address/{name}", "")[:LINE_MAX] for name in ADDRESS}
    if any(value.strip() for name, value in address.items() if name != "country"):
        said["address"] = TypedAddress(**address)
    contacts = []
    for index in range(20):
        one = {name: typed.get(f"emergency_contacts/{index}/{name}", "")[:LINE_MAX] for name in CONTACT}
        if any(value.strip() for value in one.values()):
            contacts.append(TypedContact(**one))
    return TypedMember(**said, emergency_contacts=contacts)


def _typed(known: MemberProfile, country: str) -> dict[str, str]:
    """The profile as its form shows it."""
    said: dict[str, str | None] = {name: getattr(known, name) for name in ("first_name", "last_name", "email", "phone")}
    said["birth_date"] = None if known.birth_date is None else known.birth_date.isoformat()
    said["address/country"] = country
    if known.address is not None:
        said |= {f"address/{name}": getattr(known.address, name) for name in ADDRESS}
    for index, one in enumerate(known.emergency_contacts):
        said |= {f"emergency_contacts/{index}/{name}": getattr(one, name) for name in CONTACT}
    return {name: value or "" for name, value in said.items()}


def _today(reader: Visit) -> date:
    return local_date(reader.organisation.clock.business_ms, reader.organisation.time_zone)
