"""What becomes of credentials, on both engines: held by one member, lost, replaced, lapsed, remembered."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from cloud.gym import Gym, open_gym
from portillon_cloud.access.operations import rows_for_accounts
from portillon_cloud.access.review import ACCESS_REVIEW
from portillon_cloud.database import Database
from portillon_cloud.members.credential_state import HELD, MAY_BECOME, REFUSAL, CredentialState
from portillon_cloud.members.credential_store import KEPT_MS, credentials_of, last_member_with, member_with
from portillon_cloud.members.credentials import (
    add_credential,
    change_state,
    lapse_credentials,
    replace_credential,
)
from portillon_cloud.members.errors import (
    CredentialRefusedError,
    CredentialStateError,
    CredentialTakenError,
    UnknownCredentialError,
    UnknownMemberError,
)
from portillon_cloud.members.operations import site_keys
from portillon_cloud.members.pins import issue_pin
from portillon_cloud.members.tables import credential, credential_change
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers.tables import timer
from portillon_rules.credential import Credential, credential_hash
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

CARD = Credential.parse("em4100:0F0027A46B")
OTHER = Credential.parse("nfca:04DE5F1EACC040")
START = date(2025, 12, 31)
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DAY = 86_400_000


@dataclass
class Desk:
    """Somebody at the desk of this gym, at NOW unless a call says otherwise."""

    gym: Gym

    def give(self, member_id: int, card: Credential = CARD, **more: Any) -> int:
        with self.gym.db.write() as conn:
            return add_credential(
                conn,
                self.gym.keyring,
                organisation_id=self.gym.organisation_id,
                member_id=member_id,
                presented=card,
                **{"now_ms": NOW, "by": "Ana", **more},
            )

    def say(self, credential_id: int, to: CredentialState, *, now_ms: int = NOW) -> None:
        with self.gym.db.write() as conn:
            change_state(
                conn,
                self.gym.keyring,
                organisation_id=self.gym.organisation_id,
                credential_id=credential_id,
                to=to,
                now_ms=now_ms,
                by="Ana",
            )

    def replace(self, credential_id: int, card: Credential = OTHER, *, now_ms: int = NOW) -> int:
        with self.gym.db.write() as conn:
            return replace_credential(
                conn,
                self.gym.keyring,
                organisation_id=self.gym.organisation_id,
                credential_id=credential_id,
                presented=card,
                now_ms=now_ms,
                by="Ana",
            )

    def states(self, member_id: int, now_ms: int = NOW) -> list[tuple[str, CredentialState]]:
        with self.gym.db.read() as conn:
            found = credentials_of(conn, self.gym.keyring, self.gym.organisation_id, member_id)
        return [(str(one.presented), one.state_at(now_ms)) for one in found]

    def feed(self, *accounts: int, now_ms: int = NOW) -> dict[str, Entitlement]:
        """The rows of these accounts by hash; no hash comes twice."""
        with self.gym.db.read() as conn:
            found = rows_for_accounts(
                conn, self.gym.keyring, site_id=self.gym.site_id, account_ids=accounts, now_ms=now_ms
            )
        rows = [Entitlement.from_body(row.key, row.body or {}) for account in accounts for row in found[account]]
        assert len({row.credential for row in rows}) == len(rows)
        return {row.credential: row for row in rows}

    def row(self, card: Credential, *accounts: int, now_ms: int = NOW) -> Entitlement | None:
        with self.gym.db.read() as conn:
            [key] = site_keys(conn, self.gym.keyring, self.gym.site_id)
        return self.feed(*accounts, now_ms=now_ms).get(credential_hash(card, key))


@pytest.fixture
def desk(gym: Gym) -> Desk:
    return Desk(gym)


def test_a_card_is_one_members_at_a_time(desk: Desk) -> None:
    """Held: refused by name, blocked or not. Lost: it is nobody's, may be issued anew, and is still found."""
    gym = desk.gym
    alice, bob = gym.join("Alice A", starts_on=START), gym.join("Bob B", starts_on=START)
    first = desk.give(alice.member_id)
    for state in HELD:
        desk.say(first, state)
        with pytest.raises(CredentialTakenError, match=f"member {alice.member_id}"):
            desk.give(bob.member_id)
    desk.say(first, CredentialState.LOST)
    with gym.db.read() as conn:
        assert member_with(conn, gym.keyring, gym.organisation_id, CARD) is None
        assert last_member_with(conn, gym.keyring, gym.organisation_id, CARD) == alice.member_id
    desk.give(bob.member_id)
    assert desk.states(alice.member_id) == [(str(CARD), CredentialState.LOST)]
    assert desk.states(bob.member_id) == [(str(CARD), CredentialState.ACTIVE)]
    with gym.db.read() as conn:
        assert last_member_with(conn, gym.keyring, gym.organisation_id, CARD) == bob.member_id


