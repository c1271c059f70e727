"""What gateway and guard say to each other over a Unix stream socket: one JSON object a line, `{"is": kind, …}`.

Plain dataclasses and not pydantic models: both ends are this file, and the guard should start at once.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from portillon_edge.guard.errors import ProtocolError

LINE_BYTES_MAX = 4_096
DETAIL_CHARS_MAX = 500
HOLD_MS = 5_000
"""How long a hold lasts that is not asked for again (DESIGN §6: renewed by a live host at least every 5 s)."""


class Why(StrEnum):
    """Why an output was locked."""

    START = "start"
    """The guard started; before this the output's state was unknown."""
    ON_TIME_OVER = "on_time_over"
    NOT_RENEWED = "not_renewed"
    """A hold that the gateway did not ask for again in time."""
    ASKED = "asked"
    CLIENT_GONE = "client_gone"
    RECONNECTED = "reconnected"
    """The output had failed and works again; until now its state was unknown."""
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Release:
    """Put the output into its releasing state for so long, at most `max_on_ms` from when it began to release."""

    output: str
    on_ms: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the output in its releasing state until HOLD_MS after the last such request; `max_on_ms` does not bound it.

    Refused for an output whose section does not say `continuous = true`.
    """

    output: str


@dataclass(frozen=True, slots=True)
class Lock:
    """Put the output into its locked state now."""

    output: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Lock everything and end: the gateway wants a guard with another configuration, or none."""


@dataclass(frozen=True, slots=True)
class GuardUp:
    """The first message to a client: who answers, since when, and under which configuration of the outputs."""

    pid: int
    started_ns: int
    outputs_digest: str


@dataclass(frozen=True, slots=True)
class Released:
    """The releasing state was written."""

    output: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Locked:
    """The locked state was written; also told to each new client, once per healthy output."""

    output: str
    at_ns: int
    why: Why


@dataclass(frozen=True, slots=True)
class OutputFault:
    """The output cannot be driven and its state is unknown; the guard goes on trying and locks it first."""

    output: str
    detail: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A request was not carried out: nothing was released."""

    detail: str


@dataclass(frozen=True, slots=True)
class ClientRefused:
    """This client is not served: another one is connected."""

    detail: str


@dataclass(frozen=True, slots=True)
class GuardLost:
    """Told by the client's own side: no guard answers. The guard has locked everything, or its next start will."""

    detail: str
    at_ns: int


Request: TypeAlias = Release | Hold | Lock | Stop
Reply: TypeAlias = GuardUp | Released | Locked | OutputFault | RequestRefused | ClientRefused
GuardEvent: TypeAlias = GuardUp | Released | Locked | OutputFault | RequestRefused | GuardLost

REQUESTS: Mapping[str, type[Request]] = {"release": Release, "hold": Hold, "lock": Lock, "stop": Stop}
REPLIES: Mapping[str, type[Reply]] = {
    "guard_up": GuardUp,
    "released": Released,
    "locked": Locked,
    "output_fault": OutputFault,
    "request_refused": RequestRefused,
    "client_refused": ClientRefused,
}
_NAMES: Mapping[type, str] = {message: name for family in (REQUESTS, REPLIES) for name, message in family.items()}
M = TypeVar("M", Request, Reply)


def encode(message: Request | Reply) -> bytes:
    """One line, with its line feed."""
    body = {"is": _NAMES[type(message)], **asdict(message)}
    if "detail" in body:
        body["detail"] = body["detail"][:DETAIL_CHARS_MAX]
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Read one line from a client; raises ProtocolError."""
    message = _decode(line, REQUESTS)
    if isinstance(message, Release) and message.on_ms <= 0:
        raise ProtocolError(f"a release of {message.on_ms} ms is no release")
    return message


def decode_reply(line: bytes) -> Reply:
    """Read one line from a guard; raises ProtocolError."""
    return _decode(line, REPLIES)


class Lines:
    """Cuts a stream of bytes into lines, and refuses one that never ends."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now; raises ProtocolError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise ProtocolError(f"a line of more than {LINE_BYTES_MAX} bytes")
        return lines


def _decode(line: bytes, family: Mapping[str, type[M]]) -> M:
    try:
        body = json.loads(line)
    except ValueError as error:
        raise ProtocolError(f"a line that is no JSON: {error}") from error
    kind = body.pop("is", None) if isinstance(body, dict) else None
    message = family.get(kind) if isinstance(kind, str) else None
    if message is None:
        raise ProtocolError(f"a message of unknown kind {kind!r}")
    expected = {field.name: field.type for field in fields(message)}
    if body.keys() != expected.keys():
        raise ProtocolError(f"a message {kind!r} with the fields {sorted(body)} instead of {sorted(expected)}")
    for name, value in body.items():
        if type(value) is not (int if expected[name] is int else str):
            raise ProtocolError(f"a message {kind!r} whose {name} is {value!r}")
    try:
        values: dict[str, Any] = {name: Why(text) if expected[name] is Why else text for name, text in body.items()}
        return message(**values)
    except ValueError as error:
        raise ProtocolError(f"a message {kind!r}: {error}") from error
