"""An NTAG 424 DNA in a simulated field: keys, files, EV2First, and the secure message with its rising counter.

Not modelled: LRP, EV2NonFirst, GetVersion inside a session, random ID, the originality signature, GetFileCounters,
writing by ISO UPDATE BINARY, the slowing down after many failed authentications. Source: NXP NT4H2421Gx.
"""

from collections.abc import Callable, Mapping

from portillon_drivers.cards.apdu import ISO_OK, MORE, OK, Iso, Native
from portillon_drivers.cards.emulated import Technology
from portillon_drivers.cards.emulated_apdu import Apdu, StoredFile, StoredKey, granted, part_of
from portillon_drivers.cards.emulated_session import CardSession, Challenge, Refused
from portillon_drivers.cards.emulated_text import mirrored
from portillon_drivers.cards.file_settings import FREE, FileSettings, SettingsError
from portillon_drivers.cards.keyring import NtagKey
from portillon_drivers.cards.session import SYSTEM_RANDOM, CommMode, Random
from portillon_drivers.cards.site_tag import NDEF_APPLICATION, NDEF_FILE, NDEF_FILE_BYTES

COUNTER_MAX = 0xFF_FFFF
_FILE_IDS: Mapping[bytes, int] = {b"\xe1\x03": 1, b"\xe1\x04": NDEF_FILE, b"\xe1\x05": 3}
_CAPABILITIES = bytes.fromhex("001720010000FF0406E104010000000506E10500808283000000000000000000")
_HARDWARE = bytes.fromhex("04040230001105")
_SOFTWARE = bytes.fromhex("04040201021105")
_PRODUCTION = bytes.fromhex("CF39D449805221")


