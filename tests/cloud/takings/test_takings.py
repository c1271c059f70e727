"""Takings as payments make them: chained in the payment's transaction, closed by day, archived and checked."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from dues_gym import DUE, DuesGym, at
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.takings import archive, operations
from portillon_cloud.takings.archive import archive_key, faults, read_archive, write_archive
from portillon_cloud.takings.errors import TakingsBrokenError
from portillon_cloud.takings.operations import close_until
from portillon_cloud.takings.tables import taking, taking_closure
from portillon_cloud.timers.tables import timer
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError


def pay(gym: DuesGym, day: int, amount_minor: int = 1000) -> int:
    """Somebody new owes and pays a part at the desk; the invoice."""
    payer = gym.payer()
    invoice_id: int = gym.owe(payer)
    gym.pay(payer, amount_minor, now_ms=at(day, 12), key=f"k-{invoice_id}")
    return invoice_id


def broken(gym: DuesGym) -> list[str]:
    with gym.db.read() as conn:
        return [f"{fault.where} {fault.what}" for fault in faults(conn, gym.legal_entity_id)]


def close(gym: DuesGym, day: int) -> int:
    with gym.db.write() as conn:
        return close_until(conn, gym.legal_entity_id, today=DUE + timedelta(days=day))


def test_a_payment_is_a_taking_with_what_it_settled(french: DuesGym) -> None:
    """Numbered, with its printed invoice; and a timer rings when its day is over."""
    pay(french, -1)
    pay(french, -1, 500)
    with french.db.read() as conn:
        rows = conn.execute(select(taking).order_by(taking.c.number)).all()
        timers = conn.scalars(select(timer.c.due_at_ms).where(timer.c.kind == operations.CLOSE_TAKINGS)).all()
    assert [(row.number, row.amount_minor, list(row.settles.values())) for row in rows] == [
        (1, 1000, [1000]),
        (2, 500, [500]),
    ]
    assert all(name.startswith(("TEST-2026", "INV-2026")) for row in rows for name in row.settles)
    assert timers == [at(0, 0)]
    assert broken(french) == []


def test_what_a_bank_takes_back_is_chained_too(french: DuesGym) -> None:
    """A part comes back later: a record of its own with the invoice, below nothing; the totals are what is kept."""
    pay(french, -3)
    close(french, -1)
    [payment_id] = french.scalars(select(taking.c.payment_id))
    told = TakenBack(
        organisation_id=french.organisation_id, payment_id=payment_id, kind=ReturnKind.BOUNCED, code="AC04",
        request_key="cheque-1", by="desk", amount_minor=400,
    )  # fmt: skip
    for _ in range(2):
        with french.db.write() as conn:
            return_id = take_back(conn, told, now_ms=at(0, 12))
    close(french, 1)
    with french.db.read() as conn:
        rows = conn.execute(select(taking).order_by(taking.c.number)).all()
        days = select(taking_closure).where(taking_closure.c.kind == "day").order_by(taking_closure.c.number)
        closures = [(row.total_minor, row.perpetual_minor) for row in conn.execute(days)]
    assert [(row.amount_minor, list(row.settles.values()), row.return_id) for row in rows] == [
        (1000, [1000], None),
        (-400, [-400], return_id),
    ]
    assert rows[0].settles.keys() == rows[1].settles.keys()
    assert (closures[0], closures[-1]) == ((1000, 1000), (-400, 600))
    assert broken(french) == []


def test_elsewhere_no_taking_is_chained(gym: DuesGym) -> None:
    """Quebec asks for no such record, and pays no price for one."""
    pay(gym, -1)
    assert gym.scalars(select(func.count()).select_from(taking)) == [0]


def test_the_next_day_closes_the_one_before(french: DuesGym) -> None:
    """Lazily too: a taking of a later day finds every day before it closed, the quiet ones too, and their month."""
    pay(french, -1)  # 1 March
    pay(french, 3)
    with french.db.read() as conn:
        days = conn.execute(select(taking_closure.c.first_on, taking_closure.c.count).order_by(taking_closure.c.number))
        assert [tuple(row) for row in days] == [
            (date(2026, 3, 1) + timedelta(days=day), int(day == 0)) for day in range(4)
        ]
    assert close(french, 30) == 28  # up to the 31st: 27 days more and March
    assert close(french, 30) == 0
    assert broken(french) == []


def test_a_late_clock_adds_to_the_open_day(french: DuesGym) -> None:
    """A worker that read its clock before midnight and writes after the day was closed counts to the next one."""
    pay(french, 0)
    assert close(french, 1) == 1
    pay(french, 0)
    assert french.scalars(select(taking.c.taken_on).order_by(taking.c.number)) == [DUE, DUE + timedelta(days=1)]
    assert broken(french) == []


def test_the_database_refuses_any_change(french: DuesGym) -> None:
    """No row of a taking or a closure is updated or deleted."""
    pay(french, 0)
    close(french, 1)
    for statement in (update(taking).values(amount_minor=1), delete(taking), delete(taking_closure)):
        with pytest.raises(DBAPIError, match="never change"), french.db.write() as conn:
            conn.execute(statement)


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE taking SET amount_minor = amount_minor - 1 WHERE number = 2",
        "DELETE FROM taking WHERE number = 3",  # the last: only the end of the chain tells
        "DELETE FROM taking_closure WHERE number = 1",
        "UPDATE taking SET account_id = (SELECT min(account_id) FROM taking) WHERE number = 2",
    ],
)
def test_who_gets_around_the_triggers_is_found(french: DuesGym, forgery: str) -> None:
    """An administrator can drop a trigger; the chain still shows what was done."""
    for _ in range(2):
        pay(french, 0)
    pay(french, 1)
    close(french, 2)
    assert broken(french) == []
    with french.db.write() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for table in ("taking", "taking_closure"):
                for action in ("update", "delete"):
                    conn.execute(text(f"DROP TRIGGER {table}_no_{action}"))
        conn.execute(text(forgery))
    assert broken(french)


def test_an_archive_is_signed_and_checked(french: DuesGym, tmp_path: Path) -> None:
    """Of some days in the middle too; any letter changed, a line lost, another key: refused."""
    for day in range(5):
        pay(french, day)
    close(french, 5)
    public = archive_key(french.keyring).public
    for first, last, count in ((-100, 100, 10), (1, 3, 4), (0, 1, 2), (50, 60, 0)):
        path = tmp_path / f"{first}.jsonl"
        with french.db.read() as conn:
            written = write_archive(
                conn,
                french.keyring,
                path,
                legal_entity_id=french.legal_entity_id,
                from_on=DUE + timedelta(days=first),
                until_on=DUE + timedelta(days=last),
            )
        assert (written, read_archive(path, public)) == (count, count)
    whole = (tmp_path / "1.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    for forged in (
        whole.replace(b'"cash"', b'"bank"', 1),
        whole.replace(b"Mile End", b"Plateau"),
        b"".join(lines[:-1]),
        b"".join([*lines[:2], *lines[3:]]),
        whole + lines[1],
    ):
        (tmp_path / "forged.jsonl").write_bytes(forged)
        with pytest.raises(TakingsBrokenError):
            read_archive(tmp_path / "forged.jsonl", public)
    with pytest.raises(TakingsBrokenError, match="another installation"):
        read_archive(tmp_path / "1.jsonl", french.keyring.feed_key.public)


def test_without_its_signature_a_cut_archive_passes(
    french: DuesGym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ablation: with a signature that holds for anything, an archive without its last taking looks whole."""
    for _ in range(2):
        pay(french, 0)
    path = tmp_path / "a.jsonl"
    with french.db.read() as conn:
        write_archive(
            conn, french.keyring, path, legal_entity_id=french.legal_entity_id, from_on=DUE, until_on=date(2027, 1, 1)
        )
    lines = path.read_bytes().splitlines(keepends=True)
    assert json.loads(lines[2])["taking"]["number"] == 2
    path.write_bytes(lines[0] + lines[1] + lines[3])
    public = archive_key(french.keyring).public
    with pytest.raises(TakingsBrokenError):
        read_archive(path, public)

    class Believing:
        @staticmethod
        def from_public_bytes(_key: bytes) -> "Believing":
            return Believing()

        def verify(self, _signature: bytes, _data: bytes) -> None: ...

    monkeypatch.setattr(archive, "Ed25519PublicKey", Believing)
    assert read_archive(path, public) == 1
