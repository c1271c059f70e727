"""A run that leaves its forecast writes nothing of that batch, says so, and goes on when somebody confirms it."""

from dataclasses import replace
from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.billing import invoice_run
from portillon_cloud.billing.errors import RunStoppedError, UnknownStopError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.forecast import stops
from portillon_cloud.billing.forecast.figures import Bounds, Figures, Leaving, leavings
from portillon_cloud.billing.forecast.measuring import judge_by
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.main import handlers
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.timers.operations import next_due
from portillon_cloud.worker import Worker
from sqlalchemy import func, select, text

START, NEXT = date(2026, 4, 1), date(2026, 5, 1)
ZONE = "America/Toronto"
USUAL = Figures(due=500, foretold_minor=30_000_00, billed_minor=29_000_00, repairs=3)
TIGHT = Bounds(difference_minor_least=50_00, repairs_least=1)


def at(day: date) -> int:
    return start_of_day_ms(day, ZONE)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (USUAL, ()),
        (replace(USUAL, billed_minor=45_000_00), ()),
        (replace(USUAL, billed_minor=45_000_01), (Leaving.TOO_MUCH,)),
        (replace(USUAL, billed_minor=9_000_00), ()),
        (replace(USUAL, billed_minor=8_999_99), (Leaving.TOO_LITTLE,)),
        (replace(USUAL, billed_minor=-30_000_00), (Leaving.TOO_LITTLE,)),
        (replace(USUAL, repairs=50), ()),
        (replace(USUAL, repairs=51, billed_minor=0), (Leaving.TOO_LITTLE, Leaving.TOO_MANY_REPAIRS)),
        (Figures(due=3, foretold_minor=200_00, billed_minor=1_199_99, repairs=3), ()),
        (Figures(due=3, foretold_minor=200_00, billed_minor=1_200_00, repairs=19), (Leaving.TOO_MUCH,)),
        (Figures(due=0, foretold_minor=0, billed_minor=1_000_00, repairs=0), (Leaving.TOO_MUCH,)),
    ],
)
def test_the_bounds(figures: Figures, expected: tuple[Leaving, ...]) -> None:
    """At the bound is within; a small gym's small sums stop nothing, whatever share of it they are."""
    assert leavings(figures, Bounds()) == expected


