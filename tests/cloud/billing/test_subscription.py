"""A subscription's life: every condition against everything that may be asked, its terms, and random lives billed."""

import datetime
from dataclasses import replace
from datetime import date, timedelta

import pytest
from cloud.billing.bill_book import BillBook
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.billing import subscription
from portillon_cloud.billing.calendar import Interval, IntervalUnit, period_on
from portillon_cloud.billing.difference import Difference
from portillon_cloud.billing.errors import TimelineError
from portillon_cloud.billing.life import Condition, Recorded, life_on
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Agreement, Answer, Decided, FreezeTerms, Refused, Why
from portillon_cloud.billing.timeline import Discounted, Ended, Frozen, Shared, Started, Tariff, TariffChanged

MONTH = Interval(IntervalUnit.MONTH, 1)
BASIC = Tariff(price_id=1, unit_minor=3000, interval=MONTH)
GOLD = Tariff(price_id=2, unit_minor=5000, interval=MONTH)
YEARLY = Tariff(price_id=3, unit_minor=30_000, interval=Interval(IntervalUnit.MONTH, 12))
START = date(2023, 3, 1)
TODAY = date(2023, 4, 10)
FREELY = Agreement(freeze=FreezeTerms(days_least=1))


class Book:
    """What is recorded of one subscription: answers applied as the database would."""

    def __init__(self, *, starts_on: date = START, charged_from: date | None = None) -> None:
        charged = None if charged_from is None else Moment(charged_from)
        self._next_id = 0
        self.recorded: list[Recorded] = []
        self.keep(
            Decided(
                record=(Started(at=Moment(starts_on), charged_from=charged, tariff=BASIC, anchor_on=starts_on),),
            )
        )

    def keep(self, answer: Answer) -> Answer:
        if isinstance(answer, Decided):
            self.recorded = [one for one in self.recorded if one.id not in answer.withdraw]
            for event in answer.record:
                self._next_id += 1
                self.recorded.append(Recorded(self._next_id, event))
        return answer


def frozen() -> Book:
    book = Book()
    book.keep(Decided(record=(Frozen(at=Moment(date(2023, 4, 5)), until=Moment(date(2023, 5, 5))),)))
    return book


def ended() -> Book:
    book = Book()
    book.keep(Decided(record=(Ended(at=Moment(TODAY)),)))
    return book


BOOKS = {
    Condition.COMING: lambda: Book(starts_on=date(2023, 4, 20)),
    Condition.TRIAL: lambda: Book(charged_from=date(2023, 4, 20)),
    Condition.RUNNING: Book,
    Condition.FROZEN: frozen,
    Condition.ENDED: ended,
}
ASKED = {
    "freeze": lambda book: subscription.freeze(
        book.recorded, FREELY, on=TODAY, until_on=TODAY + timedelta(days=7), today=TODAY
    ),
    "resume": lambda book: subscription.resume(book.recorded, on=TODAY),
    "change": lambda book: subscription.change_tariff(book.recorded, FREELY, GOLD, on=TODAY, today=TODAY),
    "discount": lambda book: subscription.discount(
        book.recorded, Discounted(at=Moment(TODAY), code="SPRING", share_ppm=100_000), today=TODAY
    ),
    "share": lambda book: subscription.share(
        book.recorded, FREELY, Shared(at=Moment(TODAY), payer_account_id=7, code="ACME", share_ppm=500_000), today=TODAY
    ),
    "cancel": lambda book: subscription.cancel(book.recorded, FREELY, on=date(2023, 4, 20), today=TODAY),
    "keep": lambda book: subscription.keep(book.recorded, today=TODAY),
    "renew": lambda book: subscription.renew(book.recorded, months=12, today=TODAY),
}
DONE = "done"
TABLE = {
    Condition.COMING: (
        Why.NOT_BEGUN,
        Why.NOT_FROZEN,
        DONE,
        DONE,
        DONE,
        DONE,
        Why.NO_END_TO_WITHDRAW,
        Why.NO_TERM_TO_RENEW,
    ),
    Condition.TRIAL: (
        Why.IN_TRIAL,
        Why.NOT_FROZEN,
        DONE,
        DONE,
        DONE,
        DONE,
        Why.NO_END_TO_WITHDRAW,
        Why.NO_TERM_TO_RENEW,
    ),
    Condition.RUNNING: (DONE, Why.NOT_FROZEN, DONE, DONE, DONE, DONE, Why.NO_END_TO_WITHDRAW, Why.NO_TERM_TO_RENEW),
    Condition.FROZEN: (Why.FROZEN_ALREADY, DONE, DONE, DONE, DONE, DONE, Why.NO_END_TO_WITHDRAW, Why.NO_TERM_TO_RENEW),
    Condition.ENDED: (Why.ENDED,) * 8,
}


