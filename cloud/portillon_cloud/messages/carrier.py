"""The port to whatever carries messages to people, and the letter it carries."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message ready to go. `id` is stable: a letter carried twice can be recognised."""

    id: str
    recipient: str
    subject: str
    body: str
    language: str
    written_at_ms: int


class Carrier(Protocol):
    """Carries letters. Called with no transaction open."""

    def carry(self, letter: Letter) -> None:
        """Hand the letter over. Raises CarrierBusyError (try again), LetterRefusedError (never)."""


class _Headers(HeaderRegistry):
    """Each header's class, made once: of its own the library makes one for every header of every letter."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, type[Any]] = {}

    def __getitem__(self, name: str) -> type[Any]:
        if name not in self._made:  # few: the names below
            self._made[name] = super().__getitem__(name)
        return self._made[name]


_POLICY = EmailPolicy(header_factory=_Headers())


@lru_cache(maxsize=16)
def _said_by_all(name: str, value: str) -> Any:
    """A header that every letter of this installation carries, read once; ValueError if it cannot stand there."""
    return _POLICY.header_store_parse(name, value)[1]


def as_email(letter: Letter, sender: str) -> EmailMessage:
    """The letter as an e-mail; ValueError if an address or the subject cannot stand in a header."""
    message = EmailMessage(_POLICY)
    message["From"] = _said_by_all("From", sender)
    message["To"] = letter.recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.written_at_ms / 1000, UTC))
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2].strip('>') or 'localhost'}>"
    message["Auto-Submitted"] = _said_by_all("Auto-Submitted", "auto-generated")  # RFC 3834: no out-of-office answers
    message.set_content(letter.body)  # clears every Content header set before
    message["Content-Language"] = _said_by_all("Content-Language", letter.language)
    return message
