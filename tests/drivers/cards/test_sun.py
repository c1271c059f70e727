"""The secure message of NTAG 424 DNA, read and written."""

from typing import Any

import pytest
from drivers.cards.card_field import OTHER_UID, UID, seeded
from drivers.cards.vector_files import vectors
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.cards import sun
from portillon_drivers.cards.emulated_text import mirrored
from portillon_drivers.cards.errors import NotGenuine
from portillon_drivers.cards.file_settings import FREE, FileSettings, Sdm, SettingsError
from portillon_drivers.cards.sun import picc_data, read_sun, session_keys

h = bytes.fromhex
SUN = vectors("sun")


def laid_out(case: dict[str, Any]) -> tuple[bytes, Sdm]:
    """The message of a vector in a text, and settings that say where things are."""
    text = b"\0\0"
    if "picc" in case:
        places: dict[str, int] = {"meta_read": 2, "picc_offset": len(text)}
        text += case["picc"].encode()
    else:
        places = {"meta_read": FREE, "uid_offset": len(text), "counter_offset": len(text) + 14}
        text += f"{case['uid']}{case['counter']:06X}".encode()
    places["mac_input_offset"] = len(text)
    if "encrypted" in case:
        places["encrypted_offset"] = len(text) + case["covered"].index(case["encrypted"])
        places["encrypted_digits"] = len(case["encrypted"])
    text += case["covered"].encode()
    places["mac_offset"] = len(text)
    return text + case["mac"].encode(), Sdm(file_read=1, **places)


def read(case: dict[str, Any], text: bytes | None = None) -> sun.SunMessage:
    """The verified message of a vector; `text` instead of its own if given."""
    own, sdm = laid_out(case)
    meta_key = h(case["meta_key"]) if "meta_key" in case else None
    return read_sun(text or own, sdm, file_read_key=lambda uid: h(case["file_key"]), meta_read_key=meta_key)


def test_session_keys() -> None:
    """AN12196's session keys come out of UID and counter."""
    case = SUN["session_keys"]
    keys = session_keys(h(case["key"]), h(case["uid"]), case["counter"])
    assert keys == (h(case["encryption"]), h(case["mac"]))


@pytest.mark.parametrize("case", SUN["messages"], ids=lambda case: case["source"])
def test_messages(case: dict[str, Any]) -> None:
    """Published messages are verified: UID, counter and file data as their sources say."""
    message = read(case)
    assert message.uid == h(case["uid"]) and message.counter == case["counter"]
    assert message.file_data == (h(case["file_data"]) if "file_data" in case else None)


@pytest.mark.parametrize("case", SUN["forged"], ids=lambda case: case["source"])
def test_forged_messages(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong MAC is refused; without the comparison it would have passed."""
    with pytest.raises(NotGenuine, match="MAC"):
        read(case)
    monkeypatch.setattr(sun, "same", lambda left, right: True)
    assert read(case).uid


@pytest.mark.parametrize("case", SUN["messages"], ids=lambda case: case["source"])
def test_every_digit_counts(case: dict[str, Any]) -> None:
    """Whichever digit of a message is another one, it is refused."""
    text, _ = laid_out(case)
    for at in range(2, len(text)):
        changed = b"1" if text[at : at + 1] != b"1" else b"2"
        with pytest.raises(NotGenuine):
            read(case, text[:at] + changed + text[at + 1 :])


def test_another_tags_keys_are_of_no_use() -> None:
    """With the key of another tag, or no key for an enciphered UID, nothing is verified."""
    case = SUN["messages"][0]
    with pytest.raises(NotGenuine):
        read(case | {"file_key": "01" * 16})
    with pytest.raises(NotGenuine, match="no key"):
        read({name: value for name, value in case.items() if name != "meta_key"})
    with pytest.raises(NotGenuine, match="does not open"):
        picc_data(bytes(range(16)), h(case["picc"]))


PLACES = {
    "plain": Sdm(FREE, 1, uid_offset=20, counter_offset=40, mac_input_offset=10, mac_offset=60),
    "enciphered": Sdm(2, 1, picc_offset=10, mac_input_offset=50, mac_offset=50),
    "with file data": Sdm(
        2, 1, picc_offset=10, mac_input_offset=45, encrypted_offset=50, encrypted_digits=64, mac_offset=120
    ),
}


@pytest.mark.parametrize("sdm", PLACES.values(), ids=PLACES)
@given(counter=st.integers(0, 0xFF_FFFF), data=st.binary(min_size=200, max_size=200), seed=st.integers(0, 99))
def test_what_a_tag_writes_is_read(sdm: Sdm, counter: int, data: bytes, seed: int) -> None:
    """Whatever stands in the file and whatever the counter, the tag's message is verified and says the truth."""
    keys = [seeded(seed + number)(16) for number in range(5)]
    text = mirrored(data, sdm, uid=UID, counter=counter, keys=keys, random=seeded(seed))
    message = read_sun(text, sdm, file_read_key=lambda uid: keys[1], meta_read_key=keys[2])
    assert (message.uid, message.counter) == (UID, counter)
    if sdm.encrypted_offset is not None:
        assert message.file_data == data[50:82]


@given(text=st.binary(max_size=256), sdm=st.sampled_from(list(PLACES.values())))
def test_any_text(text: bytes, sdm: Sdm) -> None:
    """Any bytes are a message or NotGenuine."""
    with pytest.raises(NotGenuine):
        read_sun(text, sdm, file_read_key=lambda uid: bytes(16), meta_read_key=bytes(16))


@given(data=st.binary(max_size=32))
def test_any_settings(data: bytes) -> None:
    """Any bytes are settings that are written again as they were, or a SettingsError."""
    try:
        settings = FileSettings.decode(data)
    except SettingsError:
        return
    assert FileSettings.decode(settings.encode()) == settings


def test_the_mac_key_is_the_tags_own() -> None:
    """The key is asked for the UID that the message names."""
    case = SUN["messages"][3]
    text, sdm = laid_out(case)
    asked: list[bytes] = []

    def key_of(uid: bytes) -> bytes:
        asked.append(uid)
        return h(case["file_key"])

    read_sun(text, sdm, file_read_key=key_of)
    assert asked == [OTHER_UID]


@pytest.mark.parametrize(
    "places",
    [
        {"meta_read": FREE, "file_read": 1, "mac_input_offset": 0, "mac_offset": 0},
        {"meta_read": 2, "file_read": 1, "mac_input_offset": 0, "mac_offset": 0},
        {"meta_read": 2, "file_read": 0xF, "mac_input_offset": 0, "mac_offset": 0, "picc_offset": 0},
        {"meta_read": 2, "file_read": 1, "mac_input_offset": 9, "mac_offset": 0, "picc_offset": 0},
    ],
)
def test_settings_that_prove_nothing(places: dict[str, int]) -> None:
    """Settings without UID, counter or MAC, or with a MAC before what it covers, are refused."""
    with pytest.raises(SettingsError):
        Sdm(**places)
