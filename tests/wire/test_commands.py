"""Commands say one thing, for a short time, under a key of their own."""

import json
from pathlib import Path
from typing import Any

import pytest
from portillon_wire.commands import LIFE_MS_MAX, Action, Command, CommandResult
from portillon_wire.errors import ForgedError, MessageError
from portillon_wire.messages import decode, encode
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, kid_of, sign, verify

KEY = SigningKey.from_bytes("command-1", bytes(range(32)))
KEYS = PublicKeys({"command-1": PublicKey(KEY.public, frozenset({KeyUse.COMMAND}))})
OPEN: dict[str, Any] = {
    "gateway": "gw-1", "action": Action.OPEN_DOOR, "door": "lane-1", "by": "staff:3", "counter": 7,
    "issued_ms": 1_790_000_000_000, "expires_ms": 1_790_000_000_000 + LIFE_MS_MAX,
}  # fmt: skip
GOLDEN = json.loads((Path(__file__).parents[2] / "wire/golden/tokens.json").read_text())


def test_a_command_reads_back_and_never_changes() -> None:
    """The golden token is byte for byte what this version signs and reads, and tells its key."""
    command = Command(**OPEN)
    token = sign(command, KEY)
    assert verify(Command, token, keys=KEYS, gateway="gw-1") == command
    assert kid_of(token) == "command-1"
    assert token.decode() == GOLDEN["Command"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_ms": OPEN["issued_ms"]},
        {"expires_ms": OPEN["expires_ms"] + 1},
        {"door": None},
        {"action": Action.RESET_FIRE},
        {"by": ""},
        {"action": "open_every_door"},
    ],
)
def test_what_is_not_whole_is_no_command(wrong: dict[str, Any]) -> None:
    """Lives for ever, opens nothing or everything, comes from nobody: refused before anybody looks at the signature."""
    payload = json.dumps({**OPEN, **wrong}).encode()
    with pytest.raises(MessageError):
        decode(Command, payload)


def test_a_feed_key_may_not_command() -> None:
    """Who may pass and who may open now are two keys."""
    feed = PublicKeys({"command-1": PublicKey(KEY.public, frozenset({KeyUse.FEED, KeyUse.LEASE}))})
    with pytest.raises(ForgedError, match="may not sign a command"):
        verify(Command, sign(Command(**OPEN), KEY), keys=feed, gateway="gw-1")


def test_a_result_reads_back() -> None:
    """What the gateway answers names the command by key and counter."""
    result = CommandResult(kid="command-1", counter=7, outcome="refused", reason="expired")
    assert decode(CommandResult, encode(result)) == result