@pytest.mark.parametrize("condition", list(Condition))
def test_every_condition_against_everything_asked(condition: Condition) -> None:
    """Each cell is stated on purpose: what is asked is done, or refused for the reason of the table."""
    assert life_on(BOOKS[condition]().recorded, TODAY).condition is condition
    for (name, ask), expected in zip(ASKED.items(), TABLE[condition], strict=True):
        answer = ask(BOOKS[condition]())
        told = DONE if isinstance(answer, Decided) else answer.why
        assert told == expected, f"{name} while {condition}"


def test_what_another_system_billed_is_no_trial() -> None:
    """Imported in the middle of a period it runs, though nothing is charged before the next one."""
    start = Started(
        at=Moment(START), tariff=BASIC, anchor_on=START, charged_from=Moment(date(2023, 5, 1)), paid_elsewhere=True
    )
    assert life_on([Recorded(1, start)], TODAY).condition is Condition.RUNNING


def test_a_life_begins_with_its_start() -> None:
    """Nothing is known of a subscription without one."""
    for recorded in ([], [Recorded(1, Ended(at=Moment(TODAY)))]):
        with pytest.raises(TimelineError, match="begins with its start"):
            life_on(recorded, TODAY)


def test_nothing_takes_hold_before_it_begins() -> None:
    """Another tariff or a discount asked for before the first day holds from that day; one over by then is refused."""
    book = BOOKS[Condition.COMING]()
    first_on = date(2023, 4, 20)
    early = Discounted(at=Moment(TODAY), until=Moment(date(2023, 5, 20)), code="SPRING", share_ppm=100_000)
    for answer in (
        subscription.change_tariff(book.recorded, FREELY, YEARLY, on=TODAY, today=TODAY),
        subscription.discount(book.recorded, early, today=TODAY),
    ):
        book.keep(answer)
        assert isinstance(answer, Decided)
        assert [event.at for event in answer.record] == [Moment(first_on)]
    assert life_on(book.recorded, first_on).anchor_on == first_on
    over = replace(early, until=Moment(first_on))
    assert subscription.discount(book.recorded, over, today=TODAY) == Refused(Why.NOT_BEGUN, first_on)


def test_a_minimum_term_and_a_notice_hold_a_cancellation() -> None:
    """Refused with the first possible day: the end of the term; or of the cycle in which the notice runs out."""
    held = Agreement(term_until_on=date(2024, 3, 1))
    assert subscription.cancel(Book().recorded, held, on=date(2023, 5, 1), today=TODAY) == Refused(
        Why.MINIMUM_TERM, date(2024, 3, 1)
    )
    noticed = Agreement(notice_days=30)
    assert subscription.cancel(Book().recorded, noticed, on=date(2023, 5, 10), today=TODAY) == Refused(
        Why.NOTICE, date(2023, 6, 1)
    )
    assert isinstance(subscription.cancel(Book().recorded, noticed, on=date(2023, 6, 1), today=TODAY), Decided)
    by_law = subscription.cancel(Book().recorded, held, on=TODAY, today=TODAY, by_law=True)
    assert by_law == Decided(record=(Ended(at=Moment(TODAY)),))


def test_a_new_end_takes_the_place_of_the_old_one() -> None:
    """Cancelled for June, then for May: one end stands. Kept: none does."""
    book = Book()
    book.keep(subscription.cancel(book.recorded, FREELY, on=date(2023, 6, 1), today=TODAY))
    book.keep(subscription.cancel(book.recorded, FREELY, on=date(2023, 5, 1), today=TODAY))
    assert life_on(book.recorded, TODAY).ends_on == date(2023, 5, 1)
    assert sum(isinstance(one.event, Ended) for one in book.recorded) == 1
    book.keep(subscription.keep(book.recorded, today=TODAY))
    assert life_on(book.recorded, TODAY).ends_on is None