@pytest.mark.parametrize("state", [state for state in CredentialState if REFUSAL[state]])
def test_a_card_that_opens_no_more_says_why(desk: Desk, state: CredentialState) -> None:
    """Its row stays with its own refusal, whatever its holder has paid; their other card opens."""
    alice = desk.gym.join(starts_on=START)
    first = desk.give(alice.member_id)
    desk.give(alice.member_id, OTHER)
    desk.say(first, state)
    refused, open_ = desk.row(CARD, alice.account_id), desk.row(OTHER, alice.account_id)
    assert refused is not None and refused.refusal is REFUSAL[state]
    assert open_ is not None and open_.refusal is None


def test_the_one_who_holds_a_card_wins_its_row(desk: Desk) -> None:
    """Lost by Alice, given to Bob: one row, Bob's, whichever account is looked at; lost by him too: his refusal."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    desk.say(desk.give(alice.member_id), CredentialState.LOST)
    second = desk.give(bob.member_id)
    both = (alice.account_id, bob.account_id)
    assert desk.row(CARD, alice.account_id) is None
    [row] = desk.feed(*both).values()
    assert (row.member, row.refusal) == (str(bob.member_id), None)
    desk.say(second, CredentialState.STOLEN)
    [row] = desk.feed(*both).values()
    assert (row.member, row.refusal) == (str(bob.member_id), DenyReason.CREDENTIAL_STOLEN)


@pytest.mark.parametrize("first", CredentialState)
@pytest.mark.parametrize("then", CredentialState)
def test_what_may_become_of_it(desk: Desk, first: CredentialState, then: CredentialState) -> None:
    """Each step is allowed or refused in words as the table says; saying the same again changes nothing."""
    card = desk.give(desk.gym.join(starts_on=START).member_id)
    desk.say(card, first)
    with desk.gym.db.read() as conn:
        before = conn.execute(select(credential_change.c.id)).all()
    if first is then:
        desk.say(card, then)
        with desk.gym.db.read() as conn:
            assert conn.execute(select(credential_change.c.id)).all() == before
    elif then in MAY_BECOME[first]:
        desk.say(card, then)
    else:
        with pytest.raises(CredentialStateError, match=f"is {first} and cannot become {then}"):
            desk.say(card, then)


def test_history_is_kept_and_cannot_be_rewritten(desk: Desk) -> None:
    """Who said what, when; the database refuses to change a line of it, or to move a card to somebody else."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    card = desk.give(alice.member_id)
    desk.say(card, CredentialState.BLOCKED, now_ms=NOW + 1)
    desk.say(card, CredentialState.LOST, now_ms=NOW + 2)
    with desk.gym.db.read() as conn:
        lines = conn.execute(select(credential_change).order_by(credential_change.c.id)).all()
    assert [(line.state, line.at_ms, line.changed_by) for line in lines] == [
        ("active", NOW, "Ana"),
        ("blocked", NOW + 1, "Ana"),
        ("lost", NOW + 2, "Ana"),
    ]
    for statement in (
        update(credential_change).values(changed_by="nobody"),
        delete(credential_change),
        update(credential).values(member_id=bob.member_id),
    ):
        with pytest.raises(DatabaseError, match=r"never change"), desk.gym.db.write() as conn:
            conn.execute(statement)


