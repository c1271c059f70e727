"""The whole reader: nfcpy's driver, dialogues and hold-off over the simulated module."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.cards.keyring import CardKeyring, load_card_keys
from portillon_drivers.cards.keyring_making import new_keyring
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.errors import PermanentDeviceError
from portillon_drivers.events import CredentialRead, ReaderDown, ReaderFault, ReaderFaultKind, ReaderUp
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.nfc.emulated_cards import FelicaEmulated, Ntag215Emulated, RandomNumber, mifare_classic
from portillon_drivers.nfc.simulated_field import CardInField
from portillon_drivers.nfc.simulated_pn532_reader import SimulatedPn532Reader, desfire, ntag424, simulate
from portillon_drivers.readers.pn532 import Pn532Options, Pn532Reader
from portillon_drivers.simulated_reader import CannotPresentError
from portillon_rules.credential import Credential, CredentialKind
from pydantic import ValidationError

WAIT_S = 10.0
MIFARE, NTAG = mifare_classic(), Ntag215Emulated()
TAG_UID = bytes.fromhex("04DE5F1EACC040")
NUMBER = bytes(range(16))


@dataclass
class Lane:
    """A running reader, its module, and what it has said."""

    module: SimulatedPn532Reader
    options: Pn532Options
    events: list[Any] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def emit(self, event: object) -> None:
        with self.news:
            self.events.append(event)
            self.news.notify_all()

    def wait(self, what: Callable[[Any], bool], after: int = 0) -> Any:
        with self.news:
            assert self.news.wait_for(lambda: any(map(what, self.events[after:])), WAIT_S), self.events
            return next(event for event in self.events[after:] if what(event))

    def wait_fault(self, kind: ReaderFaultKind, after: int = 0) -> ReaderFault:
        found: ReaderFault = self.wait(lambda event: isinstance(event, ReaderFault) and event.fault is kind, after)
        return found

    def wait_card(self, credential: str, after: int = 0) -> CredentialRead:
        found: CredentialRead = self.wait(
            lambda event: isinstance(event, CredentialRead) and str(event.credential) == credential, after
        )
        return found

    @property
    def told(self) -> list[str]:
        return [
            str(event.credential) if isinstance(event, CredentialRead) else event.fault.value
            for event in self.events
            if isinstance(event, CredentialRead | ReaderFault)
        ]

    @property
    def keyring(self) -> CardKeyring:
        assert self.options.keyring_file is not None
        return load_card_keys(self.options.keyring_file)


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Callable[..., Lane]]:
    """Makes a running lane with these options."""
    ends: list[Callable[[], None]] = []

    def make(**more: Any) -> Lane:
        wanted = Pn532Options.model_validate({"name": "reader", "type": "pn532", "path": "reader", **more})
        module = SimulatedPn532Reader(wanted, tmp_path)
        module.plug()
        section = {"poll_ms": 20, **wanted.model_dump(exclude_defaults=True), **module.section}
        made = Lane(module, Pn532Options.model_validate(section))
        stop = threading.Event()
        thread = threading.Thread(
            target=Pn532Reader(made.options, time.monotonic_ns).run, args=(made.emit, stop), name="reader"
        )
        thread.start()

        def end() -> None:
            stop.set()
            thread.join(WAIT_S)
            assert not thread.is_alive()
            module.close()

        ends.append(end)
        made.wait(lambda event: isinstance(event, ReaderUp))
        return made

    yield make
    for end in ends:
        end()


def test_card_left_on_the_reader_is_told_once(lane: Callable[..., Lane]) -> None:
    """It lies there for many looks, leaves for less than the hold-off, comes back: one badge."""
    at = lane()
    at.module.put(NTAG)
    at.module.wait_looks(10)
    at.module.take(NTAG)
    at.module.wait_looks(2)
    at.module.hold(NTAG)
    assert at.told == ["nfca:04A1B2C3D4E580"]


def test_told_again_after_the_hold_off(lane: Callable[..., Lane]) -> None:
    """A short hold-off that has passed makes it a new badge."""
    at = lane(hold_off_ms=1)
    at.module.hold(NTAG)
    seen = len(at.events)
    assert seen > 2
    at.module.wait_looks(2)
    at.module.hold(NTAG)
    at.wait_card("nfca:04A1B2C3D4E580", after=seen)


def test_two_cards_in_a_row_are_both_told(lane: Callable[..., Lane]) -> None:
    """The second comes as the first leaves, well within 100 ms."""
    at = lane()
    at.module.put(NTAG)
    at.wait_card("nfca:04A1B2C3D4E580")
    at.module.take(NTAG)
    at.module.put(MIFARE)
    at.wait_card("nfca:01A2B3C4")
    assert at.told == ["nfca:04A1B2C3D4E580", "nfca:01A2B3C4"]


def test_two_cards_at_once_are_a_collision(lane: Callable[..., Lane]) -> None:
    """Neither is told while both lie there, in whatever family; the one that stays is read."""
    at = lane()
    at.module.put(NTAG, MIFARE)
    at.wait_fault(ReaderFaultKind.COLLISION)
    at.module.wait_looks()
    assert at.told == ["collision"]
    at.module.take(NTAG)
    at.wait_card("nfca:01A2B3C4")
    at.module.take(MIFARE)
    assert at.told == ["collision", "nfca:01A2B3C4"]


def test_second_card_laid_beside_a_first(lane: Callable[..., Lane]) -> None:
    """The first has been told; both together are a collision; the second is told once it lies alone."""
    at = lane()
    at.module.put(NTAG)
    at.wait_card("nfca:04A1B2C3D4E580")
    at.module.put(FelicaEmulated())
    at.wait_fault(ReaderFaultKind.COLLISION)
    at.module.take(NTAG)
    at.wait_card("felica:01120312AB4C5D6E")
    assert at.told == ["nfca:04A1B2C3D4E580", "collision", "felica:01120312AB4C5D6E"]


def test_ntag424_proves_itself_and_counts(lane: Callable[..., Lane]) -> None:
    """With keys, the tag's UID and its rising counter are told; lying there costs no more of its counter."""
    at = lane(keyring_file="keys", hold_off_ms=1)
    tag = ntag424(TAG_UID, at.keyring)
    counters = []
    for _ in range(2):
        seen = len(at.events)
        at.module.put(tag)
        counters.append(at.wait_card("ntag424:04DE5F1EACC040", after=seen).counter)
        at.module.take(tag)
        at.module.wait_looks(2)
    assert counters[0] is not None and counters[1] is not None and counters[0] < counters[1]


