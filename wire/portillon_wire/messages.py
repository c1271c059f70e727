"""Every message between gateway and cloud: frozen, versioned, unknown fields ignored so that old and new peers meet.

Instants are milliseconds since the Unix epoch (`_ms`), boot-clock readings nanoseconds (`_ns`).
"""

import json
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from portillon_rules.decision import TimeQuality
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from portillon_wire.digest import BUCKETS
from portillon_wire.errors import MessageError, UnknownVersionError
from portillon_wire.rows import RowChange, RowName

VERSION = 1
MAX_PAYLOAD_BYTES = 262_144
"""No message is larger; bulk goes over HTTP."""
REPAIR_BUCKETS_MAX = 64
"""With more of the 1,024 buckets in doubt a snapshot costs less: it is packed, and these rows are not."""

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Counter = Annotated[int, Field(ge=0, lt=2**63)]
Root = Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]


class Message(BaseModel):
    """A versioned payload; `v` is the wire's major version."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1] = 1


# From the cloud, signed --------------------------------------------------------------------------------------------


class SignedMessage(Message):
    """A message that travels as a JWS; its audience is `gateway`."""

    gateway: Name


class FeedEntry(SignedMessage):
    """The changes that make revision `revision` out of the one before it, and the root digest after them."""

    epoch: Counter
    revision: Counter
    changes: tuple[RowChange, ...] = Field(max_length=1000)
    root: Root
    issued_ms: Counter


class Lease(SignedMessage):
    """Permission to rely on `revision` for `duration_s` of boot-clock time, and what time it is.

    `counter` rises with every lease; `clock_rev` tells how often a test organisation's clock was turned,
    `rate` whether business time stands (0) or runs (1) until the next lease.
    """

    epoch: Counter
    revision: Counter
    root: Root
    issued_ms: Counter
    duration_s: Annotated[int, Field(ge=1, le=30 * 86_400)]
    counter: Counter
    business_ms: Counter
    clock_rev: Counter
    rate: Literal[0, 1]
    mode: Literal["live", "test"]


class SnapshotOffer(SignedMessage):
    """Where a whole table lies: zstd of NDJSON rows `{"kind","key","body"}`; `sha256` is of the bytes as served."""

    epoch: Counter
    revision: Counter
    root: Root
    url: Annotated[str, Field(min_length=1, max_length=500)]
    size: Counter
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rows: Counter
    issued_ms: Counter


# From the cloud, unsigned ------------------------------------------------------------------------------------------


class JournalAck(Message):
    """Every event up to `through` is committed in the cloud. `conflict`: a number came again with other content."""

    journal_id: Name
    through: Counter
    conflict: bool = False


# From the gateway --------------------------------------------------------------------------------------------------


class WantedRows(BaseModel):
    """A wish for the rows of some buckets as they are at a position, those that come after `after`.

    They come in the cloud's own order: by bucket, then by kind and key.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    epoch: Counter
    revision: Counter
    root: Root
    buckets: tuple[Annotated[int, Field(ge=0, lt=BUCKETS)], ...] = Field(max_length=REPAIR_BUCKETS_MAX)
    after: RowName | None = None


class SyncReport(Message):
    """Where the gateway stands, and what it asks for. Epoch 0, revision 0, root "" is an empty gateway."""

    epoch: Counter
    revision: Counter
    root: Root
    lease_counter: Counter
    clock_rev: Counter
    boot_id: Name
    want_from: Counter | None = None
    want_to: Counter | None = None
    want_snapshot: bool = False
    want_rows: WantedRows | None = None


class EventKind(StrEnum):
    """What happened at the gateway."""

    GRANTED = "granted"
    DENIED = "denied"
    PASSAGE = "passage"
    GRANT_NOT_USED = "grant_not_used"
    READER_FAULT = "reader_fault"
    OUTPUT_FAULT = "output_fault"
    INPUT_FAULT = "input_fault"
    REFUSED_MESSAGE = "refused_message"
    ALARM = "alarm"
    GATEWAY_STARTED = "gateway_started"
    DOOR_FORCED = "door_forced"
    DOOR_HELD = "door_held"
    DOOR_CLOSED = "door_closed"
    EXIT_REQUEST = "exit_request"
    DOOR_HELD_SOON = "door_held_soon"
    """The pre-alarm: close the door, or it will be DOOR_HELD."""
    DOOR_FREED = "door_freed"
    """From now on the door stands released; `reason` says why (schedule, order, toggle, fire)."""
    DOOR_SECURED = "door_secured"
    """The door is locked again, back on its plan or by an order; `reason` says why."""
    FIRST_PERSON = "first_person"
    """An unlock schedule that waited for somebody began with this person."""
    WRONG_WAY = "wrong_way"
    REBADGED = "rebadged"
    """The same person badged again before passing: still one grant."""
    PASSAGE_REFUSED = "passage_refused"
    """A card while another person is passing, ignored by policy."""
    LANE_FAULT = "lane_fault"
    LANE_RESTORED = "lane_restored"
    INTERLOCK_BROKEN = "interlock_broken"
    INTERLOCK_RESTORED = "interlock_restored"
    OBSTACLE = "obstacle"
    """Something stands under the barrier for longer than a passage takes."""
    OBSTACLE_GONE = "obstacle_gone"
    INPUT_RESTORED = "input_restored"
    OUTPUT_RESTORED = "output_restored"
    READER_RESTORED = "reader_restored"
    FIRE = "fire"
    FIRE_INPUT_RESTORED = "fire_input_restored"
    """The loop is quiet again; the doors stay free until somebody resets."""
    FIRE_RESET = "fire_reset"
    EMERGENCY_RELEASE = "emergency_release"
    EMERGENCY_RESTORED = "emergency_restored"
    LOCKDOWN_BEGAN = "lockdown_began"
    LOCKDOWN_ENDED = "lockdown_ended"
    TAMPER = "tamper"
    TAMPER_RESTORED = "tamper_restored"
    MAINS_LOST = "mains_lost"
    MAINS_RESTORED = "mains_restored"
    BATTERY_LOW = "battery_low"
    BATTERY_RESTORED = "battery_restored"
    ORDER_REFUSED = "order_refused"
    COMMAND_DONE = "command_done"
    CLOUD_LOST = "cloud_lost"
    CLOUD_RESTORED = "cloud_restored"
    ALARM_ACKNOWLEDGED = "alarm_acknowledged"