def test_a_renewal_moves_the_end() -> None:
    """A fixed term to 29 February goes on by twelve months to the 28th, not to the 1st of March."""
    book = Book()
    book.keep(Decided(record=(Ended(at=Moment(date(2024, 2, 29)), of_term=True),)))
    book.keep(subscription.renew(book.recorded, months=12, today=TODAY))
    assert life_on(book.recorded, TODAY).ends_on == date(2025, 2, 28)


def test_a_term_ends_whatever_was_cancelled_and_kept() -> None:
    """Cancelled for June and kept: the term's own end still stands; past it there is nothing to cancel."""
    book = Book()
    book.keep(Decided(record=(Ended(at=Moment(date(2024, 3, 1)), of_term=True),)))
    book.keep(subscription.cancel(book.recorded, FREELY, on=date(2023, 6, 1), today=TODAY))
    assert life_on(book.recorded, TODAY).ends_on == date(2023, 6, 1)
    book.keep(subscription.keep(book.recorded, today=TODAY))
    assert life_on(book.recorded, TODAY).ends_on == date(2024, 3, 1)
    late = subscription.cancel(book.recorded, FREELY, on=date(2024, 3, 1), today=TODAY)
    assert late == Refused(Why.TERM_ENDS_FIRST, date(2024, 3, 1))


def test_a_payer_pays_one_part_at_a_time() -> None:
    """Another part takes the place of the one before from its day; an end ends both, and nobody else's part."""
    book, today = Book(), date(2023, 3, 1)

    def pays(payer: int, on: date, amount_minor: int) -> None:
        part = Shared(at=Moment(on), payer_account_id=payer, code="ACME", amount_minor=amount_minor)
        assert isinstance(book.keep(subscription.share(book.recorded, FREELY, part, today=today)), Decided)

    pays(7, date(2023, 3, 1), 500)
    pays(8, date(2023, 3, 1), 300)
    pays(7, date(2023, 4, 1), 900)
    ended = subscription.end_share(book.recorded, FREELY, 7, on=date(2023, 5, 1), today=today)
    book.keep(ended)
    parts = [one.event for one in book.recorded if isinstance(one.event, Shared)]
    assert [(part.payer_account_id, part.at.day.month, part.until and part.until.day.month) for part in parts] == [
        (8, 3, None),
        (7, 3, 4),
        (7, 4, 5),
    ]
    nobody = subscription.end_share(book.recorded, FREELY, 9, on=date(2023, 5, 1), today=today)
    assert nobody == Refused(Why.PAYS_NO_PART)


def test_a_change_at_renewal_costs_no_part_of_a_period() -> None:
    """The next cycle begins on the 1st; a yearly plan then counts its years from there."""
    book = Book()
    on = subscription.at_renewal(book.recorded, TODAY)
    assert on == date(2023, 5, 1)
    book.keep(subscription.change_tariff(book.recorded, FREELY, YEARLY, on=on, today=TODAY))
    [change] = [one.event for one in book.recorded if isinstance(one.event, TariffChanged)]
    assert change.anchor_on == on


@pytest.mark.parametrize(
    ("terms", "days", "proof", "why"),
    [
        (FreezeTerms(days_least=7), 6, False, Why.FREEZE_TOO_SHORT),
        (FreezeTerms(days_most=60), 61, False, Why.FREEZE_TOO_LONG),
        (FreezeTerms(proof_after_days=30), 31, False, Why.FREEZE_NEEDS_PROOF),
        (FreezeTerms(proof_after_days=30), 31, True, None),
        (FreezeTerms(notice_days=3), 10, False, Why.FREEZE_NOTICE),
        (FreezeTerms(notice_days=3), 10, True, None),
        (FreezeTerms(days_per_year=20), 21, False, Why.FREEZE_DAYS_USED_UP),
        (None, 10, False, Why.FREEZE_NOT_AGREED),
    ],
)
def test_a_freeze_keeps_within_its_terms(terms: FreezeTerms | None, days: int, proof: bool, why: Why | None) -> None:
    """Each limit refuses for its own reason; a paper that was seen lifts the notice and the shorter limit."""
    answer = subscription.freeze(
        Book().recorded,
        Agreement(freeze=terms),
        on=TODAY,
        until_on=TODAY + timedelta(days=days),
        today=TODAY,
        proof=proof,
    )
    assert (answer.why if isinstance(answer, Refused) else None) is why


