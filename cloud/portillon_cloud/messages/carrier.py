"""The port to whatever carries messages to people, and the letter it carries."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol


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


def as_email(letter: Letter, sender: str) -> EmailMessage:
    """The letter as an e-mail; ValueError if an address or the subject cannot stand in a header."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.written_at_ms / 1000, UTC))
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2].strip('>') or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(letter.body)  # clears every Content header set before
    message["Content-Language"] = letter.language
    return message
