"""Credentials over HTTP: what members have, giving and taking it; and for technicians which kinds a site uses."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from portillon_rules.credential import Credential, CredentialError, CredentialKind
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, func, select

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.http.problem import not_found, unprocessable
from portillon_cloud.http.services import Services
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members import day_codes, pins
from portillon_cloud.members.card_text import read_card
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.members.credentials import add_credential, change_state, replace_credential
from portillon_cloud.members.errors import CredentialRefusedError
from portillon_cloud.members.phone_keys import phone_credential
from portillon_cloud.members.tables import credential, member, site
from portillon_cloud.reports.credential_list import credential_lines

router = APIRouter(tags=["credentials"])
Looker = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Reader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Writer = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Instant = Annotated[int, Field(ge=0, le=7_258_118_400_000, description="Business time")]
CARD_CHARACTERS_MAX = 200
CardText = Annotated[
    str,
    Field(
        max_length=CARD_CHARACTERS_MAX,
        description="Canonical form, bare hex digits of a 125 kHz tag, or the numbers on a card with their format",
        examples=["em4100:0F0027A46B", "h10301:67-1000"],
    ),
]


class Incoming(BaseModel):
    """A body: a key nobody reads is a mistake, and is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NewCredential(Incoming):
    credential: CardText
    valid_until_ms: Instant | None = None


class NewState(Incoming):
    """`blocked` until it is set `active` again; `lost` and `stolen` are for good."""

    state: Literal["active", "blocked", "lost", "stolen"]


class Replacement(Incoming):
    credential: CardText


class NewPin(Incoming):
    card_id: Id | None = Field(default=None, description="The card or phone it confirms; null: it stands alone")
    duress: bool = Field(default=False, description="One more, which opens and raises a silent alarm")


class NewPhone(Incoming):
    public_key: str = Field(max_length=CARD_CHARACTERS_MAX, description="Ed25519 public key, 64 hex digits")


class NewDayCode(Incoming):
    valid_from_ms: Instant | None = Field(default=None, description="Business time; now if left out")
    valid_until_ms: Instant
    zones: Annotated[list[str], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="What it opens without a membership; null: what the holder's memberships open"
    )


class Made(BaseModel):
    id: int


class PinOut(BaseModel):
    """Shown this once: nobody can read it again."""

    id: int
    digits: str
    duress_id: int | None
    duress_digits: str | None


class DayCodeOut(BaseModel):
    """Shown this once. `text` goes into a QR code; `printed` is the same for people to read and type."""

    id: int
    text: str
    printed: str


class ChangeOut(BaseModel):
    state: CredentialState
    at_ms: int | None
    by: str | None = Field(description="Null: nobody, its date had come")


class CredentialOut(BaseModel):
    """`shown`: its last digits; null for a PIN, of which nothing is shown."""

    id: int
    kind: CredentialKind
    copyable: bool = Field(description="Whoever saw or read it once can present it again")
    shown: str | None
    state: CredentialState
    issued_at_ms: int | None
    valid_from_ms: int | None
    valid_until_ms: int | None
    card_id: int | None = Field(description="Of a PIN: the card that it confirms")
    duress: bool
    replaced_by_id: int | None
    changes: list[ChangeOut]


class KindOut(BaseModel):
    kind: CredentialKind
    copyable: bool
    active: int


@router.get("/members/{member_id}/credentials")
def list_credentials(member_id: PathId, services: ServicesDep, reader: Reader) -> list[CredentialOut]:
    """Every credential the member has or had: what is theirs first, the newest first."""
    with services.db.read() as conn:
        _require_member(conn, reader, member_id)
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        lines = credential_lines(conn, services.keyring, reader.organisation_id, member_id, now_ms=now_ms)
    return [
        CredentialOut(
            id=line.id,
            kind=line.kind,
            copyable=line.kind.copyable,
            shown=line.shown,
            state=line.state,
            issued_at_ms=line.issued_at_ms,
            valid_from_ms=line.valid_from_ms,
            valid_until_ms=line.valid_until_ms,
            card_id=line.card_id,
            duress=line.duress,
            replaced_by_id=line.replaced_by_id,
            changes=[ChangeOut(state=one.state, at_ms=one.at_ms, by=one.by) for one in line.changes],
        )
        for line in lines
    ]


@router.post("/members/{member_id}/credentials", status_code=201)
def issue_credential(member_id: PathId, new: NewCredential, services: ServicesDep, writer: Writer) -> Made:
    """Give a member a card or another credential but a PIN; 409 if it is somebody's already."""
    presented = _card(new.credential)
    with services.db.write() as conn:
        made = _add(conn, services, writer, member_id, presented, valid_until_ms=new.valid_until_ms)
    return Made(id=made)


