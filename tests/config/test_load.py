"""A configuration that is wrong is refused with file, key and what to do."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_config import ConfigError, load
from portillon_rules.credential import CredentialKind

GOOD = """\
[gateway]
id = "gw1"
mode = "test"
data_dir = "data"

[site]
keys = [{ key_id = "k1", secret_file = "site.key" }]

[cloud]
broker = "mqtt://127.0.0.1:1883"

[[cloud.keys]]
kid = "c1"
public = "00000000000000000000000000000000000000000000000000000000000000aa"
usages = ["feed", "lease"]

[[readers]]
name = "reader"
type = "rdm6300"
path = "lane1-reader"

[[outputs]]
name = "relay"
type = "lcus_relay"
path = "/dev/relay"
wiring = "energise_to_release"
max_on_ms = 3000

[[inputs]]
name = "passage"
type = "modbus"
path = "/dev/inputs"
address = 1
channel = 1
active = "closed"

[[doors]]
name = "lane1"
kind = "turnstile_lane"
zone = "gym"
readers = ["reader"]
output = "relay"
passage_input = "passage"
pulse_ms = 500
"""

SECOND_READER = '[[readers]]\nname = "reader2"\ntype = "id12la"\npath = "/dev/reader2"\n'
SECOND_RELAY = (
    '[[outputs]]\nname = "relay2"\ntype = "lcus_relay"\npath = "/dev/relay"\nchannel = 2\n'
    'wiring = "energise_to_release"\nmax_on_ms = 3000\n'
)
SECOND_DOOR = (
    '[[doors]]\nname = "lane2"\nkind = "door"\nzone = "gym"\nreaders = ["reader2"]\noutput = "relay2"\npulse_ms = 500\n'
)
MORE = SECOND_READER + SECOND_RELAY + SECOND_DOOR
WIEGAND = '[[readers]]\nname = "wall"\ntype = "wiegand"\nchip = "/dev/gpiochip0"\nd0 = 14\nd1 = 15\n'
DOOR_OF_WIEGAND = SECOND_RELAY + SECOND_DOOR.replace("reader2", "wall")


def reader_with(line: str) -> str:
    return MORE.replace(SECOND_READER, f"{SECOND_READER}{line}\n")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert str(caught.value).count(str(tmp_path / "gateway.toml")) >= len(caught.value.problems)
    return caught.value.problems


def test_good_file_loads(tmp_path: Path) -> None:
    """A whole file becomes a frozen model of the drivers' own sections, with its defaults."""
    config = load(write(tmp_path, GOOD))
    assert config.readers[0].hold_off_ms == 3_000
    assert config.doors[0].passage_window_ms == 8_000
    assert config.gateway.guard_path == tmp_path / "data" / "guard.sock"
    with pytest.raises(ValueError, match="frozen"):
        config.gateway.id = "other"


def test_relative_paths_are_beside_the_file(tmp_path: Path) -> None:
    """A relative path means the same wherever the gateway is started from; absolute ones stay."""
    config = load(write(tmp_path, GOOD))
    assert config.site.keys[0].secret_file == tmp_path / "site.key"
    assert config.readers[0].model_dump()["path"] == tmp_path / "lane1-reader"
    assert config.outputs[0].model_dump()["path"] == Path("/dev/relay")


