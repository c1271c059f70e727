"""Credentials at the desk: add, take away, replace; draw a PIN or a day code, which are shown once."""

from datetime import date, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from portillon_rules.credential import Credential, CredentialError
from sqlalchemy import Connection, select

from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members import credentials as operations
from portillon_cloud.members.card_text import read_card
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.members.day_codes import issue_day_code
from portillon_cloud.members.errors import (
    CredentialRefusedError,
    CredentialStateError,
    CredentialTakenError,
    NoPinLeftError,
)
from portillon_cloud.members.phone_keys import phone_credential
from portillon_cloud.members.pins import issue_pin
from portillon_cloud.members.tables import credential, member, site
from portillon_cloud.web.pages.members import Done, draw_member
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter(dependencies=[Depends(genuine_form)])
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
CardText = Annotated[str, Form(min_length=1, max_length=200)]
DAYS_MOST = 31

NO_CARD = N_("This is no card number. Write it as on the card: 0F0027A46B, h10301:67-1000 or nfca:04DE5F1EACC040.")
TAKEN = N_("This is somebody’s already. Search for it under Members to see whose, and mark it lost there first.")
TOO_LATE = N_("That cannot be done any more: see below what has become of it.")
SAME_CARD = N_("That is the same card, or a code that no card replaces. Present the new card.")
NO_KEY = N_("A phone’s public key is 64 hex digits, as its app shows it.")
NO_PIN_HERE = N_("A PIN stands alone, or confirms a card or phone that this member has.")
NO_PIN_LEFT = N_("No PIN is free that would be hard enough to guess. Give this member a card instead.")
NO_DAY = N_("Choose a day that is not over yet.")