def test_a_card_with_an_end_lapses_by_itself(desk: Desk) -> None:
    """Offline its row ends; online it says that the card has run out; the worker writes it down; it is free then."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    desk.give(alice.member_id, valid_until_ms=NOW + DAY)
    row = desk.row(CARD, alice.account_id)
    assert row is not None and (row.refusal, row.valid_until_ms) == (None, NOW + DAY)
    over = desk.row(CARD, alice.account_id, now_ms=NOW + DAY)
    assert over is not None and over.refusal is DenyReason.CREDENTIAL_EXPIRED
    assert desk.states(alice.member_id, NOW + DAY) == [(str(CARD), CredentialState.EXPIRED)]
    with desk.gym.db.read() as conn:
        due = select(timer.c.subject_id).where(timer.c.kind == ACCESS_REVIEW, timer.c.due_at_ms == NOW + DAY)
        assert conn.execute(due).scalars().all() == [alice.account_id]
    desk.give(bob.member_id, now_ms=NOW + DAY)  # nobody wrote it down yet, and it is free all the same
    with desk.gym.db.read() as conn:
        lines = conn.execute(select(credential_change).where(credential_change.c.state == "expired")).all()
    assert [(line.at_ms, line.changed_by) for line in lines] == [(NOW + DAY, None)]


def test_lapsing_twice_writes_one_line(desk: Desk) -> None:
    """The worker may run again after a crash."""
    alice = desk.gym.join(starts_on=START)
    desk.give(alice.member_id, valid_until_ms=NOW + DAY)
    for _ in range(2):
        with desk.gym.db.write() as conn:
            lapse_credentials(conn, desk.gym.organisation_id, alice.account_id, NOW + DAY)
    with desk.gym.db.read() as conn:
        assert len(conn.execute(select(credential_change)).all()) == 2


def test_a_replaced_card_hands_on_its_end_and_is_linked(desk: Desk) -> None:
    """The old one says that it was replaced, by which one; the new one ends when the old one would have."""
    alice = desk.gym.join(starts_on=START)
    old = desk.give(alice.member_id, valid_until_ms=NOW + DAY)
    new = desk.replace(old)
    with desk.gym.db.read() as conn:
        known = credentials_of(conn, desk.gym.keyring, desk.gym.organisation_id, alice.member_id)
    assert [(one.id, one.state, one.replaced_by_id, one.valid_until_ms) for one in known] == [
        (old, CredentialState.REPLACED, new, NOW + DAY),
        (new, CredentialState.ACTIVE, None, NOW + DAY),
    ]
    row = desk.row(CARD, alice.account_id)
    assert row is not None and row.refusal is DenyReason.CREDENTIAL_REPLACED
    with pytest.raises(CredentialStateError, match="already"):
        desk.replace(old, Credential.parse("em4100:01"))


def test_a_lost_card_stays_lost_when_it_is_replaced(desk: Desk) -> None:
    """Whoever presents it is told that it is lost; an end that has passed is not handed on."""
    alice = desk.gym.join(starts_on=START)
    old = desk.give(alice.member_id, valid_until_ms=NOW + DAY)
    desk.say(old, CredentialState.LOST)
    desk.replace(old, now_ms=NOW + 2 * DAY)
    assert desk.states(alice.member_id, NOW + 2 * DAY) == [
        (str(CARD), CredentialState.LOST),
        (str(OTHER), CredentialState.ACTIVE),
    ]
    row = desk.row(CARD, alice.account_id)
    assert row is not None and row.refusal is DenyReason.CREDENTIAL_LOST


def test_what_cannot_be_given_or_replaced_is_refused_in_words(desk: Desk) -> None:
    """A PIN chosen by hand, an end before the beginning, the same card again, somebody's card, a PIN by a card."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    for text in ("pin:491730", "card_and_pin:em4100:00+4917"):
        with pytest.raises(CredentialRefusedError, match="drawn by lot") as refused:
            desk.give(alice.member_id, Credential.parse(text))
        assert "4917" not in str(refused.value)
    for bad in ({"valid_until_ms": NOW}, {"valid_from_ms": NOW + 2, "valid_until_ms": NOW + 1}):
        with pytest.raises(CredentialRefusedError, match="end later"):
            desk.give(alice.member_id, **bad)
    card = desk.give(alice.member_id)
    desk.give(bob.member_id, OTHER)
    with pytest.raises(CredentialRefusedError, match="same"):
        desk.replace(card, CARD)
    with pytest.raises(CredentialTakenError, match=f"member {bob.member_id}"):
        desk.replace(card, OTHER)
    assert desk.states(alice.member_id) == [(str(CARD), CredentialState.ACTIVE)]  # nothing half done
    with desk.gym.db.write() as conn:
        pin = issue_pin(
            conn,
            desk.gym.keyring,
            organisation_id=desk.gym.organisation_id,
            member_id=alice.member_id,
            now_ms=NOW,
            by=None,
        )
    with pytest.raises(CredentialRefusedError, match="a pin is not replaced by a card"):
        desk.replace(pin.id, Credential.parse("em4100:01"))


