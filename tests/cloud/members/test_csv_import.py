"""Importing members on both engines: all of a good file, nothing of a bad one, and never twice."""

import time
from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.members.credential_store import credentials_of, member_with
from portillon_cloud.members.csv_import import ImportReport, import_members
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.tables import account, credential, member
from portillon_cloud.payments.tables import payment_method
from portillon_cloud.timers.tables import timer
from portillon_rules.credential import Credential
from sqlalchemy import func, select

HEADER = "first_name,last_name,email,card,plan,contract_start,payment_token,account"
TABLES = (account, member, credential, contract, subscription, payment_method, timer)


def load(gym: Gym, *lines: str, **options: object) -> ImportReport:
    data = "\n".join([HEADER, *lines]).encode()
    with gym.db.write() as conn:
        return import_members(
            conn,
            gym.keyring,
            data,
            organisation_id=gym.organisation_id,
            site_id=gym.site_id,
            now_ms=gym.clock.real_ms(),
            provider="simulator",
            **options,  # type: ignore[arg-type]
        )


def counts(gym: Gym) -> list[int]:
    with gym.db.read() as conn:
        return [conn.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES]


ZOE = "Zoé,Gagnon,zoe@example.org,0F0027A46B,gym,2026-01-31,tok_1,"
ALI = "Ali,Roy,ali@example.org,0F0027A46C,gym,2026-02-15,tok_2,"


def test_a_member_comes_with_everything(gym: Gym) -> None:
    """Account, member, sealed card, lawful contract, subscription, payment token, and a timer for the first bill."""
    assert load(gym, ZOE) == ImportReport(1, ())
    card = Credential.parse("em4100:0F0027A46B")
    with gym.db.read() as conn:
        row = conn.execute(select(member)).one()
        assert member_with(conn, gym.keyring, gym.organisation_id, card) == row.id
        [held] = credentials_of(conn, gym.keyring, gym.organisation_id, row.id)
        assert (held.presented, held.issued_at_ms) == (card, gym.clock.real_ms())
        sealed = conn.execute(select(credential.c.sealed)).scalar_one()
        assert b"0F0027A46B" not in sealed
        signed = conn.execute(select(contract)).one()
        assert (signed.law, signed.starts_on, signed.ends_on) == ("ca-qc", date(2026, 1, 31), date(2027, 1, 31))
        assert (signed.instalments, signed.total_minor) == (12, 1200_00)
        assert conn.execute(select(subscription.c.next_invoice_on)).scalar_one() == date(2026, 1, 31)
        assert conn.execute(select(payment_method.c.token)).scalar_one() == "tok_1"
        assert conn.execute(select(func.count()).where(timer.c.kind == "invoice_run")).scalar_one() == 1
    assert "0F0027A46B" not in repr(row)


def test_a_member_may_have_several_cards_of_any_kind(gym: Gym) -> None:
    """A space stands between two: no credential has one in it, so that files with one card mean what they meant."""
    assert load(gym, "Z,G,,0F0027A46B h10301:67-1000  nfca:04de5f1eacc040,gym,2026-01-31,,") == ImportReport(1, ())
    with gym.db.read() as conn:
        held = credentials_of(conn, gym.keyring, gym.organisation_id, 1)
    assert [str(one.presented) for one in held] == ["em4100:0F0027A46B", "wiegand:26.28607D1", "nfca:04DE5F1EACC040"]


def test_a_running_contract_is_billed_from_its_next_period(gym: Gym) -> None:
    """What began last autumn was billed by whoever had it before; here the next period is the first."""
    load(gym, "Old,Timer,,,gym,2025-10-31,,")
    with gym.db.read() as conn:
        row = conn.execute(select(subscription)).one()
    assert (row.anchor_on, row.next_invoice_on, row.ends_on) == (
        date(2025, 10, 31),
        date(2025, 12, 31),  # today there
        date(2026, 10, 31),
    )