@pytest.mark.parametrize("accepts", [None, ["desfire"]])
def test_desfire_proves_itself(lane: Callable[..., Lane], accepts: list[str] | None) -> None:
    """The number in the signed file is told, whether or not numbers would do."""
    at = lane(keyring_file="keys", **({} if accepts is None else {"accepts": accepts}))
    card = desfire(NUMBER, at.keyring)
    at.module.hold(card)
    at.module.put(CardInField(card, wtx=1, piece_bytes=20))
    at.module.wait_looks()
    assert at.told == [f"desfire:{NUMBER.hex().upper()}"]


@pytest.mark.parametrize("kind", ["ntag424", "desfire"])
def test_card_of_another_site_is_not_genuine(lane: Callable[..., Lane], kind: str) -> None:
    """A card that fails to prove itself is a fault, told once while it lies there, that quotes nothing of it."""
    at = lane(keyring_file="keys", accepts=[kind])
    foreign = ntag424(TAG_UID, new_keyring()) if kind == "ntag424" else desfire(NUMBER, new_keyring())
    at.module.put(foreign)
    fault = at.wait_fault(ReaderFaultKind.NOT_GENUINE)
    at.module.wait_looks(6)
    assert at.told == ["not_genuine"]
    assert foreign.uid.hex() not in fault.detail.lower() and NUMBER.hex() not in fault.detail.lower()


def test_card_that_cannot_prove_itself_is_told_by_its_number(lane: Callable[..., Lane]) -> None:
    """A MIFARE Classic at a reader for DESFire is told, so that its holder is refused for a reason."""
    at = lane(keyring_file="keys", accepts=["desfire"])
    at.module.hold(MIFARE)
    assert at.told == ["nfca:01A2B3C4"]


