"""A gym's year as a script: who joins when with which card, and what each then asks for, at instants of business time.

Everything follows from the seed and the number of members. No two acts share an instant, and none has one of the
product's own (midnight, six in the morning): so what comes of them hangs on no order that chance could change.
"""

import datetime
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from portillon_cloud.payments.provider import CardBehaviour

START_MS = 1_767_243_600_000
"""2026-01-01, midnight in Montréal."""

DAY_MS = 24 * 3_600_000
DAYS = 366
PRICES = 2
"""That are lawful to sign for; the third, by the fortnight without a term, can only be changed to."""


class Kind(StrEnum):
    """What members and the desk do."""

    JOIN = "join"
    FREEZE = "freeze"
    RESUME = "resume"
    CHANGE_PRICE = "change_price"
    DISCOUNT = "discount"
    CANCEL = "cancel"
    KEEP = "keep"
    PAY_AT_DESK = "pay_at_desk"
    CHARGE_NOW = "charge_now"
    BAN = "ban"
    PARDON = "pardon"
    CARD_CHANGES = "card_changes"


_WEIGHTS = {
    Kind.JOIN: 2, Kind.FREEZE: 5, Kind.RESUME: 2, Kind.CHANGE_PRICE: 5, Kind.DISCOUNT: 3, Kind.CANCEL: 3, Kind.KEEP: 1,
    Kind.PAY_AT_DESK: 5, Kind.CHARGE_NOW: 3, Kind.BAN: 1, Kind.PARDON: 1, Kind.CARD_CHANGES: 6,
}  # fmt: skip

# Not among them: cards whose outcome hangs on when they are asked. A charge that is taken up after a crash is asked
# after sooner, so a debit on its way, or a yes that was lost, is heard of at another hour: rightly.
CARDS = (CardBehaviour.OK, CardBehaviour.INSUFFICIENT_FUNDS, CardBehaviour.EXPIRED_CARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """Somebody who signs. `payer`: the number of who pays for them, None: they do; `card` None: they have none."""

    number: int
    starts_on: datetime.date
    price: int
    payer: int | None
    card: CardBehaviour | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that member `member` asks at an instant. `seed` decides what is left open: how long, which price."""

    number: int
    at_ms: int
    kind: Kind
    member: int
    seed: int
    joining: Joining | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The whole year: who is there at its start, and what happens."""

    members: Sequence[Joining]
    acts: Sequence[Act]
    days: int


def script(seed: int, members: int, *, days: int = DAYS) -> Script:
    """The year of that seed."""
    chance = random.Random(f"{seed}:{members}")
    joined = [_joining(chance, number) for number in range(1, members + 1)]
    count = max(12, members * 3 * days // (2 * DAYS))
    acts: list[Act] = []
    for number, instant in enumerate(sorted(chance.sample(range((days - 3) * len(_SECONDS)), count)), start=1):
        day, second = 2 + instant // len(_SECONDS), _SECONDS[instant % len(_SECONDS)]
        kind = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        joining = None
        if kind is Kind.JOIN:
            on = _day(day) + datetime.timedelta(days=chance.randrange(20))
            joining = replace(_joining(chance, len(joined) + 1), starts_on=on)
            joined.append(joining)
        acts.append(
            Act(
                number=number, at_ms=START_MS + day * DAY_MS + second * 1000, kind=kind,
                member=chance.randint(1, len(joined)), seed=chance.randrange(2**32), joining=joining,
            )
        )  # fmt: skip
    return Script(joined[:members], acts, days)


_SECONDS = range(10 * 3600, 21 * 3600, 7)  # of the day; summer time moves them by an hour, to no instant of the product


def _day(day: int) -> datetime.date:
    return datetime.date(2026, 1, 1) + datetime.timedelta(days=day)


def _joining(chance: random.Random, number: int) -> Joining:
    payer = chance.randint(1, number - 1) if number > 1 and chance.random() < 0.15 else None
    card = chance.choices([*CARDS, None], [8, 2, 1, 1])[0]
    starts_on, price = _day(chance.randrange(31)), chance.randrange(PRICES)
    return Joining(number=number, starts_on=starts_on, price=price, payer=payer, card=card)
