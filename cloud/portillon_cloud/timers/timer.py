"""A timer as its handler sees it."""

from collections.abc import Callable
from dataclasses import dataclass

from portillon_cloud.clock import Clock
from portillon_cloud.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTimer:
    """A timer to schedule: `key` names its purpose within the organisation, and one purpose is scheduled once."""

    organisation_id: int
    kind: str
    subject_id: int
    due_at_ms: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A claimed timer. `worker` and `attempt` are its fence: only this claim can finish it."""

    id: int
    organisation_id: int
    kind: str
    subject_id: int
    key: str
    due_at_ms: int
    worker: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a handler gets beside its timer: no transaction is open; it opens its own on `db`."""

    db: Database
    clock: Clock  # machine time, for leases
    now_ms: int  # business time of the timer's organisation


# A handler may call finish(conn, timer) in the transaction of its effect, and return True if it surely did; else the
# worker looks, and does it. It must bear being run again: a crash between effect and finish repeats it.
Handler = Callable[[Work, Timer], bool | None]