@router.post("/members/{member_id}/phones", status_code=201)
def register_phone(member_id: PathId, new: NewPhone, services: ServicesDep, writer: Writer) -> Made:
    """Let the phone with this public key open for the member; it is lost and replaced like a card."""
    try:
        presented = phone_credential(new.public_key)
    except CredentialRefusedError as error:
        raise unprocessable(str(error), pointer="/body/public_key") from None
    with services.db.write() as conn:
        made = _add(conn, services, writer, member_id, presented)
    return Made(id=made)


@router.post("/members/{member_id}/pins", status_code=201)
def issue_pin(member_id: PathId, new: NewPin, services: ServicesDep, writer: Writer) -> PinOut:
    """Draw a new PIN in place of the earlier one for this card (or the one that stands alone), and show it once."""
    with services.db.write() as conn:
        made = pins.issue_pin(
            conn,
            services.keyring,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            card_id=new.card_id,
            duress=new.duress,
            now_ms=_now_ms(conn, services, writer),
            by=writer.name,
        )
    return PinOut(id=made.id, digits=made.digits, duress_id=made.duress_id, duress_digits=made.duress_digits)


@router.post("/members/{member_id}/day-codes", status_code=201)
def issue_day_code(member_id: PathId, new: NewDayCode, services: ServicesDep, writer: Writer) -> DayCodeOut:
    """Draw a code for one passage, and give its text once."""
    with services.db.write() as conn:
        now_ms = _now_ms(conn, services, writer)
        made = day_codes.issue_day_code(
            conn,
            services.keyring,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            valid_from_ms=now_ms if new.valid_from_ms is None else new.valid_from_ms,
            valid_until_ms=new.valid_until_ms,
            zones=new.zones,
            now_ms=now_ms,
            by=writer.name,
        )
    return DayCodeOut(id=made.id, text=made.text, printed=made.printed)


@router.put("/credentials/{credential_id}/state", status_code=204)
def set_state(credential_id: PathId, new: NewState, services: ServicesDep, writer: Writer) -> None:
    """Say what has become of a credential: its turnstiles refuse it by that name, or open again."""
    with services.db.write() as conn:
        change_state(
            conn,
            services.keyring,
            organisation_id=writer.organisation_id,
            credential_id=credential_id,
            to=CredentialState(new.state),
            now_ms=_now_ms(conn, services, writer),
            by=writer.name,
        )


@router.post("/credentials/{credential_id}/replacement", status_code=201)
def replace(credential_id: PathId, new: Replacement, services: ServicesDep, writer: Writer) -> Made:
    """Give its member another one in its place; the PINs of a card go on with the new one."""
    presented = _card(new.credential)
    with services.db.write() as conn:
        made = replace_credential(
            conn,
            services.keyring,
            organisation_id=writer.organisation_id,
            credential_id=credential_id,
            presented=presented,
            now_ms=_now_ms(conn, services, writer),
            by=writer.name,
        )
    return Made(id=made)


@router.get("/sites/{site_id}/credential-kinds")
def list_kinds(site_id: PathId, services: ServicesDep, looker: Looker) -> list[KindOut]:
    """Which kinds of credential are in use at a site, so that its readers can be chosen: no people, no numbers."""
    with services.db.read() as conn:
        known = conn.execute(
            select(site.c.id).where(site.c.id == site_id, site.c.organisation_id == looker.organisation_id)
        ).first()
        if known is None:
            raise not_found("site")
        rows = conn.execute(
            select(credential.c.kind, func.count().label("active"))
            .join(member, member.c.id == credential.c.member_id)
            .where(member.c.site_id == site_id, credential.c.state == CredentialState.ACTIVE.value)
            .group_by(credential.c.kind)
            .order_by(credential.c.kind)
        ).all()
    kinds = [(CredentialKind(row.kind), row.active) for row in rows]
    return [KindOut(kind=kind, copyable=kind.copyable, active=active) for kind, active in kinds]


def _add(
    conn: Connection,
    services: Services,
    writer: Principal,
    member_id: int,
    presented: Credential,
    *,
    valid_until_ms: int | None = None,
) -> int:
    return add_credential(
        conn,
        services.keyring,
        organisation_id=writer.organisation_id,
        member_id=member_id,
        presented=presented,
        now_ms=_now_ms(conn, services, writer),
        by=writer.name,
        valid_until_ms=valid_until_ms,
    )


def _card(text: str) -> Credential:
    try:
        return read_card(text)
    except CredentialError as error:
        raise unprocessable(str(error), pointer="/body/credential") from None


def _now_ms(conn: Connection, services: Services, writer: Principal) -> int:
    return business_now_ms(conn, writer.organisation_id, services.clock.real_ms())


def _require_member(conn: Connection, reader: Principal, member_id: int) -> None:
    found = conn.execute(
        select(member.c.id).where(member.c.id == member_id, member.c.organisation_id == reader.organisation_id)
    ).first()
    if found is None:
        raise not_found("member")
