"""Watches, interlocks and every part of a door are checked against the rest of the file."""

from pathlib import Path

import pytest
from portillon_config import ConfigError, load
from portillon_config.interlocks import InterlockMode
from portillon_config.watches import WatchKind

SITE = """\
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
"""


def device(section: str, name: str, number: int, more: str) -> str:
    return f'[[{section}]]\nname = "{name}"\n{more.format(number=number)}\n'


READER = 'type = "id12la"\npath = "/dev/reader{number}"'
INPUT = 'type = "modbus"\npath = "/dev/inputs"\naddress = 1\nchannel = {number}\nactive = "closed"'
OUTPUT = (
    'type = "lcus_relay"\npath = "/dev/relay"\nchannel = {number}\nwiring = "energise_to_release"\n'
    "max_on_ms = 3000\ncontinuous = true"
)
DOOR = (
    '[[doors]]\nname = "{name}"\nkind = "door"\nzone = "gym"\nreaders = ["{name}-in"]\nexit_readers = ["{name}-out"]\n'
    'output = "{name}-lock"\ncontact_input = "{name}-contact"\npulse_ms = 500\n'
)


def door(name: str, number: int) -> str:
    return (
        device("readers", f"{name}-in", number, READER)
        + device("readers", f"{name}-out", number + 10, READER)
        + device("outputs", f"{name}-lock", number, OUTPUT)
        + device("inputs", f"{name}-contact", number, INPUT)
        + DOOR.format(name=name)
    )


FIRE = '[[watches]]\nname = "fire"\nkind = "fire"\ninput = "fire-loop"\n'
TRAP = '[[interlocks]]\nname = "trap"\ndoors = ["outer", "inner"]\n'
GOOD = SITE + door("outer", 1) + door("inner", 2) + device("inputs", "fire-loop", 3, INPUT) + FIRE + TRAP


def loaded(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load(path)
    except ConfigError as error:
        return error.problems
    return ()


def test_a_house_with_fire_and_mantrap(tmp_path: Path) -> None:
    """A fire watch is about all doors and releases on trouble unless told otherwise; an interlock is a mantrap."""
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD, encoding="utf-8")
    config = load(path)
    (watch,), (interlock,) = config.watches, config.interlocks
    assert (watch.kind, watch.doors, watch.on_trouble) == (WatchKind.FIRE, (), "release")
    assert (interlock.doors, interlock.mode) == (("outer", "inner"), InterlockMode.ONE_RELEASED)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('input = "fire-loop"', 'input = "smoke"', 'watches ("fire").input: there is no input "smoke"'),
        ('input = "fire-loop"', 'input = "inner-contact"', 'belongs to door "inner" already; each input has one owner'),
        ('kind = "fire"\n', 'kind = "fire"\ndoors = ["cellar"]\n', 'watches ("fire").doors: there is no door "cellar"'),
        ('kind = "fire"\n', 'kind = "flood"\n', "watches"),
        ('"outer", "inner"', '"outer", "cellar"', 'interlocks ("trap").doors: there is no door "cellar"'),
        ('"outer", "inner"', '"outer", "outer"', "stands there twice"),
        ('"outer", "inner"', '"outer"', "interlocks"),
        ('contact_input = "outer-contact"\n', "", 'door "outer" has no contact_input'),
        ('exit_readers = ["outer-out"]', 'exit_readers = ["outer-in"]', "has another part at this door already"),
        ('exit_readers = ["outer-out"]', 'exit_readers = ["inner-out"]', '"inner-out" belongs to door "outer" already'),
        ('exit_readers = ["outer-out"]', 'exit_readers = ["nobody"]', 'there is no reader "nobody"'),
        ("continuous = true", "continuous = false", 'sets door "outer" free for hours'),
        (
            'contact_input = "outer-contact"\npulse_ms = 500',
            'rex_input = "outer-contact"\npulse_ms = 1501',
            "too short for a grant and an exit request right after it; write at least 3002",
        ),
        (FIRE, "", 'inputs ("fire-loop"): no door uses it'),
        (FIRE, FIRE + FIRE, 'watches: 2 are named "fire"'),
    ],
)
def test_contradiction_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Each contradiction is refused with its place and what to do."""
    assert old in GOOD
    problems = loaded(tmp_path, GOOD.replace(old, new))
    assert any(expected in problem for problem in problems), problems


def test_an_output_that_may_not_stay_released_needs_no_fire_watch(tmp_path: Path) -> None:
    """A site whose locks may not be held names the doors that its fire sets free, or watches none."""
    text = GOOD.replace("continuous = true", "continuous = false", 1)
    assert loaded(tmp_path, text.replace('kind = "fire"\n', 'kind = "fire"\ndoors = ["inner"]\n')) == ()
    assert loaded(tmp_path, text.replace('kind = "fire"\n', 'kind = "tamper"\n')) == ()
