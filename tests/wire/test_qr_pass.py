"""Phone passes: the golden ones, forgeries, and what their dates are worth."""

import json
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.decision import TimeQuality
from portillon_wire import base45, ed25519_keys, errors, qr_pass
from portillon_wire.errors import PassForgedError, PassMalformedError
from portillon_wire.qr_pass import (
    BODY_BYTES,
    CLAIM,
    CLOCK_SKEW_MS,
    TEXT_CHARS,
    Freshness,
    PhonePass,
    judge,
    phone_credential,
    read_pass,
)
from portillon_wire.qr_pass_issuer import DeviceKey, issue

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads((ROOT / "wire/golden/qr_passes.json").read_text())
ALPHANUMERIC_7_M = 178
"""ISO/IEC 18004 table 7: characters that a version 7 symbol at level M holds in alphanumeric mode; version 6: 154."""

KEY = DeviceKey.from_bytes(bytes(range(32)))
ISSUED_MS = 1_790_000_000_000
SHOWN = read_pass(issue(KEY, real_ms=ISSUED_MS, random=bytes))
CERTAIN = TimeQuality.CERTAIN


@pytest.mark.parametrize("golden", GOLDEN["accepted"], ids=lambda golden: golden["name"])
def test_golden_passes(golden: dict[str, str]) -> None:
    """Ed25519 is deterministic: the golden passes are byte for byte what this version issues and reads."""
    key = DeviceKey.from_bytes(bytes.fromhex(golden["private_key"]))
    nonce, lifetime_s = bytes.fromhex(golden["nonce"]), int(golden["lifetime_s"])
    text = issue(key, real_ms=int(golden["issued_s"]) * 1_000, random=lambda _: nonce, lifetime_s=lifetime_s)
    assert text == golden["text"]
    assert base45.decode(text[len(CLAIM) :]).hex() == golden["body"] + golden["signature"]
    read = read_pass(text)
    assert (str(read.credential), read.nonce) == (golden["credential"], nonce)
    assert (read.issued_s, read.lifetime_s) == (int(golden["issued_s"]), lifetime_s)
    assert key.credential == read.credential == phone_credential(bytes.fromhex(golden["public_key"]))


@pytest.mark.parametrize("golden", GOLDEN["refused"], ids=lambda golden: golden["name"])
def test_golden_refusals(golden: dict[str, str]) -> None:
    """Each way of being no pass is refused as what it is."""
    with pytest.raises(getattr(errors, golden["error"])):
        read_pass(golden["text"])


def test_the_specification_shows_the_golden_pass() -> None:
    """Whoever builds an app after wire/QR_PASS.md has the very bytes that the tests check."""
    text = (ROOT / "wire/QR_PASS.md").read_text()
    example = GOLDEN["accepted"][0]
    for name in ("private_key", "public_key", "nonce", "signature", "body"):
        assert example[name] in text.replace("\n", "").replace(" ", ""), name
    assert example["text"] in text and example["credential"] in text


def test_a_pass_fits_a_small_qr_code() -> None:
    """A pass is one QR code of version 7 at level M in alphanumeric mode, with no space at either end to be lost."""
    text = issue(KEY, real_ms=ISSUED_MS, random=secrets.token_bytes)
    assert len(text) == TEXT_CHARS <= ALPHANUMERIC_7_M
    assert set(text) <= set(base45.ALPHABET)


@given(st.binary(min_size=110, max_size=110))
def test_no_pass_ends_in_a_space(data: bytes) -> None:
    """Whatever a pass holds, nothing that trims its text can harm it."""
    text = CLAIM + base45.encode(data)
    assert text.strip() == text


@given(st.integers(0, BODY_BYTES + 63), st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(place: int, bit: int) -> None:
    """Every bit of a pass is covered by its signature or by its format."""
    data = bytearray(base45.decode(issue(KEY, real_ms=ISSUED_MS, random=bytes)[len(CLAIM) :]))
    data[place] ^= 1 << bit
    with pytest.raises((PassForgedError, PassMalformedError)):
        read_pass(CLAIM + base45.encode(bytes(data)))


claimed = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=base45.ALPHABET, min_size=165, max_size=165).map(lambda text: CLAIM + text),
    st.binary(min_size=110, max_size=110).map(lambda data: CLAIM + base45.encode(b"\x01" + data[1:])),
    st.binary(min_size=72, max_size=72).map(
        lambda data: CLAIM + base45.encode(b"\x01" + KEY.public + data[:4] + b"\x1e" + data)
    ),
)


