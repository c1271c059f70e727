"""A fresh database per test, on SQLite and on a private PostgreSQL cluster; a clock moved by hand; a gym to work on."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cloud.gym import Gym, open_gym
from hypothesis import settings
from portillon_cloud.database import Database, metadata
from portillon_cloud.main import all_tables
from portillon_cloud.secrets import Keyring
from sqlalchemy import create_engine

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("portillon", deadline=None)
settings.load_profile("portillon")


@dataclass
class ManualClock:
    """Real time that stands still until a test moves it."""

    now_ms: int = 1_767_225_600_000  # 2026-01-01T00:00:00Z

    def real_ms(self) -> int:
        return self.now_ms

    def forward(self, *, ms: int) -> None:
        self.now_ms += ms


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class PostgresCluster:
    """A cluster of this test session alone: a Unix socket in a temporary folder, no TCP, nothing of it survives."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="portillon-pg-"))
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.folder.chmod(0o755)
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self._count = 0
        data = str(self.folder / "data")
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D", data)
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self.folder} "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_wal_size=256MB"
        )
        self._run("pg_ctl", "-w", "-D", data, "-l", str(self.folder / "log"), "-o", options, "start")
        self._admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        self.create("base")
        base = create_engine(self.url("base"))
        with base.begin() as conn:
            metadata.create_all(conn)
        base.dispose()  # a template with a connection on it cannot be copied

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def create(self, name: str, *, template: str = "template1") -> None:
        with self._admin.connect() as conn:
            conn.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")

    def fresh(self) -> str:
        """The URL of a new database with the schema in it."""
        self._count += 1
        self.create(f"t{self._count}", template="base")
        return self.url(f"t{self._count}")

    def drop(self, url: str) -> None:
        name = url.split("/@/")[-1].split("@/")[-1].split("?")[0]
        with self._admin.connect() as conn:
            conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        self._admin.dispose()
        self._run("pg_ctl", "-m", "immediate", "-D", str(self.folder / "data"), "stop")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # type: ignore[call-overload]
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,  # not a pipe: the server would inherit it and never close it
            stderr=subprocess.DEVNULL,
            check=False,
            **self._as,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed with {done.returncode}; see {self.folder}/log")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL here: run `make system` (Debian's package postgresql)")
    all_tables()
    cluster = PostgresCluster(programs)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema in it, made once and copied for each test."""
    all_tables()
    path = tmp_path_factory.mktemp("schema") / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        metadata.create_all(conn)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "portillon.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    """A fresh Database on SQLite only, for tests where the engine does not matter."""
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh Database with all tables: the test runs once on each engine."""
    if request.param == "sqlite":
        database = Database(request.getfixturevalue("sqlite_url"))
        yield database
        database.close()
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    url = cluster.fresh()
    database = Database(url)
    yield database
    database.close()
    cluster.drop(url)


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """Keys of this test session."""
    return Keyring.generate()


@pytest.fixture
def gym(db: Database, keyring: Keyring, clock: ManualClock) -> Gym:
    """A Quebec gym that is a test organisation, on both engines: organisation, legal entity, site, plan, price."""
    return open_gym(db, keyring, clock)


@pytest.fixture
def sqlite_gym(sqlite_db: Database, keyring: Keyring, clock: ManualClock) -> Gym:
    """The same gym on SQLite only."""
    return open_gym(sqlite_db, keyring, clock)
