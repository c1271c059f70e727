"""Making a keyring, and what becomes of it: a new generation of keys, an old one retired, a gateway's copy.

format = 1
current = 2                    # new cards are written with this version; the others are still accepted

[[versions]]
version = 2
reader_key = "…"               # 16 bytes in hex, master of the keys that readers prove
issuer_public = "…"            # 32 bytes, verifies the signed numbers
admin_key = "…"                # desk only: 16 bytes, master of the keys that change a card
issuer_secret = "…"            # desk only: 32 bytes, signs the numbers

[[foreign_tags]]               # NTAG 424 DNA that somebody else wrote; by hand
name = "wristbands 2023"
settings = "4000E0C1F121200000430000430000"   # as the tag's ChangeFileSettings
file_read_key = "…"
meta_read_key = "…"            # where UID and counter are enciphered
diversified_with = "3042F5"    # if file_read_key is a master of AN10922 over UID ‖ these bytes
"""

from dataclasses import replace

from portillon_drivers.cards.cipher import KEY_BYTES
from portillon_drivers.cards.file_settings import FREE, NEVER, FileSettings
from portillon_drivers.cards.keyring import FORMAT, VERSION_MAX, VERSIONS_MAX, CardKeyring, ForeignTags, KeyVersion
from portillon_drivers.cards.keyring_file import CardKeyringError
from portillon_drivers.cards.session import SYSTEM_RANDOM, CommMode, Random
from portillon_drivers.cards.signed_number import PUBLIC_KEY_BYTES, Issuer

HEAD = "# Portillon's card keys: whoever reads them can make cards that open doors. Mode 0600, backed up, never mailed."
GATEWAY_HEAD = "# Portillon's card keys, a gateway's part: reads cards, writes and signs none. Mode 0600."


def new_version(version: int, *, random: Random = SYSTEM_RANDOM) -> KeyVersion:
    """A generation of random keys."""
    issuer = Issuer(random(PUBLIC_KEY_BYTES))
    return KeyVersion(version, random(KEY_BYTES), issuer.public, random(KEY_BYTES), issuer)


def new_keyring(*, random: Random = SYSTEM_RANDOM) -> CardKeyring:
    """A desk's keyring with one generation."""
    first = new_version(1, random=random)
    return CardKeyring((first,), first)


def rotated(keyring: CardKeyring, *, random: Random = SYSTEM_RANDOM) -> CardKeyring:
    """With a new generation for new cards; the old ones stay accepted. Raises CardKeyringError."""
    if keyring.current.issuer is None:
        raise CardKeyringError("this is a gateway's keyring; rotate the desk's, and make the gateways' from it")
    if len(keyring.versions) == VERSIONS_MAX:
        raise CardKeyringError(f"there are {VERSIONS_MAX} versions already; retire one that no card has any more")
    number = max(known.version for known in keyring.versions) + 1
    if number > VERSION_MAX:
        raise CardKeyringError(f"version {VERSION_MAX} was the last; begin a new keyring with new cards")
    fresh = new_version(number, random=random)
    return replace(keyring, versions=(fresh, *keyring.versions), current=fresh)


def retired(keyring: CardKeyring, version: int) -> CardKeyring:
    """Without that generation: its cards are refused from now on. Raises CardKeyringError."""
    if version == keyring.current.version:
        raise CardKeyringError(f"version {version} is the current one; rotate first, then renew the cards")
    if keyring.find(version) is None:
        raise CardKeyringError(f"there is no version {version} in the keyring")
    return replace(keyring, versions=tuple(known for known in keyring.versions if known.version != version))


def for_gateway(keyring: CardKeyring) -> CardKeyring:
    """What a gateway needs, and nothing with which cards are written or signed."""
    versions = tuple(replace(known, admin_key=None, issuer=None) for known in keyring.versions)
    current = next(known for known in versions if known.version == keyring.current.version)
    return replace(keyring, versions=versions, current=current)


def keyring_text(keyring: CardKeyring) -> str:
    """The file, as `load_card_keys` reads it."""
    desk = any(known.issuer for known in keyring.versions)
    parts = [HEAD if desk else GATEWAY_HEAD, f"format = {FORMAT}\ncurrent = {keyring.current.version}\n"]
    parts += [_version_text(known) for known in keyring.versions]
    parts += [_foreign_text(tags) for tags in keyring.foreign]
    return "\n".join(parts)


def _version_text(known: KeyVersion) -> str:
    lines = [
        "[[versions]]",
        f"version = {known.version}",
        f'reader_key = "{known.reader_key.hex()}"',
        f'issuer_public = "{known.issuer_public.hex()}"',
    ]
    if known.admin_key is not None:
        lines.append(f'admin_key = "{known.admin_key.hex()}"')
    if known.issuer is not None:
        lines.append(f'issuer_secret = "{known.issuer.secret.hex()}"')
    return "\n".join(lines) + "\n"


def _foreign_text(tags: ForeignTags) -> str:
    settings = FileSettings(CommMode.PLAIN, FREE, NEVER, NEVER, NEVER, tags.sdm).encode()
    name = tags.name.replace("\\", "\\\\").replace('"', '\\"')
    lines = [
        "[[foreign_tags]]",
        f'name = "{name}"',
        f'settings = "{settings.hex()}"',
        f'file_read_key = "{tags.file_read_key.hex()}"',
    ]
    if tags.meta_read_key is not None:
        lines.append(f'meta_read_key = "{tags.meta_read_key.hex()}"')
    if tags.suffix is not None:
        lines.append(f'diversified_with = "{tags.suffix.hex()}"')
    return "\n".join(lines) + "\n"
