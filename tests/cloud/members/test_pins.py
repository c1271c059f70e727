"""PINs on both engines: long enough, never easy, shown once, and never anybody else's, duress codes least of all."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import pytest
from cloud.gym import Gym, Joined, open_gym
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.access.operations import rows_for_accounts
from portillon_cloud.database import Database
from portillon_cloud.members import credential_store, pins
from portillon_cloud.members.credential_state import HELD, CredentialState
from portillon_cloud.members.credential_store import KnownCredential, credentials_of
from portillon_cloud.members.credentials import add_credential, change_state, replace_credential
from portillon_cloud.members.errors import CredentialRefusedError, CredentialStateError, NoPinLeftError
from portillon_cloud.members.operations import site_keys
from portillon_cloud.members.pins import IssuedPin, issue_pin
from portillon_cloud.members.tables import credential
from portillon_cloud.secrets import Keyring
from portillon_rules.credential import Credential, CredentialKind, credential_hash
from portillon_rules.entitlement import Entitlement
from portillon_rules.pin import is_weak
from portillon_rules.reason import DenyReason
from sqlalchemy import select

CARD = Credential.parse("em4100:0F0027A46B")
START = date(2025, 12, 31)
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@dataclass
class Desk:
    """Somebody at the desk who draws from `lot`."""

    gym: Gym
    lot: Callable[[int], int]

    def card(self, who: Joined, card: Credential = CARD) -> int:
        with self.gym.db.write() as conn:
            return add_credential(
                conn,
                self.gym.keyring,
                organisation_id=self.gym.organisation_id,
                member_id=who.member_id,
                presented=card,
                now_ms=NOW,
            )

    def pin(self, who: Joined, card_id: int | None = None, *, duress: bool = False) -> IssuedPin:
        with self.gym.db.write() as conn:
            return issue_pin(
                conn,
                self.gym.keyring,
                organisation_id=self.gym.organisation_id,
                member_id=who.member_id,
                card_id=card_id,
                duress=duress,
                now_ms=NOW,
                by="Ana",
                random=self.lot,
            )

    def say(self, credential_id: int, to: CredentialState) -> None:
        with self.gym.db.write() as conn:
            change_state(
                conn,
                self.gym.keyring,
                organisation_id=self.gym.organisation_id,
                credential_id=credential_id,
                to=to,
                now_ms=NOW,
                by="Ana",
            )

    def replace(self, credential_id: int, card: Credential) -> int:
        with self.gym.db.write() as conn:
            return replace_credential(
                conn,
                self.gym.keyring,
                organisation_id=self.gym.organisation_id,
                credential_id=credential_id,
                presented=card,
                now_ms=NOW,
                by="Ana",
            )

    def of(self, who: Joined) -> list[KnownCredential]:
        with self.gym.db.read() as conn:
            return credentials_of(conn, self.gym.keyring, self.gym.organisation_id, who.member_id)

    def row(self, who: Joined, presented: Credential) -> Entitlement | None:
        with self.gym.db.read() as conn:
            [key] = site_keys(conn, self.gym.keyring, self.gym.site_id)
            rows = rows_for_accounts(
                conn, self.gym.keyring, site_id=self.gym.site_id, account_ids=[who.account_id], now_ms=NOW
            )[who.account_id]
        found = {row.key: Entitlement.from_body(row.key, row.body or {}) for row in rows}
        return found.get(credential_hash(presented, key))


def said(*draws: int) -> Callable[[int], int]:
    """A lot that gives these numbers in turn, and then fails the test."""
    left: Iterator[int] = iter(draws)
    return lambda _bound: next(left)


@pytest.fixture
def desk(gym: Gym) -> Desk:
    return Desk(gym, random.Random(1).randrange)


def digits_of(one: KnownCredential) -> str:
    return one.presented.value.rpartition("+")[2]


def check(desk: Desk, people: list[Joined]) -> None:
    """Nobody's digits are anybody else's, held or given up; no ordinary code is a duress code; none is easy."""
    known = [one for who in people for one in desk.of(who) if one.kind.secret]
    meant = defaultdict(set)
    for one in known:
        meant[digits_of(one)].add((one.member_id, one.duress))
        assert not is_weak(digits_of(one))
    assert all(len(meanings) == 1 for meanings in meant.values()), "two people, or two meanings, of one code"
    held = Counter(digits_of(one) for one in known if one.said in HELD)
    assert not held or max(held.values()) == 1


def test_a_pin_that_stands_alone(desk: Desk) -> None:
    """Four digits for few people; the row is under the PIN's own hash; the digits rest nowhere in clear."""
    alice = desk.gym.join(starts_on=START)
    made = desk.pin(alice)
    assert len(made.digits) == 4
    assert (made.duress_id, made.duress_digits) == (None, None)
    row = desk.row(alice, Credential(CredentialKind.PIN, made.digits))
    assert row is not None and (row.member, row.refusal, row.duress) == (str(alice.member_id), None, False)
    with desk.gym.db.read() as conn:
        stored = dict(conn.execute(select(credential)).one()._mapping)
    assert made.digits.encode() not in stored["sealed"]
    assert made.digits not in (str(value) for value in stored.values())
    assert made.digits not in repr(made) and made.digits not in repr(desk.of(alice))


