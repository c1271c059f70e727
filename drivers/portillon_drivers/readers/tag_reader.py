"""What all serial readers of 125 kHz tags have in common: 9600 Bd, and EM4100 numbers."""

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.events import ClockNs, CredentialRead
from portillon_drivers.options import ReaderOptions, SerialOptions
from portillon_drivers.readers.card_decoder import CardDecoder
from portillon_drivers.readers.line_reader import READ_TIMEOUT_S, LineReader
from portillon_drivers.serial_port import SerialPort

BAUD = 9_600


class TagReaderOptions(ReaderOptions, SerialOptions):
    """A reader on a serial line of its own."""

    @property
    def port(self) -> str:
        """The serial device."""
        return str(self.path)

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """125 kHz tags."""
        return frozenset({CredentialKind.EM4100})


def tag_reader(options: TagReaderOptions, decoder: CardDecoder, clock_ns: ClockNs) -> LineReader:
    """Tells the tags that its decoder finds on its line."""
    line = SerialPort(options, baud=BAUD, read_timeout_s=READ_TIMEOUT_S)
    return LineReader(options.name, line=line, decoder=decoder, clock_ns=clock_ns, event=_tag)


def _tag(reader: str, digits: str, at_ns: int) -> CredentialRead:
    return CredentialRead(reader, Credential(CredentialKind.EM4100, digits), at_ns)