def test_freezes_of_a_year_add_up() -> None:
    """Two of ten days are the most of twenty within any 365 days; one that was resumed early counts what it was."""
    book, agreement = Book(), Agreement(freeze=FreezeTerms(days_per_year=20, times_per_year=3, days_least=1))

    def ask(on: date, days: int) -> Answer:
        return subscription.freeze(book.recorded, agreement, on=on, until_on=on + timedelta(days=days), today=on)

    assert isinstance(book.keep(ask(date(2023, 4, 1), 10)), Decided)
    book.keep(subscription.resume(book.recorded, on=date(2023, 4, 6)))
    assert isinstance(book.keep(ask(date(2023, 6, 1), 15)), Decided)
    assert ask(date(2023, 8, 1), 1) == Refused(Why.FREEZE_DAYS_USED_UP)
    assert isinstance(ask(date(2024, 4, 5), 1), Decided)


def test_only_so_many_freezes_a_year() -> None:
    """The third of two is refused although days are left."""
    book = Book()
    agreement = Agreement(freeze=FreezeTerms(days_least=1, times_per_year=2))
    for month in (4, 5):
        on = date(2023, month, 1)
        book.keep(
            subscription.freeze(book.recorded, agreement, on=on, until_on=on + timedelta(days=2), today=on),
        )
    on = date(2023, 6, 1)
    assert subscription.freeze(book.recorded, agreement, on=on, until_on=on + timedelta(days=2), today=on) == Refused(
        Why.FREEZE_TIMES_USED_UP
    )


def test_a_freeze_that_has_not_begun_is_withdrawn() -> None:
    """Resuming before it begins leaves no trace of it; the earlier of two goes first."""
    book = Book()
    for on in (date(2023, 6, 1), date(2023, 5, 1)):
        book.keep(
            subscription.freeze(book.recorded, FREELY, on=on, until_on=on + timedelta(days=7), today=TODAY),
        )
    book.keep(subscription.resume(book.recorded, on=TODAY))
    assert [one.event.at.day for one in book.recorded[1:]] == [date(2023, 6, 1)]


@settings(max_examples=150)
@given(data=st.data(), moves_on=st.booleans())
def test_a_random_life_is_billed_to_the_cent(data: st.DataObject, moves_on: bool) -> None:
    """Whatever is asked and when: bills follow, twice is once; a freeze that moves all on credits no begun period."""
    terms = FreezeTerms(days_least=1, days_per_year=400, days_most=400, times_per_year=99, moves_on=moves_on)
    agreement = Agreement(freeze=terms, back_days=20)
    book, bills, today = Book(), BillBook(), START
    for _ in range(data.draw(st.integers(1, 8))):
        today += timedelta(days=data.draw(st.integers(0, 25)))
        on = today + timedelta(days=data.draw(st.integers(-20, 30)))
        asked = data.draw(st.sampled_from(["freeze", "resume", "change", "cancel", "keep"]))
        before, planned = life_on(book.recorded, on), any(one.event.at > Moment(on) for one in book.recorded)
        answer = book.keep(_ask(asked, book, agreement, on, today, data))
        events = [one.event for one in book.recorded]
        change = bills.bring_up(events, today)
        assert bills.bring_up(events, today) == Difference()
        begun = on > period_on(before.anchor_on, before.tariff.interval, on).start
        if moves_on and asked == "freeze" and isinstance(answer, Decided) and begun and not planned:
            assert change.credits == ()
    events, far_on = [one.event for one in book.recorded], today + timedelta(days=500)
    bills.bring_up(events, far_on)
    assert bills.left_minor == sum(piece.amount_minor for piece in bills.wanted(events, far_on))


def _ask(
    asked: str, book: Book, agreement: Agreement, on: datetime.date, today: datetime.date, data: st.DataObject
) -> Answer:
    if asked == "freeze":
        until_on = on + timedelta(days=data.draw(st.integers(1, 60)))
        return subscription.freeze(book.recorded, agreement, on=on, until_on=until_on, today=today)
    if asked == "resume":
        return subscription.resume(book.recorded, on=max(on, today))
    if asked == "change":
        tariff = data.draw(st.sampled_from([BASIC, GOLD, YEARLY]))
        return subscription.change_tariff(book.recorded, agreement, tariff, on=max(on, START), today=today)
    if asked == "cancel":
        return subscription.cancel(book.recorded, agreement, on=max(on, today), today=today)
    return subscription.keep(book.recorded, today=today)
