"""A link by which one contract can be read, and accepted, without a password: it names the document, and runs out.

Nothing of it is kept: the keyring signs what it says. It runs out in machine time, like all that opens something.
"""

import hmac
import re
from dataclasses import dataclass

from portillon_cloud.documents.errors import LinkError
from portillon_cloud.secrets import Keyring

LINK_DAYS = 14
_DAY_MS = 24 * 3600 * 1000
_PURPOSE = "contract-link"
_FORM = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{1,16})-([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ContractLink:
    """What a genuine link opens."""

    organisation_id: int
    document_id: int


def link_for(keyring: Keyring, *, organisation_id: int, document_id: int, real_ms: int) -> str:
    """The last part of the address, good for LINK_DAYS."""
    said = f"{organisation_id}-{document_id}-{real_ms + LINK_DAYS * _DAY_MS}"
    return f"{said}-{keyring.blind_index(said, purpose=_PURPOSE)}"


def read_link(keyring: Keyring, link: str, *, real_ms: int) -> ContractLink:
    """What it opens. Raises LinkError if it is over, or not ours."""
    match = _FORM.fullmatch(link)
    if match is None:
        raise LinkError("this link is not whole: open it from the letter again")
    said, proof = link.rsplit("-", 1)
    if not hmac.compare_digest(keyring.blind_index(said, purpose=_PURPOSE), proof):
        raise LinkError("this link is not ours: open it from the letter again")
    if int(match[3]) <= real_ms:
        raise LinkError("this link is over: ask the gym for a new one")
    return ContractLink(int(match[1]), int(match[2]))
