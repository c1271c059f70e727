"""The cloud of a simulation: the real code on a real SQLite file, driven without a broker, killed and restored."""

import datetime
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud.gym import MONTHLY, Gym, Joined, open_gym
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block, rows_for_accounts
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.billing.operations import create_plan, create_price
from portillon_cloud.database import Database
from portillon_cloud.doors import operations as doors
from portillon_cloud.gateways import snapshot
from portillon_cloud.gateways.errors import SnapshotGoneError
from portillon_cloud.gateways.link import GatewayLink
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.tables import feed_state, gateway_status
from portillon_cloud.hours.operations import put_schedule
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.operations import add_credential
from portillon_cloud.members.organisations import site_keys
from portillon_cloud.secrets import Keyring
from portillon_cloud.visits.moving import move
from portillon_cloud.visits.operations import change, give
from portillon_cloud.visits.tables import visit_allowance, visit_home
from portillon_cloud.zones.operations import put_zone_rule
from portillon_edge.errors import SnapshotRefused
from portillon_rules.credential import Credential, SiteKey
from portillon_rules.door_plan import Standing
from portillon_rules.visits import Per
from portillon_rules.zone_rule import Strictness
from portillon_wire.rows import RowKind
from simulation import hours
from simulation.lanes import ENTRIES, LANES, ZONE
from sqlalchemy import func, select, update

LIMITED = {0: (4, None), 1: (2, Per.DAY), 2: (3, Per.WEEK)}
"""Members with a pack or quota: how many visits, and of which time."""
BY_HOURS = (6, 7)
"""Members whose plan has hours."""
PLANNED = ENTRIES[1]
"""The lane that stands free during the same hours."""
RESET_HOUR = 4
BASE_URL = "http://cloud.example"
DUE = """
SELECT min(due) FROM (
    SELECT min(max(lease_due_ms, lease_not_before_ms)) AS due FROM feed_state
    UNION ALL SELECT min(resend_due_ms) FROM feed_state
    UNION ALL SELECT 0 FROM feed_state WHERE sweep_after IS NOT NULL OR snapshot_wanted_from IS NOT NULL
    UNION ALL SELECT ifnull(retry_at_ms, 0) FROM feed_state WHERE EXISTS (SELECT 1 FROM access_outbox)
)
"""


@dataclass
class Clock:
    """Real time, as the schedule says."""

    now: Callable[[], int]

    def real_ms(self) -> int:
        return self.now()


