"""One suite over every carrier: a real SMTP conversation on loopback, and a Maildir folder."""

import email
import mailbox
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

import pytest
from portillon_cloud.messages.carrier import Carrier, Letter
from portillon_cloud.messages.errors import CarrierBusyError, LetterRefusedError
from portillon_cloud.messages.maildir_carrier import MaildirCarrier
from portillon_cloud.messages.smtp_carrier import SmtpCarrier

LETTER = Letter(
    id="message-1-7",
    recipient="zoe@example.org",
    subject="Rappel : 45,99\xa0$ restent à payer",
    body="Bonjour Zoé,\n\n.une ligne qui commence par un point\n",
    language="fr",
    written_at_ms=1_772_449_200_000,
)
SENDER = "Gym Mile End <desk@gym.example>"


@dataclass
class MailServer:
    """Just enough of RFC 5321 to take letters, or to answer RCPT with `refuse`."""

    refuse: str = ""
    letters: list[EmailMessage] = field(default_factory=list)
    port: int = 0


class Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        mail: MailServer = self.server.mail  # type: ignore[attr-defined]
        self._say("220 ready")
        for raw in self.rfile:
            word = raw.decode().split(":")[0].strip().upper()
            if word.startswith(("EHLO", "HELO", "MAIL FROM", "RSET")):
                self._say("250 ok")
            elif word == "RCPT TO":
                self._say(mail.refuse or "250 ok")
            elif word == "DATA":
                self._say("354 go on")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line[1:] if line.startswith(b".") else line)
                mail.letters.append(cast(EmailMessage, email.message_from_bytes(b"".join(lines), policy=default)))
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("502 what?")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def server() -> Iterator[MailServer]:
    mail = MailServer()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as listening:
        listening.mail = mail  # type: ignore[attr-defined]
        listening.daemon_threads = True
        mail.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield mail
        listening.shutdown()
        thread.join()


@dataclass
class Post:
    """A carrier and what has arrived through it."""

    carrier: Carrier
    arrived: Callable[[], list[EmailMessage]]


@pytest.fixture(params=["smtp", "maildir"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Post:
    if request.param == "smtp":
        mail: MailServer = request.getfixturevalue("server")
        carrier = SmtpCarrier(host="127.0.0.1", port=mail.port, sender=SENDER, start_tls=False)
        return Post(carrier, lambda: mail.letters)
    folder = tmp_path / "post"
    return Post(
        MaildirCarrier(folder, sender=SENDER),
        lambda: [
            cast(EmailMessage, email.message_from_bytes(one.as_bytes(), policy=default))
            for one in mailbox.Maildir(folder)
        ],
    )


def test_a_letter_arrives_whole(post: Post) -> None:
    """Accents, no-break spaces and leading dots survive; the Message-ID is stable and the date is the letter's own."""
    post.carrier.carry(LETTER)
    [arrived] = post.arrived()
    assert arrived["To"] == "zoe@example.org"
    assert arrived["Subject"] == LETTER.subject
    assert arrived.get_content().replace("\r\n", "\n") == LETTER.body
    assert arrived["Message-ID"] == "<message-1-7@gym.example>"
    assert arrived["Date"] == "Mon, 02 Mar 2026 11:00:00 +0000"
    assert arrived["Content-Language"] == "fr"


@pytest.mark.parametrize("bad", [{"recipient": "zoe@example.org\nBcc: all@example.org"}, {"subject": "a\nb"}])
def test_a_letter_that_cannot_be_written_is_refused(post: Post, bad: dict[str, str]) -> None:
    """No header can be smuggled in; such a letter is never tried again."""
    with pytest.raises(LetterRefusedError):
        post.carrier.carry(replace(LETTER, **bad))
    assert post.arrived() == []


def test_permanent_and_passing_refusals(server: MailServer) -> None:
    """5yz is for ever, 4yz is for now (RFC 5321 §4.2.1)."""
    carrier = SmtpCarrier(host="127.0.0.1", port=server.port, sender=SENDER, start_tls=False)
    server.refuse = "550 no such box"
    with pytest.raises(LetterRefusedError, match="550 no such box"):
        carrier.carry(LETTER)
    server.refuse = "451 greylisted"
    with pytest.raises(CarrierBusyError, match="451 greylisted"):
        carrier.carry(LETTER)
    server.refuse = ""
    carrier.carry(LETTER)
    assert len(server.letters) == 1


def test_nobody_listens(tmp_path: Path) -> None:
    """A server that is away, or a folder that cannot be, is trouble for now."""
    with pytest.raises(CarrierBusyError, match=r"127\.0\.0\.1:1"):
        SmtpCarrier(host="127.0.0.1", port=1, sender=SENDER).carry(LETTER)
    (tmp_path / "file").write_text("")
    with pytest.raises(CarrierBusyError, match="file"):
        MaildirCarrier(tmp_path / "file" / "post", sender=SENDER).carry(LETTER)


def test_no_password_over_a_clear_line(server: MailServer) -> None:
    """A server without TLS is refused unless the configuration says so."""
    with pytest.raises(CarrierBusyError):
        SmtpCarrier(host="127.0.0.1", port=server.port, sender=SENDER).carry(LETTER)
    assert server.letters == []
