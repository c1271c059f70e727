"""Two organisations in one database: whatever one asks of the API, nothing of the other is seen or touched."""

import shutil
from collections.abc import Iterator
from hashlib import sha256

import pytest
from argon2 import PasswordHasher
from cloud.web import conftest
from cloud.web.api_calls import GOOD, Api
from cloud.web.conftest import TODAY, StubServices, make_gym
from cloud.web.full_rows import MARK, fill_every_table
from cloud.web.tenant_watch import watching
from cloud.web.test_schema import Services, StillClock
from portillon_cloud.database import Database
from portillon_cloud.database.schema import metadata
from portillon_cloud.identity import passwords
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.operations import create_legal_entity, create_site
from portillon_cloud.members.tables import member
from portillon_cloud.secrets import Keyring
from sqlalchemy import select, text, update

# Statements that are not of one organisation, and why each may be so.
FREE = {
    " FROM api_key WHERE api_key.key_hash = ": "who asks is known by the key alone, and by nothing else",
    "SELECT account.id FROM account WHERE account.id = ": "held before it is looked at, and let go with the refusal",
    " FROM sqlite_master WHERE type = 'trigger'": "the defences are the database's, not an organisation's",
}


pytestmark = pytest.mark.xdist_group("two organisations")


@pytest.fixture(scope="module")
def two(sqlite_template, tmp_path_factory) -> Iterator[tuple[Api, StubServices, int, int]]:
    """The other organisation first, so that small ids are its; its people, places and texts bear a mark."""
    folder = tmp_path_factory.mktemp("two")
    seeded = folder / "seeded.db"
    shutil.copy(sqlite_template, seeded)
    services = Services(Database(f"sqlite:///{seeded}"), StillClock(), Keyring.generate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        with pytest.MonkeyPatch.context() as marked:
            marked.setattr(conftest, "PEOPLE", tuple((f"{MARK}{n}", f"{MARK}{n}") for n in range(12)))
            other = make_gym(services, name=MARK)
            more_places(services, other.organisation_id)
        own = make_gym(services, name="Vélo")
    with services.db.write() as conn:
        full = fill_every_table(conn, other.organisation_id)
    assert full >= {"account", "member", "credential", "plan", "price", "contract", "subscription", "invoice", "site"}
    assert full >= {"billing_doubt", "run_stop", "payment_method", "given_right", "gateway", "clock_job", "coupon"}
    api = Api(services=services, seeded=seeded, folder=folder, key=own.keys[Role.OWNER], today=TODAY)
    yield api, services, own.organisation_id, other.organisation_id
    services.db.close()


def more_places(services: StubServices, organisation_id: int) -> None:
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


def rows_of(db: Database, organisation_id: int) -> dict[str, str]:
    """A digest of the organisation's rows, table by table."""
    with db.read() as conn:
        return {
            table.name: sha256(
                repr(conn.execute(select(table).where(table.c.organisation_id == organisation_id)).all()).encode()
            ).hexdigest()
            for table in metadata.sorted_tables
            if "organisation_id" in table.c
        }


def test_nothing_of_another_organisation_is_seen_or_touched(two) -> None:
    """Every operation with the other's ids in path, query and body: no answer shows it, none of its rows changes."""
    api, services, own_id, other_id = two
    before = rows_of(services.db, other_id)
    faults, unbound, seen = [], {}, 0
    for operation in api.operations:
        with watching(services.db, own_id) as watch:
            for case in api.cases(operation, mode=GOOD, examples=2, always_near=True):
                answer = api.answer_of(case)
                told = f"{case.method} {case.formatted_path} {case.body!r:.300}: {answer.status_code}"
                if MARK in answer.text:
                    faults.append(f"{told} shows {answer.text[:300]}")
                if answer.is_success and any(name.endswith("_id") for name in case.path_parameters or {}):
                    faults.append(f"{told} was taken")
        unbound |= {told: operation.label for told in watch.told}
        seen += watch.seen
        now = rows_of(services.db, other_id)
        if now != before:
            faults.append(f"{operation.label} touched {[name for name in now if now[name] != before[name]]}")
            before = now
    assert not faults, "\n".join(faults)
    assert seen > 700
    free = {told: label for told, label in unbound.items() if not any(one in told for one in FREE)}
    assert not free, "\n".join(f"{label}: {told}" for told, label in free.items())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda own, other: select(member).where(member.c.id == 1), True),
        (lambda own, other: select(member.c.id), True),
        (lambda own, other: select(member.c.id).where(member.c.organisation_id == other), True),
        (lambda own, other: select(member.c.id).where(member.c.account_id.in_([1, 2])), True),
        (lambda own, other: update(member).where(member.c.first_name == "x").values(first_name="y"), True),
        (lambda own, other: text("SELECT 1 FROM member"), True),
        (lambda own, other: select(member).where(member.c.id == 1, member.c.organisation_id == own), False),
        (lambda own, other: select(member.c.id).where(member.c.account_id.in_([13, 14])), False),
        (lambda own, other: select(member.c.id).where(member.c.id == 999_999), False),
    ],
)
def test_the_watch_tells_what_is_not_bound(two, asked, told) -> None:
    """Ablation: a query without its organisation, with another's, or by another's key is seen; others pass."""
    _, services, own_id, other_id = two
    with watching(services.db, own_id) as watch, services.db.write() as conn:
        conn.execute(asked(own_id, other_id))
    assert bool(watch.told) is told


def test_no_row_points_into_another_organisation(two) -> None:
    """Every reference between tenants' tables stays within one organisation, after all of those calls too."""
    _, services, _, _ = two
    found = []
    with services.db.read() as conn:
        for table in metadata.sorted_tables:
            for key in table.foreign_key_constraints:
                other = key.referred_table
                if "organisation_id" not in table.c or "organisation_id" not in other.c:
                    continue
                on = " AND ".join(f"a.{one.parent.name} = b.{one.column.name}" for one in key.elements)
                astray = f"SELECT 1 FROM {table.name} a JOIN {other.name} b ON {on}"
                if conn.scalar(text(f"{astray} WHERE a.organisation_id <> b.organisation_id LIMIT 1")):
                    found.append(f"{table.name} -> {other.name}")
    assert found == []
