"""A gym with members and one gateway at the other end of the line, no broker between."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.database import Database
from portillon_cloud.gateways import snapshot
from portillon_cloud.gateways.link import GatewayLink
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.tables import feed_state, gateway_status
from portillon_cloud.members.operations import (
    add_account,
    add_credential,
    add_member,
    create_legal_entity,
    create_organisation,
    create_site,
)
from portillon_cloud.secrets import Keyring
from portillon_rules.credential import Credential
from sqlalchemy import select

BASE_URL = "http://127.0.0.1:8000"


@dataclass
class Gym:
    """What a test does to the world."""

    db: Database
    keyring: Keyring
    clock: Any
    link: GatewayLink
    organisation_id: int
    entity_id: int
    site_id: int
    accounts: list[int] = field(default_factory=list)
    members: list[int] = field(default_factory=list)

    def add_members(self, count: int) -> None:
        """Accounts with one member and one card each."""
        with self.db.write() as conn:
            for _ in range(count):
                number = len(self.accounts) + 1
                account_id = add_account(
                    conn,
                    organisation_id=self.organisation_id,
                    legal_entity_id=self.entity_id,
                    name=f"A{number}",
                    language="fr",
                )
                member_id = add_member(
                    conn,
                    organisation_id=self.organisation_id,
                    account_id=account_id,
                    site_id=self.site_id,
                    first_name="Ana",
                    last_name=f"L{number}",
                    joined_on=datetime.date(2026, 1, 1),
                )
                add_credential(
                    conn,
                    self.keyring,
                    organisation_id=self.organisation_id,
                    member_id=member_id,
                    presented=Credential.parse(f"em4100:{number:010X}"),
                )
                self.accounts.append(account_id)
                self.members.append(member_id)

    def block(self, account_id: int) -> None:
        """Something about this account changes, and so its row."""
        with self.db.write() as conn:
            put_block(
                conn,
                organisation_id=self.organisation_id,
                account_id=account_id,
                reason=BlockReason.BANNED,
                source="test",
                from_ms=self.clock.real_ms(),
            )

    def unblock(self, account_id: int) -> None:
        with self.db.write() as conn:
            end_block(
                conn,
                organisation_id=self.organisation_id,
                account_id=account_id,
                reason=BlockReason.BANNED,
                source="test",
                at_ms=self.clock.real_ms(),
            )

    def enrol(self, gateway_id: str = "front", mode: str = "live") -> PretendGateway:
        with self.db.write() as conn:
            enrol_gateway(
                conn,
                organisation_id=self.organisation_id,
                site_id=self.site_id,
                gateway_id=gateway_id,
                name=gateway_id.title(),
                mode=mode,
                now_ms=self.clock.real_ms(),
            )
        return PretendGateway(gateway_id, (self.keyring.feed_key, self.keyring.command_key), self.fetch)

    def fetch(self, url: str) -> bytes:
        prefix = BASE_URL + snapshot.PATH
        assert url.startswith(prefix)
        with self.db.read() as conn:
            found = snapshot.find(conn, url.removeprefix(prefix), now_ms=self.clock.real_ms())
        return b"".join(snapshot.read(self.db, found))

    def talk(self, said: Iterable[tuple[str, bytes]], *gateways: PretendGateway) -> None:
        """Hand over what was said, and tick, until nobody has anything more to say."""
        pending, quiet = list(said), 0
        for _ in range(500):
            messages = [answer for topic, payload in pending for answer in self.link.handle(topic, payload)]
            messages += self.link.tick()
            pending = [one for gateway in gateways for one in gateway.receive(messages)]
            quiet = 0 if pending or messages else quiet + 1
            if quiet == 5:
                return
        raise AssertionError("they never stop talking")

    def hand_over(self, said: Iterable[tuple[str, bytes]]) -> list[Outgoing]:
        """What the cloud answers at once."""
        return [answer for topic, payload in said for answer in self.link.handle(topic, payload)]

    def state(self, gateway_id: str = "front") -> Any:
        with self.db.read() as conn:
            return conn.execute(select(feed_state).where(feed_state.c.gateway_id == gateway_id)).one()

    def status(self, gateway_id: str = "front") -> Any:
        with self.db.read() as conn:
            return conn.execute(select(gateway_status).where(gateway_status.c.gateway_id == gateway_id)).one()


def build_gym(db: Database, clock: Any, *, mode: str = "live") -> Gym:
    """An organisation with one site, nobody in it, and a link to its gateways."""
    keyring = Keyring.generate()
    with db.write() as conn:
        organisation_id = create_organisation(
            conn,
            mode=mode,
            name="Gym",
            country="CA",
            province="QC",
            language="fr",
            time_zone="America/Toronto",
            real_ms=clock.real_ms(),
        )
        entity_id = create_legal_entity(
            conn, organisation_id=organisation_id, name="Gym Inc.", currency="CAD", tax_regime="ca-qc"
        )
        site_id = create_site(
            conn,
            keyring,
            organisation_id=organisation_id,
            legal_entity_id=entity_id,
            name="Plateau",
            time_zone="America/Toronto",
            language="fr",
        )
    link = GatewayLink(db, keyring, clock, base_url=BASE_URL)
    return Gym(db, keyring, clock, link, organisation_id, entity_id, site_id)


@pytest.fixture
def make_gym(db: Database, clock: Any) -> Callable[..., Gym]:
    return lambda mode="live": build_gym(db, clock, mode=mode)


@pytest.fixture
def gym(make_gym: Callable[..., Gym]) -> Gym:
    """A live gym without a gateway."""
    return make_gym()


@pytest.fixture
def front(gym: Gym) -> PretendGateway:
    """Three members, and a gateway that has all there is and a lease."""
    gym.add_members(3)
    gateway = gym.enrol()
    gym.talk(gateway.birth(), gateway)
    return gateway