class Said(StrEnum):
    """What a form says of a credential."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    LOST = "lost"
    STOLEN = "stolen"


class Opens(StrEnum):
    """What a day code opens."""

    MEMBERSHIP = "membership"
    SITE = "site"


@router.post("/members/{member_id}/credentials")
def add_form(member_id: PathId, services: ServicesDep, clerk: Clerk, card: CardText) -> Response:
    """Give the member the card with this number; or the page again with what was wrong."""
    try:
        presented = read_card(card)
    except CredentialError:
        return _again(services, clerk, member_id, NO_CARD)
    return _add(services, clerk, member_id, presented)


@router.post("/members/{member_id}/phones")
def phone_form(member_id: PathId, services: ServicesDep, clerk: Clerk, public_key: CardText) -> Response:
    """Let the phone with this key open for the member."""
    try:
        presented = phone_credential(public_key)
    except CredentialRefusedError:
        return _again(services, clerk, member_id, NO_KEY)
    return _add(services, clerk, member_id, presented)


@router.post("/members/{member_id}/credentials/{credential_id}/state")
def state_form(
    member_id: PathId, credential_id: PathId, services: ServicesDep, clerk: Clerk, to: Annotated[Said, Form()]
) -> Response:
    """Say what has become of it."""
    try:
        with services.db.write() as conn:
            _require_theirs(conn, clerk, member_id, credential_id)
            operations.change_state(
                conn, services.keyring, credential_id=credential_id, to=CredentialState(to), **_now(clerk)
            )
    except CredentialStateError:
        return _again(services, clerk, member_id, TOO_LATE, HTTPStatus.CONFLICT)
    return _done(member_id, Done.CHANGED)


@router.post("/members/{member_id}/credentials/{credential_id}/replacement")
def replace_form(
    member_id: PathId, credential_id: PathId, services: ServicesDep, clerk: Clerk, card: CardText
) -> Response:
    """Give the member another card in its place."""
    try:
        presented = read_card(card)
        with services.db.write() as conn:
            _require_theirs(conn, clerk, member_id, credential_id)
            operations.replace_credential(
                conn, services.keyring, credential_id=credential_id, presented=presented, **_now(clerk)
            )
    except CredentialError:
        return _again(services, clerk, member_id, NO_CARD)
    except CredentialRefusedError:
        return _again(services, clerk, member_id, SAME_CARD)
    except CredentialTakenError:
        return _again(services, clerk, member_id, TAKEN, HTTPStatus.CONFLICT)
    except CredentialStateError:
        return _again(services, clerk, member_id, TOO_LATE, HTTPStatus.CONFLICT)
    return _done(member_id, Done.REPLACED)


@router.post("/members/{member_id}/pins")
def pin_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    card_id: Annotated[int, Form(ge=0, le=ID_MAX)] = 0,
    duress: Annotated[bool, Form()] = False,
) -> Response:
    """Draw a PIN and show it, this once. `card_id` 0: it stands alone."""
    try:
        with services.db.write() as conn:
            who = _person(conn, clerk, member_id)
            made = issue_pin(
                conn, services.keyring, member_id=member_id, card_id=card_id or None, duress=duress, **_now(clerk)
            )
    except CredentialRefusedError:
        return _again(services, clerk, member_id, NO_PIN_HERE)
    except CredentialStateError:
        return _again(services, clerk, member_id, TOO_LATE, HTTPStatus.CONFLICT)
    except NoPinLeftError:
        return _again(services, clerk, member_id, NO_PIN_LEFT, HTTPStatus.CONFLICT)
    return page("members/pin.html", clerk, made=made, member_id=member_id, who=who, with_card=card_id > 0)


@router.post("/members/{member_id}/day-codes")
def day_code_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    day: Annotated[date, Form(ge=date(2000, 1, 1), le=date(2199, 12, 31))],
    days: Annotated[int, Form(ge=1, le=DAYS_MOST)] = 1,
    opens: Annotated[Opens, Form()] = Opens.MEMBERSHIP,
) -> Response:
    """Draw a code for one passage from this day on, and show it, this once."""
    try:
        with services.db.write() as conn:
            who = _person(conn, clerk, member_id)
            zone, zones = _place(conn, member_id)
            from_ms, until_ms = start_of_day_ms(day, zone), start_of_day_ms(day + timedelta(days=days), zone)
            made = issue_day_code(
                conn,
                services.keyring,
                member_id=member_id,
                valid_from_ms=from_ms,
                valid_until_ms=until_ms,
                zones=zones if opens is Opens.SITE else None,
                **_now(clerk),
            )
    except CredentialRefusedError:
        return _again(services, clerk, member_id, NO_DAY)
    last_day = day + timedelta(days=days)
    return page("members/day_code.html", clerk, made=made, member_id=member_id, who=who, first_day=day, until=last_day)


def _add(services: Services, clerk: Visit, member_id: int, presented: Credential) -> Response:
    try:
        with services.db.write() as conn:
            operations.add_credential(conn, services.keyring, member_id=member_id, presented=presented, **_now(clerk))
    except CredentialTakenError:
        return _again(services, clerk, member_id, TAKEN, HTTPStatus.CONFLICT)
    return _done(member_id, Done.ADDED)


def _now(clerk: Visit) -> dict[str, Any]:
    """Where, when and by whom: what every one of these operations asks for."""
    return {
        "organisation_id": clerk.principal.organisation_id,
        "now_ms": clerk.organisation.clock.business_ms,
        "by": clerk.principal.name,
    }


def _done(member_id: int, done: Done) -> Response:
    return RedirectResponse(f"/members/{member_id}?done={done}", 303)


def _again(
    services: Services, clerk: Visit, member_id: int, problem: str, status: int = HTTPStatus.UNPROCESSABLE_ENTITY
) -> Response:
    return draw_member(services, clerk, member_id, status=status, notice=Notice("bad", clerk.words.say(problem)))


def _require_theirs(conn: Connection, clerk: Visit, member_id: int, credential_id: int) -> None:
    """Raises Problem 404 unless the credential is this member's: the page speaks of nobody else's."""
    theirs = select(credential.c.id).where(
        credential.c.organisation_id == clerk.principal.organisation_id,
        credential.c.member_id == member_id,
        credential.c.id == credential_id,
    )
    if conn.execute(theirs).one_or_none() is None:
        raise not_found("credential")


def _person(conn: Connection, clerk: Visit, member_id: int) -> str:
    row = conn.execute(
        select(member.c.first_name, member.c.last_name).where(
            member.c.organisation_id == clerk.principal.organisation_id, member.c.id == member_id
        )
    ).one_or_none()
    if row is None:
        raise not_found("member")
    return f"{row.first_name} {row.last_name}"


def _place(conn: Connection, member_id: int) -> tuple[str, list[str]]:
    """Time zone and zones of the member's site."""
    row = conn.execute(
        select(site.c.time_zone, site.c.zones)
        .join(member, member.c.site_id == site.c.id)
        .where(member.c.id == member_id)
    ).one()
    return row.time_zone, row.zones
