"""The gym of a door story: its configuration file, and what the cloud has told its gateway so far."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tomli_w
from portillon_rules.card_number import parse_presented
from portillon_rules.credential import Credential, SiteKey, credential_hash
from portillon_rules.decision import Lookup, SiteRules
from portillon_rules.door_plan import DoorOrder, DoorPlan, Standing
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.policy import SITE, SitePolicy
from portillon_rules.schedule import Schedule
from portillon_rules.visits import Allowance, VisitRow
from portillon_rules.zone_rule import ZoneRule
from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry
from portillon_wire.rows import RowChange, RowKind, canonical_body
from stories.door_story import Act, Story

GATEWAY = "gw-story"
CONFIG_FILE = "gateway.toml"
KEY = SiteKey("k1", bytes(range(32)))
ZONE = "America/Toronto"
STRANGER = "stranger"
DAY_MS = 86_400_000
WIEGAND = frozenset({"osdp", "wiegand"})
"""Types of reader at which somebody holds the Wiegand card; elsewhere it is the 125 kHz tag."""


class DoorSite:
    """One story's gym; fills the attendant's Entitlements."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self._zone = ZoneInfo(story.policy.get("time_zone", ZONE))
        self.starts_ms = self.local_ms(story.starts)
        self.policy = SitePolicy.from_body({**SitePolicy(time_zone=ZONE).to_body(), **story.policy})
        self.schedules = {name: Schedule(name, windows) for name, windows in story.windows()}
        self.plans = {door: DoorPlan(door, plan.unlock, plan.first_person) for door, plan in story.plans.items()}
        self.rules = {door: DoorRule(door=door, **asked) for door, asked in story.asked.items()}
        self.orders: dict[str, DoorOrder] = {}
        self._types = {reader["name"]: reader["type"] for reader in story.devices["readers"]}
        zones = tuple(sorted({door["zone"] for door in story.devices["doors"]}))
        self.people = {
            row.credential: row
            for name, more in story.people.items()
            for wiegand in (False, True)
            for row in [self._entitlement(name, self._card(name, wiegand=wiegand), zones, more)]
        }
        self.zones = {zone: ZoneRule.from_body(zone, body) for zone, body in story.zones.items()}
        self._visits = {name: self._pack(name, left) for name, left in story.visits.items()}
        self._revision = 0
        self._edits: dict[str, dict[str, Any]] = {}

    def lookup(self, credential_hash: str) -> Lookup:
        """The row of a credential."""
        return self.people.get(credential_hash)

    def visits(self, member: str) -> VisitRow | None:
        """What limits a member's visits."""
        return self._visits.get(member)

    def site_rules(self) -> SiteRules:
        """What the site's feed says now."""
        return SiteRules(
            self.policy,
            self.schedules,
            plans=dict(self.plans),
            orders=dict(self.orders),
            zones=self.zones,
            doors=self.rules,
        )

    def card_at(self, reader: str, person: str) -> Credential:
        """What that person holds to that reader."""
        return self._card(person, wiegand=self._types[reader] in WIEGAND)

    def order(self, act: Act) -> RowChange:
        """An order of the desk comes (`order`), or is withdrawn; the row that the feed carries."""
        door = act.names["door"]
        if act.verb == "withdraw":
            del self.orders[door]
            return RowChange(kind=RowKind.DOOR_ORDER, key=door, body=None)
        self.orders[door] = DoorOrder(door, Standing(act.names["standing"]), act.names["by"])
        return RowChange(kind=RowKind.DOOR_ORDER, key=door, body=self.orders[door].to_body())

    def local_ms(self, local: datetime) -> int:
        """That time by the clock on the site's wall."""
        return int(local.replace(tzinfo=self._zone).timestamp() * 1_000)

    def edit(self, edits: Mapping[str, Mapping[str, Any]]) -> None:
        """Somebody changes keys of sections, by name; `write_config` writes them from then on."""
        for name, keys in edits.items():
            self._edits.setdefault(name, {}).update(keys)

    def first_rows(self) -> tuple[RowChange, ...]:
        """What the gateway knows when the story begins."""
        rows = [RowChange(kind=RowKind.POLICY, key=SITE, body=self.policy.to_body())]
        rows += [RowChange(kind=RowKind.SCHEDULE, key=name, body=s.to_body()) for name, s in self.schedules.items()]
        rows += [RowChange(kind=RowKind.DOOR_PLAN, key=door, body=p.to_body()) for door, p in self.plans.items()]
        rows += [RowChange(kind=RowKind.DOOR_RULE, key=door, body=r.to_body()) for door, r in self.rules.items()]
        rows += [RowChange(kind=RowKind.ENTITLEMENT, key=k, body=p.to_body()) for k, p in self.people.items()]
        rows += [RowChange(kind=RowKind.ZONE_RULE, key=zone, body=r.to_body()) for zone, r in self.zones.items()]
        rows += [RowChange(kind=RowKind.VISITS, key=name, body=row.to_body()) for name, row in self._visits.items()]
        return tuple(rows)

    def entry(self, changes: tuple[RowChange, ...]) -> FeedEntry:
        """The feed's next entry, with the digest of the table after it."""
        self._revision += 1
        orders = [RowChange(kind=RowKind.DOOR_ORDER, key=d, body=o.to_body()) for d, o in self.orders.items()]
        digest = Digest.empty()
        for row in (*self.first_rows(), *orders):
            digest.add(row.kind, row.key, canonical_body(row.body or {}))
        return FeedEntry(
            gateway=GATEWAY, epoch=0, revision=self._revision, changes=changes, root=digest.root(), issued_ms=0
        )

    def write_config(self, folder: Path, led_to: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
        """The gateway's file; `led_to`: by a device's name, the keys that lead its driver to a simulator."""
        key_file = folder / "site.key"
        key_file.touch(mode=0o600)
        key_file.write_text(KEY.secret.hex(), encoding="ascii")
        (folder / "data").mkdir(exist_ok=True)
        document: dict[str, Any] = {
            "gateway": {"id": GATEWAY, "mode": "test", "data_dir": "data", "spawn_guard": False},
            "site": {"keys": [{"key_id": KEY.key_id, "secret_file": "site.key"}]},
            "cloud": {
                "broker": "mqtt://127.0.0.1:1",
                "keys": [{"kid": "cloud-1", "public": secrets.token_hex(32), "usages": ["feed", "lease"]}],
            },
            **{
                key: [self._section(table, led_to or {}) for table in tables]
                for key, tables in self.story.devices.items()
            },
        }
        path = folder / CONFIG_FILE
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        return path

    def _section(self, table: Mapping[str, Any], led_to: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        name = table["name"]
        return _without_none({**table, **self._edits.get(name, {}), **led_to.get(name, {})})

    def _card(self, person: str, *, wiegand: bool) -> Credential:
        number = [*self.story.people, STRANGER].index(person) + 1
        return parse_presented(f"h10301:67-{number}" if wiegand else f"em4100:0F{number:08X}")

    def _pack(self, member: str, left: int) -> VisitRow:
        pack = Allowance(name="1", most=left, until_ms=self.starts_ms + 30 * DAY_MS)
        return VisitRow(member=member, home=GATEWAY, turn=1, since_ms=0, allowances=(pack,))

    def _entitlement(self, name: str, card: Credential, zones: tuple[str, ...], more: Mapping[str, Any]) -> Entitlement:
        return Entitlement(
            credential=credential_hash(card, KEY),
            member=name,
            **{  # type: ignore[arg-type]  # a story's own keys of the row
                "zones": zones,
                "schedule": ALWAYS,
                "valid_from_ms": 0,
                "valid_until_ms": self.starts_ms + 30 * DAY_MS,
                **more,
            },
        )


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}