class CloudSide:
    """One gym with some members and some gateways."""

    def __init__(
        self, folder: Path, template: Path, *, now_ms: Callable[[], int], members: int, gateways: list[str],
        lease_s: int,
    ) -> None:  # fmt: skip
        self._folder, self._lease_s = folder, lease_s
        self.path = folder / "cloud.db"
        shutil.copy(template, self.path)
        self.clock = Clock(now_ms)
        self.keyring = Keyring.generate()
        self._open()
        self.gym: Gym = open_gym(self.db, self.keyring, self.clock)
        self.members: list[Joined] = []
        self.cards: list[Credential] = []
        start = datetime.datetime.fromtimestamp(now_ms() / 1000, datetime.UTC).date() - datetime.timedelta(days=2)
        by_hours = self._sell_hours()
        for number in range(members):
            price_id = by_hours if number in BY_HOURS else None
            self.members.append(self.gym.join(f"Ana L{number}", starts_on=start, price_id=price_id))
            card = Credential.parse(f"em4100:{number + 1:010X}")
            with self.db.write() as conn:
                add_credential(
                    conn, self.keyring, organisation_id=self.gym.organisation_id,
                    member_id=self.members[-1].member_id, presented=card,
                )  # fmt: skip
            self.cards.append(card)
        for gateway_id in gateways:
            with self.db.write() as conn:
                enrol_gateway(
                    conn, organisation_id=self.gym.organisation_id, site_id=self.gym.site_id, gateway_id=gateway_id,
                    name=gateway_id, mode="test", now_ms=now_ms(),
                )  # fmt: skip

        self._set_rules(now_ms())

    def _sell_hours(self) -> int:
        gym, schedule = self.gym, hours.build_schedule()
        with self.db.write() as conn:
            put_schedule(
                conn, organisation_id=gym.organisation_id, site_id=gym.site_id, name=schedule.name,
                body=schedule.to_body(),
            )  # fmt: skip
            plan_id = create_plan(
                conn, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, code="hours",
                name="Heures", schedule=schedule.name,
            )  # fmt: skip
            return create_price(conn, plan_id=plan_id, amount_minor=50_00, interval=MONTHLY, term_months=12)

    def _set_rules(self, now_ms: int) -> None:
        """Nobody comes in twice; some members have so many visits, in all or a day; a lane has a plan."""
        gym = self.gym
        self.most: dict[str, int] = {}
        self.allowances: dict[int, str] = {}
        with self.db.write() as conn:
            put_zone_rule(
                conn, organisation_id=gym.organisation_id, site_id=gym.site_id, zone=ZONE,
                body={"passback": Strictness.HARD, "reset_hour": RESET_HOUR},
            )  # fmt: skip
            for number, (most, per) in LIMITED.items():
                allowance = give(
                    conn, organisation_id=gym.organisation_id, member_id=self.members[number].member_id, most=most,
                    per=per, from_ms=0, until_ms=None, by="desk", now_ms=now_ms,
                )  # fmt: skip
                self.most[str(allowance)], self.allowances[number] = most, str(allowance)
            its_doors = [{"name": lane, "kind": "turnstile_lane", "state": "idle"} for lane in LANES]
            conn.execute(update(gateway_status).values(reported={"doors": its_doors}))
            doors.plan(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, door=PLANNED, unlock=hours.NAME)

    def _open(self) -> None:
        self.db = Database(f"sqlite:///{self.path}")
        self.link = GatewayLink(self.db, self.keyring, self.clock, base_url=BASE_URL, lease_duration_s=self._lease_s)
        self._look = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, isolation_level=None)

    def close(self) -> None:
        """Die; what was committed is there."""
        self._look.close()
        self.db.close()

    def site_keys(self) -> list[SiteKey]:
        """The keys under which the gateways know cards."""
        with self.db.read() as conn:
            return site_keys(conn, self.keyring, self.gym.site_id)

    def handle(self, topic: str, payload: bytes) -> list[Outgoing]:
        """A message arrives."""
        return self.link.handle(topic, payload)

    def due_ms(self) -> int | None:
        """When a tick would do something, by this cloud's clock; None: not before something happens."""
        (due,) = self._look.execute(DUE).fetchone()
        return None if due is None else int(due)

    def tick(self) -> list[Outgoing]:
        """Number, send again, give leases."""
        return self.link.tick(self.clock.real_ms())

    def block(self, number: int) -> None:
        """Shut a member out."""
        with self.db.write() as conn:
            put_block(
                conn, organisation_id=self.gym.organisation_id, account_id=self.members[number].account_id,
                reason=BlockReason.BANNED, source="simulation", from_ms=0,
            )  # fmt: skip

    def unblock(self, number: int) -> None:
        """Let a member in again."""
        with self.db.write() as conn:
            end_block(
                conn, organisation_id=self.gym.organisation_id, account_id=self.members[number].account_id,
                reason=BlockReason.BANNED, source="simulation", at_ms=self.clock.real_ms(),
            )  # fmt: skip

    def order(self, door: str, standing: Standing | None, *, until_ms: int | None, number: int) -> str:
        """Staff gives order `number` for a door or all of them; returns how gateways name who gave it."""
        staff = Principal(
            kind=PrincipalKind.STAFF, id=number, organisation_id=self.gym.organisation_id, name=f"order {number}",
            role=Role.OWNER, language="en",
        )  # fmt: skip
        now_ms = self.clock.real_ms()
        with self.db.write() as conn:
            doors.order(
                conn, principal=staff, site_id=self.gym.site_id, door=door, standing=standing, until_ms=until_ms,
                now_ms=now_ms, real_ms=now_ms,
            )  # fmt: skip
        return staff.staff_id

    def move(self, number: int, to: str) -> None:
        """Have a member's visits counted at that gateway."""
        with self.db.write() as conn:
            move(
                conn, organisation_id=self.gym.organisation_id, member_id=self.members[number].member_id, to=to,
                now_ms=self.clock.real_ms(),
            )  # fmt: skip

    def sell(self, number: int, most: int) -> None:
        """Let a member's pack have so many visits in all."""
        name = self.allowances[number]
        self.most[name] = max(self.most[name], most)
        with self.db.write() as conn:
            change(
                conn, organisation_id=self.gym.organisation_id, member_id=self.members[number].member_id,
                allowance_id=int(name), most=self.most[name],
            )  # fmt: skip

    def home(self, allowance: str) -> tuple[str | None, int]:
        """Which gateway counts its visits, as this cloud has it, and in which turn."""
        whose = select(visit_allowance.c.member_id).where(visit_allowance.c.id == int(allowance)).scalar_subquery()
        with self.db.read() as conn:
            row = conn.execute(select(visit_home).where(visit_home.c.member_id == whose)).one()
        return row.gateway_id, row.turn

    def turns(self) -> int:
        """How many homes visits had, over all members."""
        with self.db.read() as conn:
            return int(conn.execute(select(func.sum(visit_home.c.turn))).scalar_one())

    def moving(self) -> list[int]:
        """Whose visits are on their way."""
        with self.db.read() as conn:
            return list(
                conn.execute(select(visit_home.c.member_id).where(visit_home.c.moving_to.is_not(None))).scalars()
            )

    def number_of(self, member: str | None) -> int:
        """Which member that is, as events name them."""
        return next(number for number, joined in enumerate(self.members) if str(joined.member_id) == member)

    def crash(self) -> None:
        """Die and come back; what was committed is there."""
        self.close()
        self._open()

    def backup(self) -> Path:
        """Copy the database as a backup tool would."""
        copy = self._folder / "backup.db"
        copy.unlink(missing_ok=True)
        with sqlite3.connect(self.path) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        source.close()
        target.close()
        return copy

    def restore(self, copy: Path) -> None:
        """Go back to a backup: what happened since is forgotten."""
        self.close()
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, self.path)
        self._open()

    def snapshot_body(self, url: str) -> bytes:
        """What a gateway would download. Raises SnapshotRefused, as the gateway reads the answer of an offer gone."""
        try:
            with self.db.read() as conn:
                stored = snapshot.find(conn, url.rsplit("/", 1)[-1], now_ms=self.clock.real_ms())
            return b"".join(snapshot.read(self.db, stored))
        except SnapshotGoneError as error:
            raise SnapshotRefused(str(error)) from error

    def position(self, gateway_id: str) -> tuple[int, int, str]:
        """(epoch, revision, root) issued to a gateway."""
        with self.db.read() as conn:
            row = conn.execute(select(feed_state).where(feed_state.c.gateway_id == gateway_id)).one()
        return row.epoch, row.revision, row.root

    def live_rows(self) -> dict[str, dict[str, object]]:
        """What the access rules say at this instant, by credential hash: the front desk's answer."""
        with self.db.read() as conn:
            rows = rows_for_accounts(
                conn, self.keyring, site_id=self.gym.site_id,
                account_ids=[joined.account_id for joined in self.members], now_ms=self.clock.real_ms(),
            )  # fmt: skip
        return {
            change.key: change.body or {}
            for changes in rows.values()
            for change in changes
            if change.kind is RowKind.ENTITLEMENT
        }

    def stored(self, gateway_id: str) -> dict[tuple[str, int], tuple[str, str]]:
        """Every event of a gateway: (journal, sequence) to (kind, member)."""
        event = journal_event.c
        with self.db.read() as conn:
            rows = conn.execute(
                select(event.journal_id, event.sequence, event.kind, event.member).where(event.gateway_id == gateway_id)
            ).all()
            count = conn.execute(
                select(func.count()).select_from(journal_event).where(event.gateway_id == gateway_id)
            ).scalar_one()
        found = {(row.journal_id, row.sequence): (row.kind, str(row.member)) for row in rows}
        assert len(found) == count, "an event is stored twice"
        return found
