"""Messages are written with their cause and carried at least once, whatever fails in between."""

from dataclasses import dataclass, field

import pytest
from dues_gym import DuesGym, Payer, at
from portillon_cloud.database.errors import NestedWriteError
from portillon_cloud.messages.carrier import Letter
from portillon_cloud.messages.errors import CarrierBusyError, LetterRefusedError
from portillon_cloud.messages.operations import (
    ATTEMPTS_MAX,
    CLAIM_MS,
    LETTERS_PER_STEP,
    RETRY_FIRST_MS,
    NewMessage,
    deliver,
    write_message,
)
from portillon_cloud.messages.tables import MessageState, message
from sqlalchemy import func, select

NOON = 1_767_225_600_000


@dataclass
class Bag:
    """Keeps what it is given, and fails as told."""

    letters: list[Letter] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)

    def carry(self, letter: Letter) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.letters.append(letter)


def write(gym: DuesGym, payer: Payer, key: str = "k", recipient: str | None = "zoe@example.org") -> None:
    with gym.db.write() as conn:
        write_message(
            conn,
            NewMessage(
                organisation_id=gym.organisation_id,
                account_id=payer.account_id,
                key=key,
                kind="reminder",
                language="fr",
                recipient=recipient,
                subject="Rappel",
                body="…",
            ),
            now_ms=at(0),
        )


def states(gym: DuesGym) -> list[str]:
    return gym.scalars(select(message.c.state).order_by(message.c.id))


def test_written_once_carried_once(gym: DuesGym) -> None:
    """One purpose is one message; a carried one is not carried again."""
    payer, bag = gym.payer(), Bag()
    write(gym, payer)
    write(gym, payer)
    assert deliver(gym.db, bag, real_ms=NOON) == 1
    assert deliver(gym.db, bag, real_ms=NOON + CLAIM_MS * 2) == 0
    assert [one.recipient for one in bag.letters] == ["zoe@example.org"]
    assert states(gym) == [MessageState.SENT]


def test_without_an_address(gym: DuesGym) -> None:
    """Nobody to write to: kept for the staff, never carried."""
    write(gym, gym.payer(), recipient=None)
    assert deliver(gym.db, Bag(), real_ms=NOON) == 0
    assert states(gym) == [MessageState.NO_ADDRESS]


def test_trouble_backs_off(gym: DuesGym) -> None:
    """A busy carrier is tried again after a minute, then two; a refusal is for ever; the error is kept."""
    payer = gym.payer()
    write(gym, payer, "a")
    bag = Bag(fails=[CarrierBusyError("away"), CarrierBusyError("away")])
    assert deliver(gym.db, bag, real_ms=NOON) == 1
    assert states(gym) == [MessageState.WAITING]
    assert deliver(gym.db, bag, real_ms=NOON + RETRY_FIRST_MS - 1) == 0
    assert deliver(gym.db, bag, real_ms=NOON + RETRY_FIRST_MS) == 1
    assert deliver(gym.db, bag, real_ms=NOON + 3 * RETRY_FIRST_MS - 1) == 0
    assert deliver(gym.db, bag, real_ms=NOON + 3 * RETRY_FIRST_MS) == 1
    assert states(gym) == [MessageState.SENT]
    write(gym, payer, "b")
    deliver(gym.db, Bag(fails=[LetterRefusedError("550 no such box")]), real_ms=NOON)
    assert gym.scalars(select(message.c.error).where(message.c.key == "b")) == ["550 no such box"]
    assert states(gym)[-1] == MessageState.REFUSED


def test_tries_end(gym: DuesGym) -> None:
    """After ATTEMPTS_MAX the message is given up, with the last error."""
    write(gym, gym.payer())
    now_ms = NOON
    for _ in range(ATTEMPTS_MAX):
        deliver(gym.db, Bag(fails=[CarrierBusyError("away")]), real_ms=now_ms)
        now_ms += 86_400_000
    assert states(gym) == [MessageState.REFUSED]
    assert deliver(gym.db, Bag(), real_ms=now_ms) == 0


def test_crash_between_carrying_and_writing(gym: DuesGym) -> None:
    """A worker that died with the letter in hand: when its claim runs out the letter is carried again, same id."""

    class Crash(BaseException):
        pass

    @dataclass
    class DyingBag(Bag):
        def carry(self, letter: Letter) -> None:
            super().carry(letter)
            raise Crash

    write(gym, gym.payer())
    dying, bag = DyingBag(), Bag()
    with pytest.raises(Crash):
        deliver(gym.db, dying, real_ms=NOON)
    assert states(gym) == [MessageState.SENDING]
    assert deliver(gym.db, bag, real_ms=NOON + CLAIM_MS - 1) == 0
    assert deliver(gym.db, bag, real_ms=NOON + CLAIM_MS) == 1
    assert dying.letters == bag.letters


def test_no_transaction_while_carrying(gym: DuesGym) -> None:
    """A carrier may use the database: no transaction of ours is open around it."""

    class Nosy(Bag):
        def carry(self, letter: Letter) -> None:
            with gym.db.write():
                super().carry(letter)

    write(gym, gym.payer())
    assert deliver(gym.db, Nosy(), real_ms=NOON) == 1
    assert states(gym) == [MessageState.SENT]
    with pytest.raises(NestedWriteError), gym.db.write():
        deliver(gym.db, Bag(), real_ms=NOON)


def test_a_step_is_bounded(gym: DuesGym) -> None:
    """A thousand waiting letters do not hold up a revocation: one step carries LETTERS_PER_STEP of them."""
    payer, bag = gym.payer(), Bag()
    for number in range(LETTERS_PER_STEP + 1):
        write(gym, payer, f"k{number}")
    assert deliver(gym.db, bag, real_ms=NOON) == LETTERS_PER_STEP
    assert deliver(gym.db, bag, real_ms=NOON) == 1
    assert gym.scalars(select(func.count()).select_from(message).where(message.c.state == "sent")) == [
        LETTERS_PER_STEP + 1
    ]
