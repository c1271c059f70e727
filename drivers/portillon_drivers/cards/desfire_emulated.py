"""A MIFARE DESFire EV1 or EV2 in a simulated field: applications with AES keys, enciphered files, both authentications.

Not modelled: DES and 3DES (so nobody can authenticate with the factory's PICC master key), deleting, formatting, value
and record files, MACed files, random ID, EV2NonFirst, GetVersion inside a session, ISO file access.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portillon_drivers.cards.apdu import MORE, OK, Native
from portillon_drivers.cards.desfire_layout import AES_KEYS
from portillon_drivers.cards.emulated import Technology
from portillon_drivers.cards.emulated_apdu import Apdu, StoredFile, StoredKey, granted, part_of
from portillon_drivers.cards.emulated_session import CardSession, Challenge, Refused
from portillon_drivers.cards.file_settings import FREE, FileSettings, SettingsError
from portillon_drivers.cards.session import SYSTEM_RANDOM, CommMode, Random

ANSWER_FRAME_BYTES_MAX = 59
COMMAND_FRAME_BYTES_MAX = {1: 55, 2: 255}
"""By generation."""
FILE_BYTES_MAX = 8_192
APPLICATIONS_MAX = 28
_PICC = bytes(3)
_FREE_CREATION = 0x04
_KEY_COUNT_MAX = 14
_VERSIONS: Mapping[int, tuple[bytes, bytes]] = {
    1: (bytes.fromhex("04010101001805"), bytes.fromhex("04010101041805")),
    2: (bytes.fromhex("04010112001805"), bytes.fromhex("04010102011805")),
}
_PRODUCTION = bytes.fromhex("BA54529AC02116")
_HEADER_BYTES = 7


@dataclass(slots=True)
class StoredApplication:
    """An application with AES keys."""

    settings: int
    keys: list[StoredKey]
    files: dict[int, StoredFile] = field(default_factory=dict)


class DesfireEmulated:
    """Fills the EmulatedCard port; empty as from the factory. `generation` is 1 or 2."""

    technology: Technology = "nfca"
    sak = 0x20
    atqa = bytes.fromhex("4403")
    ats: bytes | None = bytes.fromhex("067577810280")

    def __init__(self, uid: bytes, *, generation: int = 2, random: Random = SYSTEM_RANDOM) -> None:
        self.uid = uid
        self.generation = generation
        self.applications: dict[bytes, StoredApplication] = {}
        self._random = random
        self.select()

    def select(self) -> None:
        """The field came on: whatever was authenticated or chosen is forgotten."""
        self._aid = _PICC
        self._session: CardSession | None = None
        self._forget_chain()

    def raw(self, command: bytes) -> bytes | None:
        """Silent below ISO 14443-4."""
        return None

    def apdu(self, command: bytes) -> bytes:
        """The answer to any bytes."""
        try:
            apdu = Apdu.parse(command)
            if apdu.cla == 0x00:
                raise Refused(0x6A82)
            if apdu.cla != 0x90 or apdu.parameters:
                raise Refused(0x6E00 if apdu.cla != 0x90 else 0x6A86)
            if len(apdu.data) > COMMAND_FRAME_BYTES_MAX[self.generation]:
                raise Refused(0x917E)
            data, status = self._native(apdu.ins, apdu.data)
            return data + status.to_bytes(2)
        except Refused as refused:
            self._session = None
            self._forget_chain()
            return refused.status.to_bytes(2)

    def _forget_chain(self) -> None:
        self._challenge: Challenge | None = None
        self._frames: list[bytes] = []
        self._write = b""
        self._write_bytes = 0

    def _native(self, command: int, data: bytes) -> tuple[bytes, int]:
        if command == Native.ADDITIONAL_FRAME:
            return self._more(data)
        if self._challenge or self._frames or self._write:
            raise Refused(0x91CA)
        match command:
            case Native.GET_VERSION if self._session is None:
                hardware, software = _VERSIONS[self.generation]
                self._frames = [software, self.uid + _PRODUCTION]
                return hardware, MORE
            case Native.AUTHENTICATE_AES:
                return self._authenticate(command, data[:1] if len(data) == 1 else b"")
            case Native.AUTHENTICATE_EV2_FIRST if self.generation > 1:
                capabilities = data[2:]
                return self._authenticate(command, data[:1] if data[1:2] == bytes([len(capabilities)]) else b"")
            case Native.WRITE_DATA:
                return self._begin_write(data)
        handlers: Mapping[int, Callable[[bytes], bytes]] = {
            Native.SELECT_APPLICATION: self._select_application,
            Native.CREATE_APPLICATION: self._create_application,
            Native.GET_APPLICATION_IDS: self._application_ids,
            Native.GET_KEY_VERSION: self._key_version,
            Native.CHANGE_KEY: self._change_key,
            Native.CREATE_STD_DATA_FILE: self._create_file,
            Native.READ_DATA: self._read_data,
        }
        if command not in handlers:
            raise Refused(0x911C)
        return self._framed(handlers[command](data))

    def _framed(self, answer: bytes) -> tuple[bytes, int]:
        cuts = range(0, len(answer), ANSWER_FRAME_BYTES_MAX)
        first, *self._frames = [answer[at : at + ANSWER_FRAME_BYTES_MAX] for at in cuts] or [b""]
        return first, MORE if self._frames else OK

    def _more(self, data: bytes) -> tuple[bytes, int]:
        if self._challenge is not None:
            challenge, self._challenge = self._challenge, None
            answer, self._session = challenge.met(data, self._random)
            return answer, OK
        if self._write:
            return self._go_on_writing(data)
        if not self._frames:
            raise Refused(0x911C)
        frame = self._frames.pop(0)
        return frame, MORE if self._frames else OK

    def _authenticate(self, command: int, number: bytes) -> tuple[bytes, int]:
        self._session = None
        if not number:
            raise Refused(0x917E)
        if self._aid == _PICC:
            raise Refused(0x91AE)  # the PICC master key is no AES key
        self._challenge = Challenge(command, number[0], self._key(number[0]).value, self._random(16))
        return self._challenge.sent, MORE

    @property
    def _application(self) -> StoredApplication:
        if self._aid == _PICC:
            raise Refused(0x919D)
        return self.applications[self._aid]

    def _key(self, number: int) -> StoredKey:
        keys = self._application.keys
        if number >= len(keys):
            raise Refused(0x9140)
        return keys[number]

    def _plain(self, command: int, data: bytes) -> bytes:
        """The data of a command that changes nothing secret, freed of the MAC that EV2 gives it in a session."""
        if self._session is None:
            return data
        mac_bytes = self._session.travelling(CommMode.MAC, 0)
        body, mac = data[: len(data) - mac_bytes], data[len(data) - mac_bytes :]
        self._session.opened(command, body, mac, mode=CommMode.MAC, data_bytes=0)
        return body

    def _answer(self, data: bytes, mode: CommMode = CommMode.MAC) -> bytes:
        return data if self._session is None else self._session.answer(data, mode=mode)

    def _select_application(self, data: bytes) -> bytes:
        if len(data) != 3:
            raise Refused(0x917E)
        if data != _PICC and data not in self.applications:
            raise Refused(0x91A0)
        self.select()
        self._aid = data
        return b""

    def _create_application(self, data: bytes) -> bytes:
        if self._aid != _PICC:
            raise Refused(0x919D)
        if len(data) != 5:
            raise Refused(0x917E)
        aid, settings, keys = data[:3], data[3], data[4]
        if keys & 0xF0 != AES_KEYS or not 1 <= keys & 0x0F <= _KEY_COUNT_MAX:
            raise Refused(0x919E)
        if aid == _PICC or aid in self.applications:
            raise Refused(0x91DE)
        if len(self.applications) == APPLICATIONS_MAX:
            raise Refused(0x91CE)
        self.applications[aid] = StoredApplication(settings, [StoredKey() for _ in range(keys & 0x0F)])
        return b""

    def _application_ids(self, data: bytes) -> bytes:
        self._plain(Native.GET_APPLICATION_IDS, data)
        return self._answer(b"".join(self.applications))

    def _key_version(self, data: bytes) -> bytes:
        plain = self._plain(Native.GET_KEY_VERSION, data)
        if len(plain) != 1:
            raise Refused(0x917E)
        return self._answer(bytes([self._key(plain[0]).version]))

    def _change_key(self, data: bytes) -> bytes:
        session = self._session
        if session is None or session.key_number != 0:
            raise Refused(0x91AE)
        if not data:
            raise Refused(0x917E)
        stored = self._key(data[0])
        stored.value, stored.version = session.new_key(data[0], data[1:], stored.value)
        if data[0] == session.key_number:
            self._session = None
            return b""
        return session.answer(b"", mode=CommMode.MAC)

    def _create_file(self, data: bytes) -> bytes:
        application = self._application
        if not application.settings & _FREE_CREATION and (self._session is None or self._session.key_number):
            raise Refused(0x91AE)
        plain = self._plain(Native.CREATE_STD_DATA_FILE, data)
        if len(plain) != 7:
            raise Refused(0x917E)
        number, size = plain[0], int.from_bytes(plain[4:], "little")
        try:
            settings = FileSettings.decode(plain[1:4])
        except SettingsError:
            raise Refused(0x919E) from None
        if number > 31 or not size or settings.sdm is not None:
            raise Refused(0x919E)
        if number in application.files:
            raise Refused(0x91DE)
        if size > FILE_BYTES_MAX:
            raise Refused(0x910E)
        application.files[number] = StoredFile(settings, bytearray(size))
        return self._answer(b"")

    def _file(self, header: bytes) -> StoredFile:
        if len(header) < _HEADER_BYTES:
            raise Refused(0x917E)
        files = self._application.files
        if header[0] not in files:
            raise Refused(0x91F0)
        return files[header[0]]

    def _read_data(self, data: bytes) -> bytes:
        file = self._file(data)
        mode = self._mode(file, file.settings.read)
        header = data[:_HEADER_BYTES]
        if self._session is None and len(data) != _HEADER_BYTES:
            raise Refused(0x917E)
        if self._session is not None:
            asking = CommMode.PLAIN if mode is CommMode.PLAIN else CommMode.MAC
            self._session.opened(Native.READ_DATA, header, data[_HEADER_BYTES:], mode=asking, data_bytes=0)
        return self._answer(bytes(file.data[file.part(*part_of(header))]), mode)

    def _begin_write(self, data: bytes) -> tuple[bytes, int]:
        file = self._file(data)
        mode = self._mode(file, file.settings.write)
        offset, length = part_of(data)
        if not length:
            raise Refused(0x917E)
        file.part(offset, length)
        on_the_way = length if self._session is None else self._session.travelling(mode, length)
        self._write_bytes = _HEADER_BYTES + on_the_way
        return self._go_on_writing(data)

    def _go_on_writing(self, data: bytes) -> tuple[bytes, int]:
        self._write += data
        if len(self._write) < self._write_bytes and data:
            return b"", MORE
        whole, length = self._write, self._write_bytes
        self._forget_chain()
        if len(whole) != length:
            raise Refused(0x917E)
        header, body = whole[:_HEADER_BYTES], whole[_HEADER_BYTES:]
        file = self._file(header)
        mode = self._mode(file, file.settings.write)
        part = file.part(*part_of(header))
        size = part.stop - part.start
        if self._session is not None:
            body = self._session.opened(Native.WRITE_DATA, header, body, mode=mode, data_bytes=size)
        file.data[part] = body
        return self._answer(b"", CommMode.PLAIN if mode is CommMode.PLAIN else CommMode.MAC), OK

    def _mode(self, file: StoredFile, right: int) -> CommMode:
        """How the file's data travel; raises Refused for a reader without the right."""
        rights = (right, file.settings.read_write)
        number = None if self._session is None else self._session.key_number
        if not granted(rights, number):
            raise Refused(0x919D if FREE not in rights and number is not None else 0x91AE)
        return file.settings.mode if number in rights else CommMode.PLAIN
