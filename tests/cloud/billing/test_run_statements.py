"""What an invoice run asks of its database: no more for many members than for few, and its counter held to the last."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.clock.local import start_of_day_ms
from sqlalchemy import event
from sqlalchemy.engine import Engine

START = date(2026, 1, 31)


@contextmanager
def told() -> Iterator[list[str]]:
    """The statements that any engine executes meanwhile, and where each transaction is committed."""
    said: list[str] = []

    def before(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(" ".join(statement.split()))

    def commit(_conn: object) -> None:
        said.append("COMMIT")

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", commit)
    yield said
    event.remove(Engine, "before_cursor_execute", before)
    event.remove(Engine, "commit", commit)


def bill(gym: Gym, members: int) -> list[str]:
    """The statements of a run over so many new members, each with an account of their own."""
    for number in range(members):
        gym.join(f"M{number} X{members}", starts_on=START)
    with told() as said:
        issued = run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=start_of_day_ms(START, "America/Toronto"))
    assert len(issued) == members
    return said


@pytest.fixture
def said(sqlite_gym: Gym) -> list[str]:
    return bill(sqlite_gym, 30)


def test_queries_do_not_grow_with_members(sqlite_gym: Gym) -> None:
    """openfoodnetwork#8695 (800 queries a job), OCA/contract#986 (30 s an invoice): thirty cost no more than three."""
    few, many = bill(sqlite_gym, 3), bill(sqlite_gym, 30)
    assert 0 < len(many) <= len(few)


def test_the_counter_is_taken_when_all_is_reckoned(said: list[str]) -> None:
    """lago-api#1544, #2621: once its row is locked nothing more is looked up of members or contracts."""
    taken = next(at for at, one in enumerate(said) if "number_series" in one and not one.startswith("SELECT"))
    after = said[taken + 1 : said.index("COMMIT", taken)]
    looked_up = ("FROM subscription", "FROM contract", "FROM plan", "FROM member", "FROM account")
    assert after and not [one for one in after if any(table in one for table in looked_up)]


def test_each_query_is_of_one_organisation(said: list[str]) -> None:
    """lago-api#3109: one query loaded every tenant on the first of the month; what is due is asked by owner."""
    lists = [one for one in said if one.startswith("SELECT") and "FROM subscription" in one]
    assert lists and not [one for one in lists if "organisation_id" not in one and "legal_entity_id" not in one]
