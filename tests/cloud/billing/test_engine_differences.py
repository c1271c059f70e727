"""Another version of the engine lists what it would have done otherwise, and leaves every past document alone."""

from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.billing import changes, engine_differences, subscription, tax, wanted
from portillon_cloud.billing.engine_differences import Otherwise
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.subscription import Agreement
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.database.schema import metadata
from sqlalchemy import select, text

START, MIDDLE = date(2026, 4, 1), date(2026, 5, 16)


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


@pytest.fixture
def billed(gym: Gym) -> Gym:
    """One who stayed; one who is to leave in the middle of the second month, and was credited for it."""
    gym.join("Ada Roy", starts_on=START)
    leaving = gym.join("Bo Li", starts_on=START)
    for month in (4, 5):
        run_invoices(gym.db, gym.legal_entity_id, on=date(2026, month, 1), now_ms=at(date(2026, month, 1)))
    with gym.db.write() as conn:
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=leaving.subscription_id,
            ask=lambda recorded, today: subscription.cancel(recorded, Agreement(), on=MIDDLE, today=today, by_law=True),
            author=Author(name="desk", at_ms=at(date(2026, 5, 10)), reason="moved"),
        )
    return gym


def listed(gym: Gym) -> list[engine_differences.EngineDifference]:
    with gym.db.read() as conn:
        return list(engine_differences.engine_differences(conn, gym.legal_entity_id, chunk=1))


def every_row(gym: Gym) -> dict[str, list[object]]:
    with gym.db.read() as conn:
        return {table.name: list(conn.execute(select(table)).all()) for table in metadata.sorted_tables}


def test_the_same_engine_would_do_the_same(billed: Gym) -> None:
    """Months billed plainly, a credit in the middle of one: nothing to list."""
    assert listed(billed) == []


def test_a_changed_rule_lists_and_changes_nothing(billed: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that rounds each part up by a cent lists the lines it would bill at more; a run of it bills nothing."""
    sound = wanted.tariff_minor

    def dearer(*given: object, **named: object) -> int:
        return sound(*given, **named) + 1

    for module in (wanted, engine_differences):
        monkeypatch.setattr(module, "tariff_minor", dearer)
    before = every_row(billed)
    found = listed(billed)
    assert [(one.kind, one.was_minor, one.would_minor) for one in found] == [
        (Otherwise.AMOUNT, was_minor, was_minor + 1) for was_minor in (100_00, 100_00, 100_00, 48_39)
    ]
    assert {one.engine for one in found} != {None}
    assert run_invoices(billed.db, billed.legal_entity_id, on=date(2026, 5, 20), now_ms=at(date(2026, 5, 20))) == []
    assert every_row(billed) == before


def test_another_policy_would_credit_otherwise(billed: Gym) -> None:
    """Counted by whole periods nothing of May would have come back: the half that was credited is listed."""
    with billed.db.write() as conn:
        conn.execute(text("UPDATE subscription SET proration = :whole"), {"whole": Proration.WHOLE})
    [one] = listed(billed)
    assert (one.kind, one.was_minor, one.would_minor) == (Otherwise.AMOUNT, 48_39, 100_00)


def test_other_taxes_of_older_engines_are_listed(billed: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invoice of another version is taxed anew by its own rates; one of this version is what it is."""
    sound = tax.tax

    def harder(*given: object, **named: object) -> object:
        found = sound(*given, **named)
        return type(found)(found.nets_minor, found.taxes, found.net_minor, found.tax_minor + 1, found.total_minor + 1)

    monkeypatch.setattr(engine_differences, "tax", harder)
    assert listed(billed) == []
    monkeypatch.setattr(engine_differences, "ENGINE", "next")
    found = listed(billed)
    assert [(one.kind, one.would_minor - one.was_minor) for one in found] == [(Otherwise.TAXES, 1)] * 4
