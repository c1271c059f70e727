"""Commands and replies, both directions, and any bytes at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.osdp import commands, replies
from portillon_drivers.osdp.commands import MalformedCommand, WireCommand, decode_command, encode_command
from portillon_drivers.osdp.errors import CommandError
from portillon_drivers.osdp.identity import Capabilities, Capability, Identity
from portillon_drivers.osdp.replies import MalformedReply, Reply, decode_reply, encode_reply

bytes_1 = st.integers(0, 0xFF)
bytes_2 = st.integers(0, 0xFFFF)
bytes_3 = st.integers(0, 0xFFFFFF)
bytes_4 = st.integers(0, 0xFFFFFFFF)
payloads = st.binary(max_size=64)
blinks = st.builds(
    commands.Blink, st.sampled_from(commands.Colour), st.sampled_from(commands.Colour), on_ds=bytes_1, off_ds=bytes_1
)
leds = st.builds(
    lambda temporary, timer, **rest: commands.Led(temporary=temporary, timer_ds=timer if temporary else 0, **rest),
    st.none() | blinks,
    bytes_2,
    permanent=st.none() | blinks,
    reader=bytes_1,
    number=bytes_1,
)
texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=32)
plain = [kind() for kind in (commands.Poll, commands.IdRequest, commands.CapabilitiesRequest, commands.Abort)]
states = [
    kind()
    for kind in (
        commands.LocalStatusRequest,
        commands.InputStatusRequest,
        commands.OutputStatusRequest,
        commands.ReaderStatusRequest,
    )
]
any_command = st.one_of(
    st.sampled_from([*plain, *states]),
    st.builds(commands.Output, bytes_1, st.sampled_from(commands.OutputControl), bytes_2),
    leds,
    st.just(commands.Led(cancel_temporary=True)),
    st.builds(commands.Buzzer, st.sampled_from(commands.Tone), bytes_1, bytes_1, bytes_1, bytes_1),
    st.builds(commands.Text, texts, st.sampled_from(commands.TextMode), bytes_1, bytes_1, bytes_1, bytes_1),
    st.builds(commands.ComSet, st.integers(0, 0x7E), bytes_4),
    st.builds(commands.KeySet, st.binary(min_size=16, max_size=16)),
    st.builds(commands.Challenge, st.binary(min_size=8, max_size=8)),
    st.builds(commands.ServerCryptogram, st.binary(min_size=16, max_size=16)),
    st.builds(commands.FileFragment, bytes_1, bytes_4, bytes_4, payloads),
    st.builds(commands.Vendor, bytes_3, payloads),
    st.builds(commands.KeepActive, bytes_2),
)
identities = st.builds(Identity, bytes_3, bytes_1, bytes_1, bytes_4, st.tuples(bytes_1, bytes_1, bytes_1))
capability_lists = st.builds(
    lambda items: Capabilities(tuple(items)), st.lists(st.builds(Capability, bytes_1, bytes_1, bytes_1), max_size=16)
)
flags = st.lists(st.booleans(), max_size=16).map(tuple)
any_reply = st.one_of(
    st.sampled_from([replies.Ack(), replies.Busy()]),
    st.builds(replies.Nak, st.sampled_from(replies.NakReason)),
    st.builds(replies.Nak, st.just(replies.NakReason.UNABLE), st.integers(10, 255)),
    st.builds(replies.PdId, identities),
    st.builds(replies.PdCapabilities, capability_lists),
    st.builds(replies.LocalStatus, st.booleans(), st.booleans()),
    st.builds(replies.InputStatus, flags),
    st.builds(replies.OutputStatus, flags),
    st.builds(replies.ReaderStatus, st.lists(bytes_1, max_size=8).map(tuple)),
    st.builds(replies.RawCard, st.text("01", min_size=1, max_size=200), bytes_1, bytes_1),
    st.builds(replies.FormattedCard, st.binary(min_size=1, max_size=64), st.booleans(), bytes_1),
    st.builds(replies.KeypadData, st.binary(min_size=1, max_size=64), bytes_1),
    st.builds(replies.Com, bytes_1, bytes_4),
    st.builds(replies.ClientCryptogram, *[st.binary(min_size=size, max_size=size) for size in (8, 8, 16)]),
    st.builds(replies.InitialRmac, st.binary(min_size=16, max_size=16)),
    st.builds(
        replies.FileStatus, st.integers(-0x8000, 0x7FFF), bytes_2, st.booleans(), st.booleans(), st.booleans(), bytes_2
    ),
    st.builds(replies.VendorData, bytes_3, payloads),
)


@given(command=any_command)
def test_every_command_comes_back_as_it_was(command: WireCommand) -> None:
    """What the panel encodes, a reader decodes to the same value."""
    assert decode_command(encode_command(command)) == command


@given(reply=any_reply)
def test_every_reply_comes_back_as_it_was(reply: Reply) -> None:
    """What a reader encodes, the panel decodes to the same value."""
    assert decode_reply(encode_reply(reply)) == reply


def test_every_kind_is_known_by_its_code() -> None:
    """No two commands and no two replies share a code, and each kind can be decoded."""
    for union, by_code in ((WireCommand, commands.BY_CODE), (Reply, replies.BY_CODE)):
        assert set(by_code.values()) == set(union.__args__)


@given(body=st.binary(max_size=80), code=st.sampled_from([*commands.BY_CODE, 0x00, 0xA1]))
def test_any_bytes_are_a_command_or_malformed(body: bytes, code: int) -> None:
    """Decoding a command never raises; what is read again encodes to the same body, but for bits that mean nothing."""
    for raw in (body, bytes([code]) + body):
        command = decode_command(raw)
        if not isinstance(command, MalformedCommand):
            assert decode_command(encode_command(command)) == command


@given(body=st.binary(max_size=80), code=st.sampled_from([*replies.BY_CODE, 0x00, 0xB1]))
def test_any_bytes_are_a_reply_or_malformed(body: bytes, code: int) -> None:
    """Decoding a reply never raises, and no malformed reply quotes its bytes."""
    for raw in (body, bytes([code]) + body):
        reply = decode_reply(raw)
        if isinstance(reply, MalformedReply):
            assert len(body) < 3 or body.hex() not in reply.detail
        else:
            assert decode_reply(encode_reply(reply)) == reply


def test_layouts_are_those_of_the_standard() -> None:
    """A few messages written out by hand, field by field."""
    led = commands.Led(
        temporary=commands.Blink(commands.Colour.RED, commands.Colour.OFF, 2, 3),
        timer_ds=0x0102,
        permanent=commands.Blink(commands.Colour.GREEN, commands.Colour.GREEN, 10, 0),
        number=1,
    )
    assert encode_command(led).hex() == "69 00 01 02 02 03 01 00 02 01 01 0a 00 02 02".replace(" ", "")
    assert encode_command(commands.Output(3, commands.OutputControl.ON_FOR_TIME, 5)).hex() == "6803050500"
    assert encode_command(commands.Text("HI", row=2)).hex() == "6b" + "000303020102" + "4849"
    assert encode_command(commands.FileFragment(1, 0x10000, 0x80, b"ab")).hex() == "7c01000001008000000002006162"
    assert decode_reply(bytes.fromhex("5000011a00bdd93740")) == replies.RawCard("10111101110110010011011101", 1)
    assert decode_reply(bytes.fromhex("5300020d31")) == replies.KeypadData(b"\r1")
    assert decode_reply(bytes.fromhex("7a07c800fdff8000")) == replies.FileStatus(-3, 200, True, True, True, 128)
    who = Identity(0xCA446C, 1, 2, 0x04030201, (9, 8, 7))
    assert decode_reply(bytes.fromhex("45ca446c010201020304090807")) == replies.PdId(who)


@pytest.mark.parametrize(
    "command",
    [
        commands.Buzzer(on_ds=256),
        commands.Output(-1, commands.OutputControl.NOTHING),
        commands.Led(timer_ds=70_000),
        commands.Text("é"),
        commands.Text("x" * 33),
        commands.ComSet(0x7F, 9600),
        commands.KeySet(b"short"),
        commands.Vendor(1 << 24, b""),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_cannot_be_sent_is_refused_before_the_wire(command: WireCommand) -> None:
    """A number out of range or a text no display shows is an error of the caller."""
    with pytest.raises(CommandError):
        encode_command(command)


def test_secrets_do_not_show() -> None:
    """Card bits, keys pressed, keys set and file contents are in no repr."""
    secret = [
        replies.RawCard("1011011101111"),
        replies.FormattedCard(b"987654321"),
        replies.KeypadData(b"4711#"),
        commands.KeySet(b"SIXTEEN-BYTE-KEY"),
        commands.FileTransfer(1, b"FIRMWARE"),
        commands.FileFragment(1, 8, 0, b"FIRMWARE"),
    ]
    assert not [word for word in ("1011", "9876", "4711", "SIXTEEN", "FIRM") if word in repr(secret)]


@pytest.mark.parametrize(
    ("then", "now", "less"),
    [
        (Capability(9, 1, 1), Capability(9, 1, 0), ()),
        (Capability(9, 1, 0), Capability(9, 0, 0), (9,)),
        (Capability(9, 1, 0), Capability(4, 1, 1), (9,)),
        (Capability(10, 0x80, 0), Capability(10, 0x00, 1), ()),
        (Capability(10, 0x00, 1), Capability(10, 0x80, 0), (10,)),
        (Capability(4, 4, 2), Capability(4, 4, 1), (4,)),
        (Capability(4, 4, 1), Capability(4, 4, 2), ()),
    ],
)
def test_a_downgrade_is_told_from_an_upgrade(then: Capability, now: Capability, less: tuple[int, ...]) -> None:
    """Fewer abilities are less, more are not; two-byte numbers count as one; SCBK-D no longer in use is no loss."""
    assert Capabilities((now,)).less_than((then,)) == less