def test_a_code_that_is_over_leaves_the_feed_in_the_end(desk: Desk) -> None:
    """Paper and memory are not kept on the gateways for ever; a lost card is. The gateways are told on the day."""
    alice = desk.gym.join(starts_on=START)
    code = Credential.parse("day_code:" + "0A" * 16)
    desk.say(desk.give(alice.member_id, code), CredentialState.LOST)
    desk.say(desk.give(alice.member_id), CredentialState.LOST)
    assert len(desk.feed(alice.account_id, now_ms=NOW + KEPT_MS - 1)) == 2
    [row] = desk.feed(alice.account_id, now_ms=NOW + KEPT_MS).values()
    assert row == desk.row(CARD, alice.account_id, now_ms=NOW + KEPT_MS)
    with desk.gym.db.read() as conn:
        assert NOW + KEPT_MS in conn.execute(select(timer.c.due_at_ms)).scalars().all()


def test_the_database_too_refuses_a_card_twice(desk: Desk) -> None:
    """Two desks that issue the same card at the same instant: the second fails whatever it read."""
    desk.give(desk.gym.join(starts_on=START).member_id)
    with desk.gym.db.read() as conn:
        row = dict(conn.execute(select(credential)).one()._mapping)
    del row["id"]
    with pytest.raises(IntegrityError), desk.gym.db.write() as conn:
        conn.execute(insert(credential).values(**row))


def test_a_race_for_a_card_is_lost_in_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other desk committed a moment ago could not be read yet: still a conflict, not a defect."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    desk.give(alice.member_id)
    monkeypatch.setattr("portillon_cloud.members.credential_store.claims", lambda *_: [])
    with pytest.raises(CredentialTakenError, match="a moment ago"):
        desk.give(bob.member_id)


def test_the_same_card_in_two_gyms_is_two_cards(db: Database, keyring: Keyring, clock: object) -> None:
    """Tenants do not see each other, not even through an index."""
    desks = [Desk(open_gym(db, keyring, clock)) for _ in range(2)]  # type: ignore[arg-type]
    for one in desks:
        one.give(one.gym.join(starts_on=START).member_id)
    with db.read() as conn:
        assert len(set(conn.execute(select(credential.c.blind_index)).scalars())) == 2
    with pytest.raises(UnknownMemberError):
        desks[0].give(2, Credential.parse("em4100:00"))  # a member of the other gym
    with pytest.raises(UnknownCredentialError):
        desks[0].say(2, CredentialState.LOST)
    with pytest.raises(UnknownCredentialError):
        desks[0].replace(2)
