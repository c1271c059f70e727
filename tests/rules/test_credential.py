import pytest
from portillon_rules.credential import Credential, CredentialError, CredentialKind, SiteKey, credential_hash

KEY = SiteKey("k1", bytes(range(32)))
CARD = Credential(CredentialKind.EM4100, "0F0027A46B")


def test_the_canonical_form_reads_back() -> None:
    """What is written as text is the same credential when read."""
    assert str(CARD) == "em4100:0F0027A46B"
    assert Credential.parse(" em4100:0f0027a46b\n") == CARD


def test_leading_zeros_make_another_credential() -> None:
    """A lost zero is another number: esp-rfid#635 locked members out by dropping them."""
    short = Credential.parse("em4100:0027A46B")
    long = Credential.parse("em4100:000027A46B")
    assert credential_hash(short, KEY) != credential_hash(long, KEY)


@pytest.mark.parametrize(
    "text", ["", "0F0027A46B", "em4100:", "em4100:XYZ", "em4100:0", "iris:0F", "em4100:" + "A" * 65]
)
def test_what_is_no_credential_is_refused_with_a_hint(text: str) -> None:
    """Bad text raises CredentialError and says what to write."""
    with pytest.raises(CredentialError, match=r"write|known kinds"):
        Credential.parse(text)


def test_the_hash_is_keyed_and_names_its_key() -> None:
    """The same card has another hash at another site, and a hash tells which key made it."""
    other = SiteKey("k2", bytes(32))
    assert credential_hash(CARD, KEY).startswith("k1.")
    assert credential_hash(CARD, KEY).split(".")[1] != credential_hash(CARD, other).split(".")[1]
    # HMAC-SHA-256 computed with another implementation: openssl dgst -sha256 -mac HMAC.
    assert credential_hash(CARD, KEY) == "k1.5b7490779f0811468a9ec4b03bf95349377dad74e0a67052d161525f47e9b842"


def test_a_secret_never_shows() -> None:
    """A site key in a log shows its id and nothing else."""
    assert "secret" not in repr(KEY)


@pytest.mark.parametrize(("key_id", "secret"), [("k1", b"short"), ("no spaces", bytes(32)), ("a.b", bytes(32))])
def test_a_bad_key_is_refused(key_id: str, secret: bytes) -> None:
    """Keys have 32 bytes and an id that fits before the dot."""
    with pytest.raises(CredentialError):
        SiteKey(key_id, secret)