@pytest.mark.parametrize("factor", [0, 2, 9, 30])
def test_what_was_confirmed_passes(factor: int) -> None:
    """Widened to the confirmed figures, the same figures and a little more pass; what is far from them does not."""
    odd = replace(USUAL, billed_minor=USUAL.foretold_minor * factor, repairs=90)
    wide = Bounds().widened_to(odd)
    assert leavings(odd, wide) == ()
    assert leavings(replace(odd, billed_minor=odd.billed_minor * 6 // 5, repairs=110), wide) == ()
    assert leavings(replace(odd, billed_minor=odd.billed_minor * 2 + 50_000_00, repairs=400), wide) != ()


@pytest.fixture
def members(gym: Gym) -> Gym:
    """Three members whose second month falls due."""
    for name in ("Ada Roy", "Bo Li", "Cy Diop"):
        gym.join(name, starts_on=START)
    run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=at(START), judge=judge_by(TIGHT))
    with gym.db.write() as conn:
        stops.set_bounds(conn, gym.organisation_id, TIGHT)
    return gym


def invoices(gym: Gym) -> int:
    with gym.db.read() as conn:
        return int(conn.scalar(select(func.count()).select_from(invoice)) or 0)


def triple(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the engine: every plain line at three times its price."""
    sound = invoice_run._charges

    def charges(*given):  # type: ignore[no-untyped-def]
        for one in sound(*given):
            yield replace(one, unit_minor=one.unit_minor * 3, priced_minor=one.priced_minor * 3)

    monkeypatch.setattr(invoice_run, "_charges", charges)


def test_a_usual_month_is_as_foretold(members: Gym) -> None:
    """The second month costs what the first did: no bound is near."""
    assert len(run_invoices(members.db, members.legal_entity_id, on=NEXT, now_ms=at(NEXT), judge=judge_by(TIGHT))) == 3


def test_a_defect_stops_the_run_before_it_writes(members: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times the price: nothing of the batch stays, not a number, not a next day; without the judge it is."""
    triple(monkeypatch)
    with pytest.raises(RunStoppedError, match="too_much") as stopped:
        run_invoices(members.db, members.legal_entity_id, on=NEXT, now_ms=at(NEXT), judge=judge_by(TIGHT))
    assert stopped.value.figures == {"due": 3, "foretold_minor": 300_00, "billed_minor": 900_00, "repairs": 0}
    assert invoices(members) == 3
    assert len(run_invoices(members.db, members.legal_entity_id, on=NEXT, now_ms=at(NEXT))) == 3  # the ablation


def test_a_catalogue_that_was_changed_underhand_stops_the_run(members: Gym) -> None:
    """What was billed the month before tells, where the catalogue itself is wrong."""
    with members.db.write() as conn:
        conn.execute(text("UPDATE price SET amount_minor = amount_minor * 10"))
    with pytest.raises(RunStoppedError, match="foretold_minor 30000, billed_minor 300000"):
        run_invoices(members.db, members.legal_entity_id, on=NEXT, now_ms=at(NEXT), judge=judge_by(TIGHT))


def worker_on(gym: Gym, day: date) -> Worker:
    with gym.db.write() as conn:
        conn.execute(text("UPDATE test_clock SET business_ms = :now, rate = 0"), {"now": at(day)})
    return Worker(db=gym.db, clock=gym.clock, handlers=handlers(PaymentSimulator(gym.db)), name="w")


def test_a_stopped_run_waits_for_a_person(members: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept once, tried again every night, and goes on the day somebody confirms it with a reason."""
    with monkeypatch.context() as defect:
        triple(defect)
        for day in (NEXT, date(2026, 5, 2)):
            worker_on(members, day).run_until_idle()
            with members.db.read() as conn:
                [one] = stops.open_stops(conn, members.organisation_id)
            assert (one.stopped_on, one.leavings) == (NEXT, (Leaving.TOO_MUCH,))
            assert invoices(members) == 3
        author = Author(name="Camille", at_ms=at(date(2026, 5, 2)), reason="prices were tripled on purpose")
        with members.db.write() as conn:
            stops.confirm(conn, members.organisation_id, one.id, author=author)
        worker_on(members, date(2026, 5, 2)).run_until_idle()
        assert invoices(members) == 6
    with members.db.read() as conn:
        assert stops.count_stops(conn, members.organisation_id) == 0
        row = conn.execute(text("SELECT * FROM run_resumed")).one()
        assert (row.by, row.reason, bool(row.confirmed)) == ("Camille", "prices were tripled on purpose", True)
        later = stops.bounds_today(conn, members.organisation_id, members.legal_entity_id, date(2026, 5, 3))
    assert later == TIGHT  # a confirmation is of its day
    with members.db.write() as conn, pytest.raises(UnknownStopError):
        stops.confirm(conn, members.organisation_id, one.id, author=author)


def test_what_was_put_right_goes_on_by_itself(members: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next night's run is within its forecast: it bills, and the stop is over without anybody."""
    with monkeypatch.context() as defect:
        triple(defect)
        worker_on(members, NEXT).run_until_idle()
    worker_on(members, date(2026, 5, 2)).run_until_idle()
    assert invoices(members) == 6
    with members.db.read() as conn:
        assert stops.count_stops(conn, members.organisation_id) == 0
        assert next_due(conn, organisation_id=members.organisation_id) is not None


def test_another_organisation_confirms_nothing(members: Gym) -> None:
    """Its stops are its own."""
    with members.db.write() as conn:
        stopped = RunStoppedError(USUAL.to_body(), [Leaving.TOO_MUCH])
        stops.write_down(conn, members.organisation_id, members.legal_entity_id, stopped, on=NEXT, now_ms=1)
    with members.db.write() as conn, pytest.raises(UnknownStopError):
        stops.confirm(conn, members.organisation_id + 1, 1, author=Author(name="x", at_ms=at(NEXT), reason="x"))