class Way(StrEnum):
    """In which direction somebody passes an access point."""

    ENTRY = "entry"
    EXIT = "exit"


class EventTime(BaseModel):
    """When it happened, so that the cloud can date it even if the gateway could not."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    boot_id: Name
    boot_ns: Counter
    real_ms: Counter | None
    business_ms: Counter | None
    quality: TimeQuality


class JournalEvent(BaseModel):
    """One row of the journal. `kind` and `reason` are plain text here: the cloud keeps what a newer gateway reports."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sequence: Annotated[int, Field(ge=1, lt=2**63)]
    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    at: EventTime
    door: Name | None = None
    reader: Name | None = None
    credential: Annotated[str, Field(max_length=100)] | None = None
    member: Annotated[str, Field(max_length=64)] | None = None
    reason: Annotated[str, Field(max_length=64)] | None = None
    flags: tuple[Annotated[str, Field(max_length=32)], ...] = Field(default=(), max_length=16)
    detail: Annotated[str, Field(max_length=500)] | None = None
    way: Way | None = None
    by: Annotated[str, Field(max_length=64)] | None = None
    """Who did it, where a person gave an order: a staff id, or the name of an input."""
    zone: Name | None = None
    """Of a passage: the zone that one enters by this door, and leaves by it the other way."""


class JournalBatch(Message):
    """Events of one journal, ascending by sequence. What is below `oldest` is not kept any more and will never come.

    `before`: the event before the first one, nothing new: it shows a journal whose numbers another machine used too.
    """

    journal_id: Name
    oldest: Annotated[int, Field(ge=1, lt=2**63)] = 1
    events: tuple[JournalEvent, ...] = Field(min_length=1, max_length=500)
    before: JournalEvent | None = None


class Status(Message):
    """Birth and last will. `connection` counts connects within one boot, so that an old will cannot end a new birth."""

    online: bool
    boot_id: Name
    connection: Counter
    software: Annotated[str, Field(max_length=64)]


class DeviceHealth(BaseModel):
    """One device as it is now. `remarks`: what is so by design and should be known (`copyable:em4100`, `uid_only`)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name
    kind: Annotated[str, Field(max_length=32)]
    state: Literal["up", "down", "fault"]
    detail: Annotated[str, Field(max_length=200)] = ""
    remarks: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=16)


class DoorHealth(BaseModel):
    """One door as it is now; `state` is the machine's own word."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name
    kind: Annotated[str, Field(max_length=32)]
    state: Annotated[str, Field(max_length=32)]
    standing: Annotated[str, Field(max_length=32)] = "plan"
    """plan, free, blocked, lockdown or fire."""
    open: bool | None = None
    """None: it has no contact, or nobody knows."""
    troubles: tuple[Annotated[str, Field(max_length=32)], ...] = Field(default=(), max_length=16)
    """Kinds of events whose end has not been told yet: door_forced, door_held, lane_fault …"""


class Reported(Message):
    """What really runs, and how it is."""

    boot_id: Name
    devices: tuple[DeviceHealth, ...] = Field(max_length=256)
    doors: tuple[DoorHealth, ...] = Field(max_length=128)
    journal_pending: Counter
    journal_writable: bool
    rules_version: Annotated[str, Field(max_length=32)]
    software: Annotated[str, Field(max_length=64)]
    at_ms: Counter | None
    occupancy: dict[Name, Counter] = Field(default_factory=dict, max_length=128)
    """How many people are in each zone of which the site has rules, as this gateway knows it."""


M = TypeVar("M", bound=Message)


def encode(message: Message) -> bytes:
    """The payload bytes of a message."""
    return message.model_dump_json().encode()


def decode(cls: type[M], payload: bytes) -> M:
    """Read a payload; raises MessageError only (UnknownVersionError for another major version)."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MessageError(f"{cls.__name__}: {len(payload)} bytes; no message has more than {MAX_PAYLOAD_BYTES}")
    try:
        return cls.model_validate_json(payload)
    except ValidationError as error:
        version = _version(payload)
        if version is not None and version != VERSION:
            raise UnknownVersionError(
                f"{cls.__name__} has version {version}, this side speaks {VERSION}: update the older side"
            ) from None
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "payload"
        raise MessageError(f"{cls.__name__}: {where}: {first['msg']}") from None


def _version(payload: bytes) -> object:
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return content.get("v") if isinstance(content, dict) else None
