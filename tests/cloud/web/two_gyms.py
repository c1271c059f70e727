"""Two gyms in one database, on each engine: the other first, so that small ids are its; its texts bear a mark."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pytest
from argon2 import PasswordHasher
from cloud.conftest import PostgresCluster
from cloud.web import conftest
from cloud.web.conftest import Gym, StubServices, make_gym
from cloud.web.full_rows import MARK, fill_every_table
from cloud.web.test_schema import Services, StillClock
from portillon_cloud.database import Database
from portillon_cloud.database.schema import metadata
from portillon_cloud.identity import passwords
from portillon_cloud.members.operations import create_legal_entity, create_site
from portillon_cloud.secrets import Keyring
from sqlalchemy import select, text

_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True, slots=True)
class TwoGyms:
    """Who asks, and who must not be seen."""

    services: StubServices
    own: Gym
    other_id: int

    @property
    def db(self) -> Database:
        return self.services.db

    @property
    def own_id(self) -> int:
        return self.own.organisation_id

    def rows_of_other(self) -> dict[str, str]:
        """A digest of the other organisation's rows, table by table."""
        with self.db.read() as conn:
            return {
                table.name: sha256(
                    repr(
                        sorted(map(repr, conn.execute(select(table).where(table.c.organisation_id == self.other_id))))
                    ).encode()
                ).hexdigest()
                for table in metadata.sorted_tables
                if "organisation_id" in table.c
            }

    def astray(self) -> list[str]:
        """References between tenants' tables that lead from one organisation into another."""
        found = []
        with self.db.read() as conn:
            for table in metadata.sorted_tables:
                for key in table.foreign_key_constraints:
                    other = key.referred_table
                    if "organisation_id" not in table.c or "organisation_id" not in other.c:
                        continue
                    on = " AND ".join(f"a.{one.parent.name} = b.{one.column.name}" for one in key.elements)
                    astray = f"SELECT 1 FROM {table.name} a JOIN {other.name} b ON {on}"
                    if conn.scalar(text(f"{astray} WHERE a.organisation_id <> b.organisation_id LIMIT 1")):
                        found.append(f"{table.name} -> {other.name}")
        return found


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoGyms]:
    """The other gym has a row in every table, the asker's is a gym like it."""
    cluster: PostgresCluster | None = None
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgres_cluster")
        url = cluster.fresh()
    else:
        copy = tmp_path_factory.mktemp("two") / "two.db"
        copy.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        url = f"sqlite:///{copy}"
    services = Services(Database(url), StillClock(), Keyring.generate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", _HASHER)
        patch.setattr(passwords, "_NOBODY", _HASHER.hash("nobody"))
        with pytest.MonkeyPatch.context() as marked:
            marked.setattr(conftest, "PEOPLE", tuple((f"{MARK}{n}", f"{MARK}{n}") for n in range(12)))
            other = make_gym(services, name=MARK)
            _more_places(services, other.organisation_id)
        own = make_gym(services, name="Vélo")
        with services.db.write() as conn:
            full = fill_every_table(conn, other.organisation_id)
        assert full >= {"account", "member", "credential", "plan", "price", "contract", "subscription", "invoice"}
        assert full >= {"billing_doubt", "run_stop", "payment_method", "given_right", "gateway", "clock_job", "coupon"}
        yield TwoGyms(services, own, other.organisation_id)
    services.db.close()
    if cluster:
        cluster.drop(url)


def _more_places(services: StubServices, organisation_id: int) -> None:
    """As many sites and legal entities as calls name, so that none they name is the asker's own."""
    with services.db.write() as conn:
        for _ in range(3):
            entity_id = create_legal_entity(
                conn, organisation_id=organisation_id, name=MARK, currency="CAD", tax_regime="ca-qc", tax_numbers={}
            )
            create_site(
                conn, services.keyring, organisation_id=organisation_id, legal_entity_id=entity_id, name=MARK,
                time_zone="America/Toronto", language="fr",
            )  # fmt: skip