def test_a_family_shares_an_account(gym: Gym) -> None:
    """Lines with the same 'account' are paid for together, under that name."""
    load(gym, "Anne,Roy,,,gym,2026-02-01,tok_9,Famille Roy", "Béa,Roy,,,gym,2026-02-01,,Famille Roy", ALI)
    with gym.db.read() as conn:
        names = conn.execute(select(account.c.name).order_by(account.c.id)).scalars().all()
        assert names == ["Famille Roy", "Ali Roy"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("B,C,,,pool,2026-01-31,,", "line 3, plan: no plan has the code 'pool'; known ones: gym"),
        ("B,C,,0F0027A46B,gym,2026-01-31,,", "line 3, card: em4100:0F0027A46B is on line 2 already"),
        ("B,C,,nfca:04DE5F1E 0f0027a46b,gym,2026-01-31,,", "line 3, card: em4100:0F0027A46B is on line 2 already"),
        ("B,C,,pin:4917,gym,2026-01-31,,", "line 3, card: a PIN is drawn by lot"),
        ("B,C,,,gym,2026-01-31,tok_1,", "line 3, payment_token: is on line 2 already"),
        ("zoé,gagnon,ZOE@example.org,,gym,2026-01-31,,", "is on line 2 already"),
        ("B,C,,,gym,2024-01-31,,", "line 3, contract_start: starts_on: from 2024-01-31 it ends on 2025-01-31"),
        ("B,C,,,gym,,,", "line 3, contract_start: is empty"),
    ],
)
def test_one_bad_line_and_nothing_is_imported(gym: Gym, line: str, expected: str) -> None:
    """The report names the line; not a row is left of the good ones."""
    before = counts(gym)
    report = load(gym, ZOE, line)
    assert report.imported == 0
    [problem] = report.problems
    assert expected in str(problem)
    assert counts(gym) == before


def test_allow_partial_takes_the_good_lines(gym: Gym) -> None:
    """What is good comes in, what is bad is still named."""
    report = load(gym, ZOE, "B,C,,,pool,2026-01-31,,", "D,E,,,gym,2024-01-31,,", ALI, allow_partial=True)
    assert report.imported == 2
    assert [problem.line for problem in report.problems] == [3, 4]
    with gym.db.read() as conn:
        assert conn.execute(select(member.c.first_name).order_by(member.c.id)).scalars().all() == ["Zoé", "Ali"]
        assert conn.execute(select(func.count()).select_from(contract)).scalar_one() == 2


def test_the_same_file_twice_is_refused_line_by_line(gym: Gym) -> None:
    """It says who is there already, and changes nothing."""
    load(gym, ZOE, ALI)
    before = counts(gym)
    report = load(gym, ZOE, ALI)
    assert report.imported == 0
    assert {problem.line for problem in report.problems} == {2, 3}
    assert "Zoé Gagnon <zoe@example.org> is member 1 already" in str(report.problems[0])
    assert counts(gym) == before


def test_a_site_of_somebody_else_is_refused(gym: Gym) -> None:
    """A wrong site is an error of the caller, not of the file."""
    with pytest.raises(UnknownMemberError, match="site 99"), gym.db.write() as conn:
        import_members(
            conn, gym.keyring, b"", organisation_id=gym.organisation_id, site_id=99, now_ms=0, provider="simulator"
        )


def test_two_hundred_members_in_a_moment(sqlite_gym: Gym) -> None:
    """Progress is told after each line, and it takes well under a few seconds."""
    told: list[tuple[int, int]] = []
    lines = [f"M{n},N{n},m{n}@example.org,{n:010X},gym,2026-02-01,tok_{n}," for n in range(200)]
    started = time.process_time()
    report = load(sqlite_gym, *lines, progress=lambda done, total: told.append((done, total)))
    assert time.process_time() - started < 5
    assert report == ImportReport(200, ())
    assert told[0] == (1, 200) and told[-1] == (200, 200)