@pytest.mark.parametrize("frames", [0, 1, 3, 6])
def test_card_torn_out_of_its_proof(lane: Callable[..., Lane], frames: int) -> None:
    """Torn out anywhere it is a fault and no card; back at once, it is read."""
    at = lane(keyring_file="keys")
    tag = ntag424(TAG_UID, at.keyring)
    at.module.put(CardInField(tag, leaves_after=frames + 1))  # the first look's halt is a frame too
    at.wait_fault(ReaderFaultKind.TORN)
    assert at.told == ["torn"]
    at.module.put(tag)
    at.wait_card("ntag424:04DE5F1EACC040")
    at.module.take(tag)


def test_tag_in_privacy_mode_is_known_by_its_proof(lane: Callable[..., Lane]) -> None:
    """Its number is another one at each look; it is told once, by what it proved, and another such tag after it."""
    at = lane(keyring_file="keys")
    first, second = (RandomNumber(ntag424(uid, at.keyring)) for uid in (TAG_UID, TAG_UID[::-1]))
    at.module.put(first)
    at.wait_card("ntag424:04DE5F1EACC040")
    at.module.wait_looks(20)
    at.module.take(first)
    at.module.wait_looks(15)
    at.module.put(second)
    at.wait_card("ntag424:40C0AC1E5FDE04")
    at.module.take(second)
    assert at.told == ["ntag424:04DE5F1EACC040", "ntag424:40C0AC1E5FDE04"]


@pytest.mark.parametrize("keys", [{}, {"keyring_file": "keys"}])
def test_random_number_is_no_credential(lane: Callable[..., Lane], keys: dict[str, str]) -> None:
    """A phone's number is another one next time: it is refused, once, and never told."""
    at = lane(**keys)
    phone = RandomNumber(Ntag424Emulated(TAG_UID))
    at.module.put(phone)
    at.wait_fault(ReaderFaultKind.NOT_GENUINE)
    at.module.wait_looks(10)
    at.module.take(phone)
    assert at.told == ["not_genuine"]


def test_number_of_no_known_length_is_a_fault(lane: Callable[..., Lane]) -> None:
    """Type A has 4, 7 or 10 bytes; anything else is malformed and no credential."""
    at = lane()
    at.module.hold(mifare_classic(bytes(5)))
    assert at.told == ["malformed"]


def test_chip_that_lost_its_settings_is_reset_and_told(lane: Callable[..., Lane]) -> None:
    """A brown-out makes it deaf; it is set up anew, told as CHIP_HUNG and never as down, and reads on."""
    at = lane()
    at.module.wake()
    at.wait_fault(ReaderFaultKind.CHIP_HUNG)
    at.module.put(NTAG)
    at.wait_card("nfca:04A1B2C3D4E580")
    assert [type(event) for event in at.events] == [ReaderUp, ReaderFault, CredentialRead]


def test_chip_hung_for_good_is_told_as_down(lane: Callable[..., Lane]) -> None:
    """Where a reset does not help, the reader is down with advice, once; with its supply it comes back."""
    at = lane()
    at.module.hang()
    at.wait_fault(ReaderFaultKind.CHIP_HUNG)
    down = at.wait(lambda event: isinstance(event, ReaderDown))
    assert at.module.section["path"] in down.detail and "check its power" in down.detail
    seen = len(at.events)
    at.module.wake()
    at.wait(lambda event: isinstance(event, ReaderUp), after=seen)
    at.module.hold(NTAG)
    assert [type(event) for event in at.events] == [ReaderUp, ReaderFault, ReaderDown, ReaderUp, CredentialRead]


def test_hung_chip_comes_back_by_its_reset_pin(lane: Callable[..., Lane], monkeypatch: pytest.MonkeyPatch) -> None:
    """A chip that hears nothing any more is pulled down on RSTPD_N, and the reader never was down."""
    at = lane(reset_pin=25, pin_factory="mock")
    pin = pin_factory("mock").pin(25)
    assert [state.state for state in pin.states][-2:] == [False, True]
    pin.clear_states()
    monkeypatch.setattr(type(pin), "_set_state", _waking(type(pin)._set_state, pin, at.module))
    at.module.hang()
    at.wait_fault(ReaderFaultKind.CHIP_HUNG)
    at.module.put(NTAG)
    at.wait_card("nfca:04A1B2C3D4E580")
    assert not [event for event in at.events if isinstance(event, ReaderDown)]