def test_a_duress_pin_opens_and_says_what_it_is(desk: Desk) -> None:
    """Two codes, two rows; only one of them is marked, and only in the row."""
    alice = desk.gym.join(starts_on=START)
    made = desk.pin(alice, duress=True)
    assert made.duress_digits is not None and made.duress_digits != made.digits
    ordinary, duress = (
        desk.row(alice, Credential(CredentialKind.PIN, one)) for one in (made.digits, made.duress_digits)
    )
    assert ordinary is not None and duress is not None
    assert (ordinary.duress, duress.duress, duress.refusal) == (False, True, None)


def test_a_pin_for_a_card_is_keyed_by_both(desk: Desk) -> None:
    """Neither the card's row nor the digits alone stand for the two together."""
    alice = desk.gym.join(starts_on=START)
    card_id = desk.card(alice)
    made = desk.pin(alice, card_id, duress=True)
    assert desk.row(alice, CARD.with_pin(made.digits)) is not None
    duress = desk.row(alice, CARD.with_pin(made.duress_digits or ""))
    assert duress is not None and duress.duress
    assert desk.row(alice, Credential(CredentialKind.PIN, made.digits)) is None
    assert [one.card_id for one in desk.of(alice)] == [None, card_id, card_id]


def test_a_new_pin_takes_the_place_of_the_old_ones(desk: Desk) -> None:
    """Ordinary and duress code of the same use are over, and linked to what came; another use's stay."""
    alice = desk.gym.join(starts_on=START)
    alone = desk.pin(alice)
    card_id = desk.card(alice)
    old, new = desk.pin(alice, card_id, duress=True), desk.pin(alice, card_id)
    known = {one.id: one for one in desk.of(alice)}
    assert known[alone.id].state is CredentialState.ACTIVE
    assert (known[old.id].state, known[old.id].replaced_by_id) == (CredentialState.REPLACED, new.id)
    assert old.duress_id is not None
    assert (known[old.duress_id].state, known[old.duress_id].replaced_by_id) == (CredentialState.REPLACED, new.id)
    row = desk.row(alice, CARD.with_pin(old.digits))
    assert row is not None and row.refusal is DenyReason.CREDENTIAL_REPLACED


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (CredentialState.BLOCKED, DenyReason.CREDENTIAL_BLOCKED),
        (CredentialState.LOST, DenyReason.CREDENTIAL_LOST),
        (CredentialState.EXPIRED, DenyReason.CREDENTIAL_EXPIRED),
    ],
)
def test_a_pin_shares_the_fate_of_its_card(desk: Desk, state: CredentialState, refusal: DenyReason) -> None:
    """A lost card does not open with its PIN either; unblocked, both open again."""
    alice = desk.gym.join(starts_on=START)
    card_id = desk.card(alice)
    made = desk.pin(alice, card_id)
    desk.say(card_id, state)
    row = desk.row(alice, CARD.with_pin(made.digits))
    assert row is not None and row.refusal is refusal
    if state is CredentialState.BLOCKED:
        desk.say(card_id, CredentialState.ACTIVE)
        row = desk.row(alice, CARD.with_pin(made.digits))
        assert row is not None and row.refusal is None
    else:
        with pytest.raises(CredentialStateError, match="issue a new card first"):
            desk.pin(alice, card_id)


@pytest.mark.parametrize("lost", [False, True])
def test_pins_follow_their_card(desk: Desk, lost: bool) -> None:
    """With the new card the member types what they always typed; one that was blocked stays blocked."""
    alice = desk.gym.join(starts_on=START)
    card_id = desk.card(alice)
    made = desk.pin(alice, card_id, duress=True)
    desk.say(made.id, CredentialState.BLOCKED)
    if lost:
        desk.say(card_id, CredentialState.LOST)
    phone = Credential.parse("phone:" + "AB" * 16)
    desk.replace(card_id, phone)
    ordinary = desk.row(alice, phone.with_pin(made.digits))
    duress = desk.row(alice, phone.with_pin(made.duress_digits or ""))
    assert ordinary is not None and ordinary.refusal is DenyReason.CREDENTIAL_BLOCKED
    assert duress is not None and (duress.refusal, duress.duress) == (None, True)
    old = desk.row(alice, CARD.with_pin(made.duress_digits or ""))
    assert old is not None and old.refusal is DenyReason.CREDENTIAL_REPLACED
    check(desk, [alice])