class Ntag424Emulated:
    """Fills the EmulatedCard port; blank as from the factory."""

    technology: Technology = "nfca"
    sak = 0x20
    atqa = bytes.fromhex("4403")
    ats: bytes | None = bytes.fromhex("067777710280")

    def __init__(self, uid: bytes, *, random: Random = SYSTEM_RANDOM) -> None:
        self.uid = uid
        self.counter = 0
        self.keys = [StoredKey() for _ in NtagKey]
        plain, full = CommMode.PLAIN, CommMode.FULL
        self.files = {
            1: StoredFile(FileSettings(plain, FREE, 0, 0, 0), bytearray(_CAPABILITIES)),
            NDEF_FILE: StoredFile(FileSettings(plain, FREE, FREE, FREE, 0), bytearray(NDEF_FILE_BYTES)),
            3: StoredFile(FileSettings(full, 2, 3, 3, 0), bytearray(128)),
        }
        self._random = random
        self.select()

    def select(self) -> None:
        """The field came on: whatever was authenticated or chosen is forgotten."""
        self._application = False
        self._file: int | None = None
        self._session: CardSession | None = None
        self._challenge: Challenge | None = None
        self._frames: list[bytes] = []
        self._counted = False

    def raw(self, command: bytes) -> bytes | None:
        """Silent below ISO 14443-4."""
        return None

    def apdu(self, command: bytes) -> bytes:
        """The answer to any bytes."""
        try:
            apdu = Apdu.parse(command)
            if apdu.cla == 0x00:
                return self._iso(apdu) + ISO_OK.to_bytes(2)
            if apdu.cla != 0x90:
                raise Refused(0x6E00)
            data, status = self._native(apdu)
            return data + status.to_bytes(2)
        except Refused as refused:
            self._session = self._challenge = None
            self._frames = []
            return refused.status.to_bytes(2)

    def _iso(self, apdu: Apdu) -> bytes:
        self._challenge, self._frames = None, []
        match apdu.ins, apdu.parameters >> 8:
            case Iso.SELECT, 0x04 if apdu.data == NDEF_APPLICATION:
                self.select()
                self._application = True
                return b""
            case Iso.SELECT, 0x00 if self._application and apdu.data in _FILE_IDS:
                self._file, self._session, self._counted = _FILE_IDS[apdu.data], None, False
                return b""
            case Iso.SELECT, _:
                raise Refused(0x6A82)
            case Iso.READ_BINARY, _:
                return self._read_binary(apdu)
            case _:
                raise Refused(0x6D00)

    def _read_binary(self, apdu: Apdu) -> bytes:
        if self._file is None or apdu.parameters & 0x8000:
            raise Refused(0x6A82)
        file = self.files[self._file]
        if not granted(_reading(file), None) or file.settings.mode is not CommMode.PLAIN:
            raise Refused(0x6982)
        if apdu.le is None or apdu.parameters >= len(file.data):
            raise Refused(0x6700 if apdu.le is None else 0x6B00)
        return self._text(self._file)[apdu.parameters : apdu.parameters + apdu.le]

    def _native(self, apdu: Apdu) -> tuple[bytes, int]:
        command, data = apdu.ins, apdu.data
        if apdu.parameters:
            raise Refused(0x6A86)
        if command == Native.ADDITIONAL_FRAME:
            return self._more(data)
        if self._challenge or self._frames:
            raise Refused(0x91CA)
        if command != Native.NTAG_READ_DATA:
            self._counted = False
        if command == Native.GET_VERSION and self._session is None:
            self._frames = [_SOFTWARE, self.uid + _PRODUCTION]
            return _HARDWARE, MORE
        handlers: Mapping[int, Callable[[bytes], bytes]] = {
            Native.GET_KEY_VERSION: self._key_version,
            Native.GET_FILE_SETTINGS: self._file_settings,
            Native.CHANGE_FILE_SETTINGS: self._change_file_settings,
            Native.CHANGE_KEY: self._change_key,
            Native.NTAG_READ_DATA: self._read_data,
            Native.NTAG_WRITE_DATA: self._write_data,
            Native.GET_CARD_UID: self._card_uid,
        }
        if command == Native.AUTHENTICATE_EV2_FIRST and self._application:
            return self._authenticate(data)
        if command not in handlers or not self._application:
            raise Refused(0x911C)
        return handlers[command](data), OK

    def _authenticate(self, data: bytes) -> tuple[bytes, int]:
        self._session = None
        if len(data) < 2 or len(data) != 2 + data[1]:
            raise Refused(0x917E)
        key = self._key(data[0])
        self._challenge = Challenge(Native.AUTHENTICATE_EV2_FIRST, data[0], key.value, self._random(16))
        return self._challenge.sent, MORE

    def _more(self, data: bytes) -> tuple[bytes, int]:
        if self._challenge is not None:
            challenge, self._challenge = self._challenge, None
            answer, self._session = challenge.met(data, self._random)
            return answer, OK
        if not self._frames:
            raise Refused(0x911C)
        frame = self._frames.pop(0)
        return frame, MORE if self._frames else OK

    def _key(self, number: int) -> StoredKey:
        if number >= len(self.keys):
            raise Refused(0x9140)
        return self.keys[number]

    def _numbered(self, data: bytes) -> StoredFile:
        if not data:
            raise Refused(0x917E)
        if data[0] not in self.files:
            raise Refused(0x91F0)
        return self.files[data[0]]

    def _exchange(self, command: int, header: bytes, body: bytes, *, mode: CommMode, data_bytes: int | None) -> bytes:
        """The plain data of a command, protected or not as the session demands."""
        if self._session is not None:
            return self._session.opened(command, header, body, mode=mode, data_bytes=data_bytes)
        if data_bytes is not None and len(body) != data_bytes:
            raise Refused(0x917E)
        return body

    def _answer(self, data: bytes, mode: CommMode) -> bytes:
        return data if self._session is None else self._session.answer(data, mode=mode)

    def _key_version(self, data: bytes) -> bytes:
        if not data:
            raise Refused(0x917E)
        self._exchange(Native.GET_KEY_VERSION, data[:1], data[1:], mode=CommMode.MAC, data_bytes=0)
        return self._answer(bytes([self._key(data[0]).version]), CommMode.MAC)

    def _file_settings(self, data: bytes) -> bytes:
        file = self._numbered(data)
        self._exchange(Native.GET_FILE_SETTINGS, data[:1], data[1:], mode=CommMode.MAC, data_bytes=0)
        settings = file.settings.encode()
        size = len(file.data).to_bytes(3, "little")
        return self._answer(b"\0" + settings[:3] + size + settings[3:], CommMode.MAC)

    def _card_uid(self, data: bytes) -> bytes:
        if self._session is None:
            raise Refused(0x91AE)
        self._session.opened(Native.GET_CARD_UID, b"", data, mode=CommMode.MAC, data_bytes=0)
        return self._session.answer(self.uid, mode=CommMode.FULL)

    def _change_file_settings(self, data: bytes) -> bytes:
        file = self._numbered(data)
        right = file.settings.change
        if right != FREE and (self._session is None or self._session.key_number != right):
            raise Refused(0x91AE if self._session is None else 0x919D)
        plain = self._exchange(Native.CHANGE_FILE_SETTINGS, data[:1], data[1:], mode=CommMode.FULL, data_bytes=None)
        try:
            settings = FileSettings.decode(plain)
        except SettingsError:
            raise Refused(0x919E) from None
        if settings.sdm is not None and (data[0] != NDEF_FILE or settings.sdm.end > len(file.data)):
            raise Refused(0x919E)
        file.settings = settings
        if settings.sdm is not None:
            self.counter = 0  # as NXP's support confirms; so a written tag must not be set up anew
        return self._answer(b"", CommMode.MAC)

    def _change_key(self, data: bytes) -> bytes:
        session = self._session
        if session is None or session.key_number != NtagKey.ADMIN:
            raise Refused(0x91AE)
        if not data:
            raise Refused(0x917E)
        stored = self._key(data[0])
        stored.value, stored.version = session.new_key(data[0], data[1:], stored.value)
        if data[0] == session.key_number:
            self._session = None
            return b""
        return session.answer(b"", mode=CommMode.MAC)

    def _read_data(self, data: bytes) -> bytes:
        file = self._numbered(data)
        mode = self._mode(file, _reading(file))
        self._exchange(Native.NTAG_READ_DATA, data[:7], data[7:], mode=_asking(mode), data_bytes=0)
        if len(data) < 7:
            raise Refused(0x917E)
        part = file.part(*part_of(data))
        text = bytes(file.data) if self._session else self._text(data[0])
        return self._answer(text[part], mode)

    def _write_data(self, data: bytes) -> bytes:
        file = self._numbered(data)
        mode = self._mode(file, (file.settings.write, file.settings.read_write))
        if len(data) < 7:
            raise Refused(0x917E)
        offset, length = part_of(data)
        plain = self._exchange(Native.NTAG_WRITE_DATA, data[:7], data[7:], mode=mode, data_bytes=length)
        if not length:
            raise Refused(0x917E)
        file.data[file.part(offset, length)] = plain
        return self._answer(b"", mode)

    def _mode(self, file: StoredFile, rights: tuple[int, ...]) -> CommMode:
        """How the file's data travel; raises Refused (919D) for a reader without the right."""
        number = None if self._session is None else self._session.key_number
        if not granted(rights, number):
            raise Refused(0x919D)
        return file.settings.mode if number in rights else CommMode.PLAIN

    def _text(self, number: int) -> bytes:
        """The file as a reader without a key sees it; the first look since another command counts."""
        file = self.files[number]
        sdm = file.settings.sdm
        if sdm is None or self._session is not None:
            return bytes(file.data)
        if not self._counted:
            if self.counter == COUNTER_MAX:
                raise Refused(0x6985)
            self.counter += 1
            self._counted = True
        key_values = [key.value for key in self.keys]
        return mirrored(bytes(file.data), sdm, uid=self.uid, counter=self.counter, keys=key_values, random=self._random)


def _reading(file: StoredFile) -> tuple[int, ...]:
    return file.settings.read, file.settings.read_write


def _asking(mode: CommMode) -> CommMode:
    """A command without data has nothing to encipher."""
    return CommMode.PLAIN if mode is CommMode.PLAIN else CommMode.MAC