def _waking(set_state: Any, pin: Any, module: SimulatedPn532Reader) -> Any:
    def act(self: Any, value: Any) -> None:
        set_state(self, value)
        if self is pin and value:
            module.wake()

    return act


def test_missing_keyring_ends_the_reader(tmp_path: Path) -> None:
    """Keys that cannot be read are a lasting failure, told with what to do."""
    options = Pn532Options.model_validate(
        {"name": "reader", "type": "pn532", "path": tmp_path / "reader", "keyring_file": tmp_path / "none"}
    )
    events: list[Any] = []
    Pn532Reader(options, time.monotonic_ns).run(events.append, threading.Event())
    [down] = events
    assert isinstance(down, ReaderDown) and "card keys new" in down.detail


def test_readable_keyring_is_refused(tmp_path: Path) -> None:
    """Keys that others may read are not used."""
    keys = tmp_path / "keys"
    keys.write_text("format = 1")
    keys.chmod(0o644)
    options = Pn532Options.model_validate(
        {"name": "reader", "type": "pn532", "path": tmp_path / "reader", "keyring_file": keys}
    )
    events: list[Any] = []
    Pn532Reader(options, time.monotonic_ns).run(events.append, threading.Event())
    assert isinstance(events[0], ReaderDown) and "chmod 600" in events[0].detail


def section(**more: Any) -> Pn532Options:
    return Pn532Options.model_validate({"name": "reader", "type": "pn532", **more})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "give either path"),
        ({"path": "a", "usb": "072f:2200"}, "give either path"),
        ({"usb": "ACR122U"}, "usb"),
        ({"path": "a", "accepts": ["desfire"]}, "keyring_file"),
        ({"path": "a", "poll_ms": 5}, "poll_ms"),
    ],
)
def test_mistakes_in_the_section(more: dict[str, Any], message: str) -> None:
    """Each is refused with what to write."""
    with pytest.raises(ValidationError, match=message):
        section(**more)


def test_what_it_tells_depends_on_its_keys() -> None:
    """Proofs need a keyring; only the families that are accepted are looked for."""
    assert section(path="a").tells == {CredentialKind.NFCA, CredentialKind.NFCB, CredentialKind.FELICA}
    with_keys = section(usb="072f:2200", keyring_file="keys", accepts=["desfire", "felica"])
    assert with_keys.takes == {CredentialKind.DESFIRE, CredentialKind.FELICA}
    assert with_keys.looks_for == (CredentialKind.NFCA, CredentialKind.FELICA)
    assert with_keys.port == "usb:072f:2200"


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, CredentialKind.NFCA),
        ({"accepts": ["felica"]}, CredentialKind.FELICA),
        ({"accepts": ["nfcb"]}, CredentialKind.NFCB),
        ({"keyring_file": "keys"}, CredentialKind.DESFIRE),
        ({"keyring_file": "keys", "accepts": ["ntag424", "nfca"]}, CredentialKind.NTAG424),
    ],
)
def test_terminal_prods_it_with_the_best_kind_it_takes(
    lane: Callable[..., Lane], more: dict[str, Any], kind: CredentialKind
) -> None:
    """Both samples of the simulated reader are read as what they are."""
    at = lane(**more)
    for sample in at.module.samples:
        assert sample.kind is kind
        at.module.present(sample)
    assert at.told == [str(sample) for sample in at.module.samples]


def test_terminal_is_told_what_cannot_be_shown(tmp_path: Path) -> None:
    """Keys, codes, cards of another reader, and a reader behind USB."""
    module = simulate(section(path="a"), tmp_path)
    for act in (
        lambda: module.press("1#"),
        lambda: module.scan("code"),
        lambda: module.present(Credential(CredentialKind.EM4100, "0F0027A46B")),
        lambda: module.present(Credential(CredentialKind.DESFIRE, "00" * 16)),
    ):
        with pytest.raises(CannotPresentError):
            act()
    module.close()
    with pytest.raises(PermanentDeviceError, match="write path, not usb"):
        simulate(section(usb="072f:2200"), tmp_path)
