"""What befalls the payment service, at instants of business time: days end, it is away, it lies, it is well again.

1. Each night its clock is turned, and what it has to tell is told. That is all that happens in the undisturbed year.
2. It is away for less than an hour at a time, in the morning, when charges are made; it lies of the same request once.
   So whatever was refused or left open is known on the same day, before anybody else asks for anything.
3. What it tells of by itself may be lost for days, come twice, late, or in any order.
4. Two weeks before the end it is well, and stays so.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaos.script import DAY_MS, START_MS
from chaos.shared import Shared
from chaos.till import Till
from portillon_cloud.timers import Handler, Timer, Work, finish

TURN = "chaos_turn"
"""Kind of the timers that ring turns; the subject is the turn's number."""

HEALS_DAYS = 14
HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_NIGHT_MS = 3 * HOUR_MS  # before the day's charges, in summer as well
_MORNING_MS = 4 * HOUR_MS + 30 * _MINUTE_MS
GRANTED_WITHIN_S = 30.0
SILENT_MS = 1_500  # longer than the processes of this year wait for an answer


class TurnKind(StrEnum):
    """What happens."""

    DAY = "day"
    AWAY = "away"
    BACK = "back"
    FAULTS = "faults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One of them; `faults` of FAULTS alone."""

    number: int
    at_ms: int
    kind: TurnKind
    faults: Mapping[str, int | bool] | None = None


def turns(seed: int, days: int) -> Sequence[Turn]:
    """The year's, in order; numbers count from 1."""
    chance = random.Random(f"turns {seed}")
    found: list[tuple[int, TurnKind, Mapping[str, int | bool] | None]] = []
    lies_until = days - HEALS_DAYS
    for day in range(1, days):
        night_ms = START_MS + day * DAY_MS + _NIGHT_MS
        found.append((night_ms, TurnKind.DAY, None))
        if day <= lies_until and day % 3 == 1:
            found.append((night_ms + _MINUTE_MS, TurnKind.FAULTS, _faults(chance) if day < lies_until - 2 else {}))
        if day < lies_until and chance.random() < 0.4:
            away_ms = START_MS + day * DAY_MS + _MORNING_MS + chance.randrange(90) * _MINUTE_MS + 30_000
            found.append((away_ms, TurnKind.AWAY, None))
            found.append((away_ms + chance.randrange(5, 55) * _MINUTE_MS, TurnKind.BACK, None))
    return [
        Turn(number=number, at_ms=at_ms, kind=kind, faults=faults)
        for number, (at_ms, kind, faults) in enumerate(sorted(found, key=lambda one: one[0]), start=1)
    ]


def _faults(chance: random.Random) -> Mapping[str, int | bool]:
    told: Mapping[str, int | bool] = chance.choice(
        [
            {"lost_ppm": 1_000_000},
            {"lost_ppm": 300_000, "repeated_ppm": 500_000, "shuffled": True},
            {"repeated_ppm": 1_000_000, "late_ppm": 400_000, "late_s": 2 * DAY_MS // 1_000, "shuffled": True},
        ]
    )
    answered = {"undone_ppm": 60_000, "unanswered_ppm": 80_000, "silent_ppm": 10_000, "silent_ms": SILENT_MS}
    return {**told, **answered, "seed": chance.randrange(1 << 30)}


def handler(year: Sequence[Turn], till: Till, shared: Shared, *, disturbed: bool) -> Handler:
    """The handler of TURN timers. Undisturbed, only days end."""
    by_number = {turn.number: turn for turn in year}
    waits = {TurnKind.AWAY, TurnKind.BACK}

    def handle(work: Work, timer: Timer) -> None:
        turn = by_number[timer.subject_id]
        if turn.kind is TurnKind.DAY:
            till.turn_to(turn.at_ms)
        elif disturbed and turn.kind in waits:
            shared.ask(turn.number)
            _wait(lambda: shared.granted >= turn.number)
        elif disturbed and turn.faults is not None:
            till.lie(turn.faults)
        with work.db.write() as conn:
            finish(conn, timer)
        if turn.kind is TurnKind.DAY:
            # What is done by the hour, on the machine's clock, is done about once in a day of the year.
            shared.days_over((turn.at_ms - START_MS) // DAY_MS * (HOUR_MS + 1))

    return handle


def _wait(granted: Callable[[], bool]) -> None:
    until_s = time.monotonic() + GRANTED_WITHIN_S
    while not granted():
        if time.monotonic() > until_s:
            raise TimeoutError("the driver does not answer")
        time.sleep(0.005)