def test_what_a_pin_cannot_confirm(desk: Desk) -> None:
    """Another member's card, a PIN, a code for one day."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    card_id, pin = desk.card(alice), desk.pin(alice)
    code_id = desk.card(alice, Credential.parse("day_code:" + "0A" * 16))
    with pytest.raises(CredentialRefusedError, match=f"not one of member {bob.member_id}"):
        desk.pin(bob, card_id)
    for other in (pin.id, code_id):
        with pytest.raises(CredentialRefusedError, match="confirmed by no PIN"):
            desk.pin(alice, other)


def test_easy_and_taken_draws_are_drawn_again(desk: Desk) -> None:
    """1111 and 1234 are nobody's; what one member has, or had, no other gets."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    desk.lot = said(1111, 4917, 1234, 4917, 8264)
    assert desk.pin(alice).digits == "4917"
    desk.lot = said(4917, 2580)
    assert desk.pin(alice).digits == "2580"
    desk.lot = said(4917, 2580, 8264)
    assert desk.pin(bob).digits == "8264"  # 4917 is given up, and Alice still remembers it


def test_leading_zeros_are_digits(desk: Desk) -> None:
    """A small number is as long as any other."""
    desk.lot = said(49)
    assert desk.pin(desk.gym.join(starts_on=START)).digits == "0049"


def test_more_users_get_more_digits(desk: Desk) -> None:
    """The eleventh code has five digits: a thousand possible ones for each."""
    people = [desk.gym.join(f"P{number} X", starts_on=START) for number in range(11)]
    assert [len(desk.pin(who).digits) for who in people] == [4] * 10 + [5]
    check(desk, people)


def test_when_every_draw_is_taken_a_digit_more_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded search: longer codes first, and in the end words instead of a loop."""
    monkeypatch.setattr(pins, "TRIES_PER_LENGTH", 3)
    alice, bob, eve = (desk.gym.join(f"{name} X", starts_on=START) for name in ("Alice", "Bob", "Eve"))
    desk.lot = lambda _bound: 4917
    assert desk.pin(alice).digits == "4917"
    assert desk.pin(bob).digits == "04917"
    desk.lot = lambda _bound: 1
    monkeypatch.setattr(pins, "is_weak", lambda _digits: True)
    with pytest.raises(NoPinLeftError, match="a card instead"):
        desk.pin(eve)
    assert desk.of(eve) == []


def test_two_desks_that_draw_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other desk has not committed yet cannot be read: the database refuses it, and it is drawn again."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    desk.lot = said(4917, 4917, 8264)
    desk.pin(alice)
    monkeypatch.setattr(pins, "_was_issued", lambda *_: False)
    assert desk.pin(bob).digits == "8264"


def duress_draws(desk: Desk) -> tuple[str, str | None]:
    """Bob's lot gives him Alice's ordinary code as his duress code, and another one after it."""
    alice, bob = desk.gym.join("Alice A", starts_on=START), desk.gym.join("Bob B", starts_on=START)
    desk.lot = said(4917, 2580, 4917, 8264)
    made = desk.pin(alice).digits, desk.pin(bob, desk.card(bob), duress=True).duress_digits
    check(desk, [alice, bob])
    return made


def test_nobodys_ordinary_code_raises_an_alarm(desk: Desk) -> None:
    """A duress code with a card never has the digits of anybody's code without one."""
    assert duress_draws(desk) == ("4917", "8264")


def test_without_the_one_namespace_codes_would_collide(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: with no index over the digits alone, Bob's duress code is Alice's code, and it is seen."""
    fresh = iter(range(1000))
    monkeypatch.setattr(credential_store, "pin_index", lambda *_: f"unlike any other: {next(fresh)}")
    with pytest.raises(AssertionError, match="two meanings"):
        duress_draws(desk)


acts = st.lists(
    st.tuples(
        st.sampled_from(["pin", "pin with duress", "card pin", "card pin with duress", "replace", "lose", "block"]),
        st.integers(0, 2),
    ),
    max_size=14,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, seed=st.integers(0, 2**16))
def test_codes_never_collide_whatever_the_desk_does(
    db: Database, keyring: Keyring, clock: object, acts: list[tuple[str, int]], seed: int
) -> None:
    """Issued, replaced, lost and blocked in any order, from a lot that gives the same few numbers again and again."""
    few = random.Random(seed)
    desk = Desk(
        open_gym(db, keyring, clock),
        lambda bound: few.randrange(4900, 4912) if bound == 10**4 else few.randrange(bound),
    )  # type: ignore[arg-type]
    people = [desk.gym.join(f"{name} X", starts_on=START) for name in ("Alice", "Bob", "Eve")]
    cards = 0
    for act, number in acts:
        who = people[number]
        held = [one for one in desk.of(who) if one.state in HELD]
        on_card = next((one.id for one in held if not one.kind.secret), None)
        if on_card is None and ("card" in act or act == "replace"):
            cards += 1
            on_card = desk.card(who, Credential.parse(f"em4100:{cards:010X}"))
        match act:
            case "pin" | "pin with duress":
                desk.pin(who, duress="duress" in act)
            case "card pin" | "card pin with duress":
                desk.pin(who, on_card, duress="duress" in act)
            case "replace":
                cards += 1
                desk.replace(on_card or 0, Credential.parse(f"em4100:{cards:010X}"))
            case "lose" if held:
                desk.say(held[-1].id, CredentialState.LOST)
            case "block" if held:
                desk.say(held[0].id, CredentialState.BLOCKED)
        check(desk, people)
