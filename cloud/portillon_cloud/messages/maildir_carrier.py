"""Puts letters into a Maildir folder (stdlib mailbox): for the demo, and for any local mail program to take up."""

import mailbox
from email.errors import MessageError
from pathlib import Path

from portillon_cloud.messages.carrier import Letter, as_email
from portillon_cloud.messages.errors import CarrierBusyError, LetterRefusedError


class MaildirCarrier:
    """One file per letter, written aside and moved into place, so that a reader never sees half a letter."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def carry(self, letter: Letter) -> None:
        """Put the letter into the folder. Raises CarrierBusyError, LetterRefusedError."""
        try:
            message = as_email(letter, self._sender)
        except (ValueError, MessageError) as error:
            raise LetterRefusedError(f"letter {letter.id} is no valid e-mail: {error}") from error
        try:
            mailbox.Maildir(self._folder, create=True).add(message)
        except (OSError, mailbox.Error) as error:
            raise CarrierBusyError(f"mail folder {self._folder} takes no letters: {error}") from error