def test_two_doors_may_share_a_board(tmp_path: Path) -> None:
    """Two channels of one relay board on one path are right."""
    assert len(load(write(tmp_path, GOOD + MORE)).doors) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('wiring = "energise_to_release"\n', "", r'outputs\[0\] \("relay"\)\.wiring: is missing; add it: .*maglock'),
        ('"energise_to_release"', '"energise"', r"outputs\[0\] .*wiring: .*energise_to_lock"),
        ("max_on_ms = 3000\n", "", r"outputs\[0\] .*max_on_ms: is missing"),
        ("max_on_ms = 3000", 'max_on_ms = "long"', r"max_on_ms: .*integer.*it is 'long'"),
        ("max_on_ms = 3000", "max_on_ms = 3000000", r"max_on_ms: .*less than or equal to 60000"),
        ("pulse_ms = 500", "pulse = 500", r"doors\[0\]\.pulse: is no known key; did you mean pulse_ms\?"),
        ('type = "rdm6300"', 'type = "rdm6301"', r"readers\[0\] \(\"reader\"\)\.type: .*there are: id12la, .*rdm6300"),
        ('type = "rdm6300"\n', "", r"readers\[0\] .*type: is missing.*id12la, .*rdm6300"),
        ('kind = "turnstile_lane"', 'kind = "flap"', r"doors\[0\].*'turnstile_lane', 'door'"),
        ('mode = "test"', 'mode = "demo"', r"gateway\.mode: .*'live' or 'test'.*it is 'demo'"),
        ("00aa", "00zz", r"cloud\.keys\[0\]\.public: .*64 lower-case hex"),
        ('id = "gw1"', 'id = "gw/1"', r"gateway\.id: "),
        ('["reader"]', '["raeder"]', r'doors \("lane1"\)\.readers: there is no reader "raeder" among reader'),
        ('output = "relay"', 'output = "r"', r'output: there is no output "r" among relay; .*add \[\[outputs\]\]'),
        ('"passage"\npulse', '"p"\npulse', r'passage_input: there is no input "p" among passage'),
        ("pulse_ms = 500", "pulse_ms = 5000", r"pulse_ms: 5000 is longer than output \"relay\" may be on"),
        ('path = "lane1-reader"', 'path = "/dev/relay"', r'"reader" and "relay" .*both on /dev/relay'),
        ('"mqtt://127.0.0.1:1883"', '"mqtt://broker:1883"', r"cloud\.broker: .*loopback only: write mqtts://"),
        ('"mqtt://127.0.0.1:1883"', '"mqtts://broker:8883"', r"cloud: .*needs ca_file, certificate_file, private_key"),
        ('"mqtt://127.0.0.1:1883"', '"broker"', r"cloud\.broker: write mqtts://host:port"),
        ("[[readers]]", "[readers]", r"readers: write its sections as \[\[readers\]\]"),
        (GOOD[GOOD.index("[[doors]]") :], "", r"doors: is missing; add it: .*\[\[doors\]\]"),
        ('data_dir = "data"', f'data_dir = "{"d" * 120}"', r"guard_socket: .*shorter"),
        (
            'data_dir = "data"',
            f'data_dir = "{"d" * 120}"\nguard_socket = "/run/g"',
            r"data_dir: .*orders.sock.*shorter",
        ),
    ],
)
def test_mistake_is_named_with_its_key_and_what_to_do(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Each mistake is one line that a technician can act on."""
    assert old in GOOD
    assert any(re.search(expected, problem) for problem in problems(tmp_path, GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (SECOND_READER.replace("reader2", "reader", 1), r'readers: 2 are named "reader"'),
        (SECOND_READER, r'readers \("reader2"\): no door uses it'),
        (MORE.replace("/dev/reader2", "lane1-reader"), r"both on .*lane1-reader"),
        (MORE.replace("channel = 2", "channel = 1"), r"both on /dev/relay channel 1"),
        (MORE.replace("channel = 2", "channel = 2\nrs485_mode = true"), r"differ in rs485_mode"),
        (MORE.replace('["reader2"]', '["reader"]'), r'"reader" belongs to door "lane1" already'),
        (MORE.replace('"lane2"', '"lane1"'), r'doors: 2 are named "lane1"'),
        (
            reader_with('pin = "with_card"'),
            r'readers \("reader2"\)\.pin: the type id12la has no PIN pad; write pin = "never"',
        ),
        (reader_with('pin = "alone"'), r'readers \("reader2"\)\.pin: the type id12la has no PIN pad'),
        (reader_with('accepts = ["desfire", "em4100"]'), r"accepts: this id12la cannot tell desfire, it tells em4100"),
        (reader_with('accepts = ["em4100", "pin"]'), r'accepts: pin is not switched on here; .*pin = "with_card"'),
        (
            WIEGAND + 'pin = "with_card"\n' + DOOR_OF_WIEGAND,
            r'"wall"\)\.pin: its PIN pad is switched off; say by keypad',
        ),
    ],
)
def test_contradiction_between_sections_is_named(tmp_path: Path, more: str, expected: str) -> None:
    """What no single section can know is checked across the file."""
    assert any(re.search(expected, problem) for problem in problems(tmp_path, GOOD + more))


def test_a_pad_that_is_there_may_be_used(tmp_path: Path) -> None:
    """A reader with keys takes PINs, and a site may accept a part of what a reader tells."""
    lines = 'pin = "with_card"\nkeypad = "4bit"\naccepts = ["wiegand"]\n'
    config = load(write(tmp_path, GOOD + WIEGAND + lines + DOOR_OF_WIEGAND))
    assert config.readers[1].lets_pass == {CredentialKind.CARD_AND_PIN}


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Nobody has to start the gateway five times to find five mistakes."""
    text = (
        GOOD.replace('wiring = "energise_to_release"\n', "").replace('"rdm6300"', '"x"').replace("pulse_ms", "puls_ms")
    )
    assert len(problems(tmp_path, text)) == 4  # the wiring, the type, the missing pulse_ms and the unknown puls_ms


@settings(max_examples=60, deadline=None)
@given(kept=st.integers(0, len(GOOD) - 2))
def test_truncated_file_is_never_taken(tmp_path_factory: pytest.TempPathFactory, kept: int) -> None:
    """Cut anywhere, the file is refused by a ConfigError; only what is cut after the last value is whole."""
    path = tmp_path_factory.getbasetemp() / "cut.toml"
    path.write_text(GOOD[:kept], encoding="utf-8")
    if kept >= GOOD.index("pulse_ms = ") + len("pulse_ms = 50"):
        return
    with pytest.raises(ConfigError):
        load(path)


def test_cut_short_says_so(tmp_path: Path) -> None:
    """A file cut in the middle of a line is named as incomplete."""
    [problem] = problems(tmp_path, GOOD[: GOOD.index("energise_to") + 4])
    assert re.search(r"no complete TOML: Unterminated string.*cut short", problem)


def test_unreadable_file(tmp_path: Path) -> None:
    """A missing file and one that is no text are told as what they are."""
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "binary.toml")
