"""What every pure decoder of a reader says instead of guessing."""

from dataclasses import dataclass

from portillon_drivers.events import ReaderFaultKind


@dataclass(frozen=True, slots=True)
class FrameFault:
    """Bytes that were refused, without quoting them."""

    kind: ReaderFaultKind
    detail: str
