"""Carries letters by SMTP (stdlib smtplib)."""

import smtplib
import ssl
from email.errors import MessageError

from portillon_cloud.messages.carrier import Letter, as_email
from portillon_cloud.messages.errors import CarrierBusyError, LetterRefusedError

TIMEOUT_S = 20.0


class SmtpCarrier:
    """One connection per letter: simple, and slow servers cost nobody else anything."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        user: str | None = None,
        password: str | None = None,
        start_tls: bool = True,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._login = (user, password) if user is not None and password is not None else None
        self._start_tls = start_tls

    def carry(self, letter: Letter) -> None:
        """Hand the letter to the mail server. Raises CarrierBusyError, LetterRefusedError."""
        try:
            message = as_email(letter, self._sender)
        except (ValueError, MessageError) as error:
            raise LetterRefusedError(f"letter {letter.id} is no valid e-mail: {error}") from error
        try:
            with smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S) as server:
                if self._start_tls:
                    server.starttls(context=ssl.create_default_context())
                if self._login:
                    server.login(*self._login)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refusal(letter, code, said) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(letter, error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise CarrierBusyError(f"mail server {self._host}:{self._port} does not take letters: {error}") from error


def _refusal(letter: Letter, code: int, said: bytes | str) -> CarrierBusyError | LetterRefusedError:
    """RFC 5321 §4.2.1: 4yz may be tried again, 5yz may not."""
    words = said.decode(errors="replace") if isinstance(said, bytes) else said
    text = f"letter {letter.id}: the mail server says {code} {words}"
    return LetterRefusedError(text) if code >= 500 else CarrierBusyError(text)
