"""Give a member a credential, say what has become of it, replace it. Gateways hear of each change by the outbox."""

from collections.abc import Collection

from portillon_rules.credential import Credential, CredentialKind
from sqlalchemy import Connection, select

from portillon_cloud.access.review import review_at
from portillon_cloud.members import credential_store as store
from portillon_cloud.members import pins
from portillon_cloud.members.credential_state import HELD, MAY_BECOME, CredentialState
from portillon_cloud.members.credential_store import KnownCredential, NewCredential
from portillon_cloud.members.errors import CredentialRefusedError, CredentialStateError, CredentialTakenError
from portillon_cloud.members.tables import credential, member
from portillon_cloud.outbox import account_changed, accounts_changed
from portillon_cloud.secrets import Keyring


def add_credential(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    member_id: int,
    presented: Credential,
    now_ms: int | None = None,
    by: str | None = None,
    valid_from_ms: int | None = None,
    valid_until_ms: int | None = None,
    zones: Collection[str] | None = None,
) -> int:
    """Give a member a credential of any kind but a PIN; `now_ms` None: nobody knows any more when it was issued.

    Raises CredentialTakenError if it is somebody's, CredentialRefusedError, UnknownMemberError.
    """
    if presented.kind.secret:
        raise CredentialRefusedError("a PIN is drawn by lot and never chosen: issue one instead of writing it down")
    if valid_until_ms is not None and valid_until_ms <= max(valid_from_ms or 0, now_ms or 0):
        raise CredentialRefusedError("it would be over before it begins: let it end later than it begins, and than now")
    account_id = store.account_of(conn, organisation_id, member_id)
    claims = store.claims(conn, keyring, organisation_id, presented)
    if now_ms is not None and any(claim.held for claim in claims):
        # Its date may have come, and nobody wrote it down yet.
        for claim in claims:
            lapse_credentials(conn, organisation_id, claim.account_id, now_ms)
        claims = store.claims(conn, keyring, organisation_id, presented)
    for holder in (claim.member_id for claim in claims if claim.held):
        raise CredentialTakenError(f"{presented} belongs to member {holder} already; mark it lost there first")
    new = NewCredential(
        member_id=member_id,
        presented=presented,
        valid_from_ms=valid_from_ms,
        valid_until_ms=valid_until_ms,
        zones=zones,
    )
    credential_id = store.add_row(conn, keyring, organisation_id, new, now_ms=now_ms, by=by)
    if credential_id is None:
        raise CredentialTakenError(f"{presented} was given to somebody a moment ago; mark it lost there first")
    if valid_until_ms is not None:
        review_at(conn, organisation_id, account_id, valid_until_ms)
    # Whoever lost it has no row of it any more, perhaps at another site.
    accounts_changed(conn, organisation_id, sorted({account_id, *(claim.account_id for claim in claims)}))
    return credential_id


def change_state(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    credential_id: int,
    to: CredentialState,
    now_ms: int,
    by: str | None,
) -> None:
    """Say what has become of it; saying it twice is saying it once. A PIN shares the fate of the card it confirms.

    Raises CredentialStateError if it is over with it, UnknownCredentialError.
    """
    one, account_id = _locked(conn, keyring, organisation_id, credential_id, now_ms)
    if one.said is to:
        return
    if to not in MAY_BECOME[one.said]:
        raise CredentialStateError(f"credential {credential_id} is {one.said} and cannot become {to}; issue a new one")
    store.write_state(conn, organisation_id, account_id, [credential_id], to, now_ms=now_ms, by=by)
    account_changed(conn, organisation_id, account_id)


def replace_credential(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    credential_id: int,
    presented: Credential,
    now_ms: int,
    by: str | None,
) -> int:
    """Give its member another one in its place, with its end if that is still to come, and with its PINs.

    What was reported lost stays so. Raises CredentialStateError, CredentialTakenError, CredentialRefusedError.
    """
    one, account_id = _locked(conn, keyring, organisation_id, credential_id, now_ms)
    if one.kind.secret or one.kind is CredentialKind.DAY_CODE:
        raise CredentialRefusedError(f"a {one.kind} is not replaced by a card: issue another one")
    if one.replaced_by_id is not None:
        raise CredentialStateError(f"credential {credential_id} was replaced by {one.replaced_by_id} already")
    if one.presented == presented:
        raise CredentialRefusedError("that is the same credential: present the new one")
    if one.state in HELD:
        to = CredentialState.REPLACED
        store.write_state(conn, organisation_id, account_id, [credential_id], to, now_ms=now_ms, by=by)
    ahead = one.valid_until_ms is not None and one.valid_until_ms > now_ms
    successor_id = add_credential(
        conn,
        keyring,
        organisation_id=organisation_id,
        member_id=one.member_id,
        presented=presented,
        now_ms=now_ms,
        by=by,
        valid_until_ms=one.valid_until_ms if ahead else None,
    )
    store.write_successor(conn, credential_id, successor_id)
    pins.follow_card(
        conn,
        keyring,
        organisation_id=organisation_id,
        account_id=account_id,
        old_card=one,
        new_card_id=successor_id,
        new_card=presented,
        now_ms=now_ms,
        by=by,
    )
    return successor_id


def lapse_credentials(conn: Connection, organisation_id: int, account_id: int, now_ms: int) -> None:
    """Write down that the account's credentials whose date has come are expired."""
    ids = conn.execute(
        select(credential.c.id)
        .join(member, member.c.id == credential.c.member_id)
        .where(
            member.c.account_id == account_id,
            credential.c.organisation_id == organisation_id,
            credential.c.valid_until_ms <= now_ms,
            credential.c.state.in_([state.value for state in HELD]),
        )
        .order_by(credential.c.id)
        .with_for_update(of=credential)
    ).scalars()
    if over := list(ids):
        store.write_state(conn, organisation_id, account_id, over, CredentialState.EXPIRED, now_ms=now_ms, by=None)


def _locked(
    conn: Connection, keyring: Keyring, organisation_id: int, credential_id: int, now_ms: int
) -> tuple[KnownCredential, int]:
    """The credential under its lock, with what its date says written down, and the account of its member."""
    one = store.lock(conn, keyring, organisation_id, credential_id)
    account_id = store.account_of(conn, organisation_id, one.member_id)
    if one.state_at(now_ms) is not one.state:
        lapse_credentials(conn, organisation_id, account_id, now_ms)
        one = store.lock(conn, keyring, organisation_id, credential_id)
    return one, account_id