@given(claimed)
def test_any_text_is_refused_in_a_declared_way(text: str) -> None:
    """No text that nobody signed is a pass, and none makes reading fail in any other way."""
    with pytest.raises((PassMalformedError, PassForgedError)):
        read_pass(text)


def test_an_oversize_text_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decoded before the length is right."""
    monkeypatch.setattr(base45, "decode", None)
    with pytest.raises(PassMalformedError, match="175 characters"):
        read_pass(CLAIM + "0" * 10_000_000)


@pytest.mark.parametrize("name", ["the neutral element as key", "the neutral element spelled above the prime"])
def test_openssl_alone_would_take_a_pass_that_nobody_signed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: without the check of the key, a signature of zeros under a key of small order opens."""
    [text] = [golden["text"] for golden in GOLDEN["refused"] if golden["name"].startswith(name)]
    monkeypatch.setattr(qr_pass, "anybody_can_sign", lambda key: False)
    assert isinstance(read_pass(text), PhonePass)


def test_all_keys_of_small_order_are_known() -> None:
    """The eight points whose order divides 8 are found on the curve itself, and every one of them is refused."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime

    def x_of(y: int) -> int | None:
        square = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
        root = pow(square, (prime + 3) // 8, prime)
        if root * root % prime != square:
            root = root * pow(2, (prime - 1) // 4, prime) % prime
        return root if root * root % prime == square else None

    def double(x: int, y: int) -> tuple[int, int]:
        product = d * x * x * y * y % prime
        doubled_y = (y * y + x * x) * pow(1 - product, -1, prime) % prime
        return 2 * x * y * pow(1 + product, -1, prime) % prime, doubled_y

    for y in ed25519_keys._SMALL_ORDER_Y:
        x = x_of(y)
        assert x is not None
        point = (x, y)
        for _ in range(3):
            point = double(*point)
        assert point == (0, 1)
    points = sum(2 if x_of(y) else 1 for y in ed25519_keys._SMALL_ORDER_Y)
    assert points == 8
    for sign in (0, 1 << 255):
        for y in (*ed25519_keys._SMALL_ORDER_Y, prime, 2**255 - 1):
            assert ed25519_keys.anybody_can_sign((y | sign).to_bytes(32, "little"))


@given(st.binary(min_size=32, max_size=32))
def test_honest_keys_are_no_weak_ones(seed: bytes) -> None:
    """No key that a phone makes is refused."""
    assert not ed25519_keys.anybody_can_sign(DeviceKey.from_bytes(seed).public)


@pytest.mark.parametrize(
    ("late_ms", "expected"),
    [
        (-CLOCK_SKEW_MS - 1, Freshness.FROM_THE_FUTURE),
        (-CLOCK_SKEW_MS, Freshness.FRESH),
        (0, Freshness.FRESH),
        (30_000 + CLOCK_SKEW_MS - 1, Freshness.FRESH),
        (30_000 + CLOCK_SKEW_MS, Freshness.EXPIRED),
        (10**12, Freshness.EXPIRED),
    ],
)
def test_a_pass_lives_for_its_life_and_the_skew(late_ms: int, expected: Freshness) -> None:
    """With certain time a pass is fresh from the skew before its issue to the skew after its life, and never else."""
    assert judge(SHOWN, real_ms=ISSUED_MS + late_ms, quality=CERTAIN) is expected


def test_the_skew_is_the_callers_to_choose() -> None:
    """A gateway long without a lease may allow for its drift, and must then remember nonces for longer."""
    assert judge(SHOWN, real_ms=ISSUED_MS + 30_000, quality=CERTAIN, skew_ms=0) is Freshness.EXPIRED
    assert judge(SHOWN, real_ms=ISSUED_MS + 55_000, quality=CERTAIN, skew_ms=30_000) is Freshness.FRESH
    assert SHOWN.forget_after_ms(30_000) - SHOWN.forget_after_ms() == 30_000 - CLOCK_SKEW_MS


@pytest.mark.parametrize("late_ms", [-(10**9), 0, 29_999])
def test_a_lagging_clock_cannot_tell_a_fresh_pass_from_an_old_one(late_ms: int) -> None:
    """Uncertain time is a lower bound: what it does not show to be expired is judged only if the caller says so."""
    uncertain = TimeQuality.UNCERTAIN
    assert judge(SHOWN, real_ms=ISSUED_MS + late_ms, quality=uncertain) is Freshness.CANNOT_JUDGE
    trusted = judge(SHOWN, real_ms=ISSUED_MS + late_ms, quality=uncertain, trust_lagging_clock=True)
    assert trusted is Freshness.FRESH


def test_a_lagging_clock_still_shows_what_has_expired() -> None:
    """A lower bound past the end of a pass proves it expired, whatever the caller trusts."""
    for trust in (False, True):
        late_ms = ISSUED_MS + 30_000 + CLOCK_SKEW_MS
        verdict = judge(SHOWN, real_ms=late_ms, quality=TimeQuality.UNCERTAIN, trust_lagging_clock=trust)
        assert verdict is Freshness.EXPIRED


def test_without_any_time_nothing_is_fresh() -> None:
    """A gateway that never had a lease accepts no pass, whatever the caller trusts."""
    for real_ms, quality in ((None, CERTAIN), (ISSUED_MS, TimeQuality.UNKNOWN)):
        verdict = judge(SHOWN, real_ms=real_ms, quality=quality, trust_lagging_clock=True)
        assert verdict is Freshness.CANNOT_JUDGE


@given(
    late_ms=st.integers(0, 10**13),
    skew_ms=st.integers(0, 10**6),
    quality=st.sampled_from(TimeQuality),
    trust=st.booleans(),
)
def test_a_forgotten_nonce_is_never_needed_again(late_ms: int, skew_ms: int, quality: TimeQuality, trust: bool) -> None:
    """From the instant at which a nonce may be forgotten, no judgement calls its pass fresh."""
    real_ms = SHOWN.forget_after_ms(skew_ms) + late_ms
    verdict = judge(SHOWN, real_ms=real_ms, quality=quality, trust_lagging_clock=trust, skew_ms=skew_ms)
    assert verdict is not Freshness.FRESH


def test_each_pass_has_its_own_nonce() -> None:
    """Two passes of one phone in the same second are two passes."""
    first, second = (read_pass(issue(KEY, real_ms=ISSUED_MS, random=secrets.token_bytes)) for _ in range(2))
    assert first.nonce != second.nonce and first.credential == second.credential


def test_no_pass_lasts_longer_than_half_a_minute() -> None:
    """The issuer refuses what every gateway would refuse."""
    for lifetime_s in (0, 31):
        with pytest.raises(ValueError, match="1 to 30 s"):
            issue(KEY, real_ms=ISSUED_MS, random=bytes, lifetime_s=lifetime_s)


def test_keys_and_nonces_never_show() -> None:
    """A key or a pass in a log line shows nothing that could be used."""
    assert "private" not in repr(KEY)
    assert "nonce" not in repr(SHOWN) and SHOWN.credential.value not in repr(SHOWN)
    assert DeviceKey.from_bytes(KEY.to_bytes()).public == KEY.public != DeviceKey.generate().public


def test_a_fingerprint_is_of_a_whole_key() -> None:
    """Half a key has no credential."""
    with pytest.raises(ValueError, match="32 bytes"):
        phone_credential(bytes(31))


def test_a_signature_is_verified_by_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: with verification switched off, the forged golden passes would open."""
    monkeypatch.setattr(qr_pass, "_verify", lambda key, signature, message: None)
    forged = [golden["text"] for golden in GOLDEN["refused"] if golden["error"] == "PassForgedError"]
    assert len(forged) >= 5
    assert all(isinstance(read_pass(text), PhonePass) for text in forged)
