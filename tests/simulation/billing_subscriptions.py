"""What members and the desk ask of subscriptions: freezes, other prices, discounts, cancellations, second thoughts."""

import datetime
import random
from collections.abc import Callable
from dataclasses import dataclass

from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.errors import BillsInDoubtError, SubscriptionRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.billing.timeline import Discounted, Shared, Tariff
from simulation.billing_people import People

SHARES_PPM = (100_000, 333_333, 500_000, 1_000_000)
AMOUNTS_MINOR = (1, 9_99, 500_00)


@dataclass
class Subscriptions:
    """Each act asks one thing of somebody's subscription; what the machine refuses is counted, not forced."""

    people: People
    prices: list[int]

    @property
    def acts(self) -> tuple[tuple[Callable[[], object], int], ...]:
        """What may be asked, and how often beside the other acts of a life."""
        return (
            (self.freeze, 4), (self.resume, 3), (self.change_price, 4), (self.discount, 2), (self.end, 2),
            (self.keep, 2), (self.renew, 1), (self.share, 3), (self.end_share, 2),
        )  # fmt: skip

    def freeze(self) -> None:
        """For some days or weeks: soon, later, or from a day gone by; with a fee or none, days credited or moved on."""
        on = self._day(-10, 40)
        until_on = on + datetime.timedelta(days=self._random.randint(1, 45))
        agreement = self._agreement()
        self._ask(lambda known, today: subscription.freeze(known, agreement, on=on, until_on=until_on, today=today))

    def resume(self) -> None:
        """Back before the freeze is over, or it never comes."""
        on = self._day(0, 5)
        self._ask(lambda known, _today: subscription.resume(known, on=on))

    def change_price(self) -> None:
        """Up or down: today, on some day, from a day gone by, or at the next renewal."""
        on, tariff, agreement = self._day(-10, 40), self._tariff(), self._agreement()
        waits = self._random.random() < 0.3
        self._ask(
            lambda known, today: subscription.change_tariff(
                known, agreement, tariff, on=subscription.at_renewal(known, today) if waits else on, today=today
            )
        )

    def discount(self) -> None:
        """A share or an amount off, for a while or for good; an amount may be more than the price."""
        on = self._day(0, 20)
        until_on = self._random.choice([None, on + datetime.timedelta(days=self._random.randint(1, 90))])
        share_ppm = self._random.choice([0, *SHARES_PPM])
        given = Discounted(
            at=Moment(on), code=f"C{self._random.randrange(100)}", until=None if until_on is None else Moment(until_on),
            share_ppm=share_ppm, amount_minor=0 if share_ppm else self._random.choice(AMOUNTS_MINOR),
        )  # fmt: skip
        self._ask(lambda known, today: subscription.discount(known, given, today=today))

    def share(self) -> None:
        """Somebody else pays a share or an amount of it, for a while or for good."""
        on = self._day(-10, 20)
        until_on = self._random.choice([None, on + datetime.timedelta(days=self._random.randint(1, 90))])
        share_ppm = self._random.choice([0, *SHARES_PPM])
        part = Shared(
            at=Moment(on), payer_account_id=self._payer(), code="ACME",
            until=None if until_on is None else Moment(until_on),
            share_ppm=share_ppm, amount_minor=0 if share_ppm else self._random.choice(AMOUNTS_MINOR),
        )  # fmt: skip
        agreement = self._agreement()
        self._ask(
            lambda known, today: subscription.share(known, agreement, part, today=today), not_of=part.payer_account_id
        )

    def end_share(self) -> None:
        """They pay no more."""
        on, payer_id, agreement = self._day(-10, 40), self._payer(), self._agreement()
        self._ask(lambda known, today: subscription.end_share(known, agreement, payer_id, on=on, today=today))

    def end(self) -> None:
        """Cancelled for a day to come, by the law's own way out."""
        on, agreement = self._day(0, 60), self._agreement()
        self._ask(lambda known, today: subscription.cancel(known, agreement, on=on, today=today, by_law=True))

    def keep(self) -> None:
        """They stay after all."""
        self._ask(lambda known, today: subscription.keep(known, today=today))

    def renew(self) -> None:
        """The fixed term goes on for some months."""
        months = self._random.randint(1, 6)
        self._ask(lambda known, today: subscription.renew(known, months=months, today=today))

    @property
    def _random(self) -> random.Random:
        return self.people.random

    def _day(self, earliest: int, latest: int) -> datetime.date:
        return self.people.today() + datetime.timedelta(days=self._random.randint(earliest, latest))

    def _tariff(self) -> Tariff:
        gym, price_id = self.people.gym, self._random.choice(self.prices)
        with gym.db.read() as conn:
            return changes.price_tariff(price_by_id(conn, gym.organisation_id, price_id))

    def _payer(self) -> int:
        return self._random.choice(self.people.accounts() or [0])

    def _agreement(self) -> Agreement:
        fee = self._tariff() if self._random.random() < 0.2 else None
        moves_on = self._random.random() < 0.3
        terms = FreezeTerms(
            days_least=1, days_most=400, days_per_year=400, times_per_year=99, fee=fee, moves_on=moves_on
        )
        return Agreement(freeze=terms, back_days=30)

    def _ask(self, ask: changes.Ask, not_of: int = 0) -> None:
        people = self.people
        known = people.watch.rows("SELECT id FROM subscription WHERE account_id <> ? ORDER BY id", not_of)
        if not known:
            return
        subscription_id, at_ms = self._random.choice(known)[0], people.now_ms()
        try:
            with people.db.write() as conn:
                outcome = changes.change(
                    conn, organisation_id=people.gym.organisation_id, subscription_id=subscription_id, ask=ask,
                    author=Author(name="desk", at_ms=at_ms, reason="as the member asked"),
                )  # fmt: skip
        except (SubscriptionRefusedError, BillsInDoubtError):
            people.counts["changes refused"] += 1
            return
        people.counts["changes made"] += 1
        people.counts["credit notes by changes"] += len(outcome.credit_notes)
