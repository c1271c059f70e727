"""A gym of any size in the cloud's database, on SQLite or on a PostgreSQL of this run alone, and a bare copy of it."""

import datetime
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from cloud.gym import Gym, open_gym
from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.database import Database, metadata
from portillon_cloud.database.rows import insert_many
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.main import all_tables
from portillon_cloud.members.tables import account, member
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.secrets import Keyring
from sqlalchemy import create_engine, delete

DUE_ON = datetime.date(2026, 3, 1)
NOW_MS = start_of_day_ms(DUE_ON, "America/Toronto")
GATEWAY = "front"
_PIECE = 10_000


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """Real time that stands still."""

    now_ms: int = NOW_MS

    def real_ms(self) -> int:
        """That instant."""
        return self.now_ms


@dataclass(frozen=True, slots=True)
class Engine:
    """Where databases come from. `clone(url)` is a copy of a closed one, for the floor to write into."""

    name: str
    create: Callable[[str], str]
    clone: Callable[[str], str]


@contextmanager
def sqlite_engine(folder: Path) -> Iterator[Engine]:
    """SQLite files in `folder`."""

    def clone(url: str) -> str:
        path = Path(url.removeprefix("sqlite:///"))
        return f"sqlite:///{shutil.copy(path, path.with_suffix('.floor'))}"

    yield Engine("SQLite", lambda name: f"sqlite:///{folder / name}.db", clone)


def postgres_programs() -> Path | None:
    """Where Debian puts the server of the newest PostgreSQL; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres_engine(programs: Path, *, flushes: bool = True) -> Iterator[Engine]:
    """A cluster that flushes every commit as a real one does, on a Unix socket; nothing of it survives.

    `flushes` False: where only processes die, and the machine does not.
    """
    folder = Path(tempfile.mkdtemp(prefix="portillon-bench-pg-"))
    as_owner: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments], cwd=folder, check=True, env={"PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_owner,
        )  # fmt: skip

    def create(name: str, *, template: str = "template1") -> str:
        with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return f"postgresql+psycopg://postgres@/{name}?host={folder}"

    def clone(url: str) -> str:
        name = url.split("@/")[1].split("?")[0]
        return create(f"{name}_floor", template=name)

    data = str(folder / "data")
    run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D", data)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    if not flushes:
        options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    try:
        run("pg_ctl", "-w", "-D", data, "-l", str(folder / "log"), "-o", options, "start")
        yield Engine("PostgreSQL", create, clone)
    finally:
        run("pg_ctl", "-m", "immediate", "-D", data, "stop")
        shutil.rmtree(folder)


def build(url: str, members: int, *, now_ms: int = NOW_MS) -> Gym:
    """The schema, one gym in Quebec, one gateway, and `members` who each owe a month today. Close its `db`."""
    all_tables()
    engine = create_engine(url)
    with engine.begin() as conn:
        metadata.create_all(conn)
    engine.dispose()
    db = Database(url)
    gym = open_gym(db, Keyring.generate(), StoppedClock(now_ms))
    with db.write() as conn:
        enrol_gateway(
            conn, organisation_id=gym.organisation_id, site_id=gym.site_id, gateway_id=GATEWAY, name="Front",
            mode="test", now_ms=now_ms,
        )  # fmt: skip
        conn.execute(delete(access_outbox))
    for first in range(1, members + 1, _PIECE):
        _join(gym, range(first, min(first + _PIECE, members + 1)), local_date(now_ms, "America/Toronto"))
    return gym


def _join(gym: Gym, numbers: range, due_on: datetime.date) -> None:
    """Members by the bulk road; ids 1, 2, 3 … are the same in every table."""
    org, entity = gym.organisation_id, gym.legal_entity_id
    start, end = add_months(due_on, -2), add_months(due_on, 10)
    with gym.db.write() as conn:
        insert_many(
            conn, account, ("id", "organisation_id", "legal_entity_id", "name", "email", "language"),
            [(n, org, entity, f"Member {n}", f"m{n}@example.org", ("en", "fr")[n % 2]) for n in numbers],
        )  # fmt: skip
        insert_many(
            conn, member, ("id", "organisation_id", "account_id", "site_id", "first_name", "last_name", "joined_on"),
            [(n, org, n, gym.site_id, "Member", str(n), start) for n in numbers],
        )  # fmt: skip
        insert_many(
            conn, contract,
            ("id", "organisation_id", "account_id", "law", "law_version", "signed_on", "starts_on", "ends_on",
             "renews", "total_minor", "instalments", "state"),
            [(n, org, n, "ca-qc", "1", start, start, end, False, 1_200_00, 12, "active") for n in numbers],
        )  # fmt: skip
        insert_many(
            conn, subscription,
            ("id", "organisation_id", "legal_entity_id", "account_id", "member_id", "contract_id", "price_id",
             "component", "anchor_on", "next_invoice_on", "ends_on", "state", "bill_with_id"),
            [(n, org, entity, n, n, n, gym.price_id, "membership", start, due_on, end, "active", n) for n in numbers],
        )  # fmt: skip


def raw_connection(url: str) -> Any:
    """The driver alone, with the durability that the product has: every commit is on the disk."""
    if url.startswith("postgresql"):
        return psycopg.connect(url.replace("+psycopg", ""))
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
