"""What can become of a credential, and what a turnstile says of one that does not open. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from portillon_rules.reason import DenyReason


class CredentialState(StrEnum):
    """What was said of it last. All but the first two are final: a card that was found again is issued again."""

    ACTIVE = "active"
    BLOCKED = "blocked"  # by the desk, for a while
    LOST = "lost"
    STOLEN = "stolen"
    EXPIRED = "expired"
    REPLACED = "replaced"


HELD = (CredentialState.ACTIVE, CredentialState.BLOCKED)
"""The states in which it is its member's and nobody else's."""

MAY_BECOME: Mapping[CredentialState, frozenset[CredentialState]] = MappingProxyType(
    {
        CredentialState.ACTIVE: frozenset(CredentialState) - {CredentialState.ACTIVE},
        CredentialState.BLOCKED: frozenset(CredentialState) - {CredentialState.BLOCKED},
        CredentialState.LOST: frozenset({CredentialState.STOLEN}),  # what was thought lost
        CredentialState.STOLEN: frozenset(),
        CredentialState.EXPIRED: frozenset({CredentialState.LOST, CredentialState.STOLEN}),
        CredentialState.REPLACED: frozenset(),
    }
)

REFUSAL: Mapping[CredentialState, DenyReason | None] = MappingProxyType(
    {
        CredentialState.ACTIVE: None,
        CredentialState.BLOCKED: DenyReason.CREDENTIAL_BLOCKED,
        CredentialState.LOST: DenyReason.CREDENTIAL_LOST,
        CredentialState.STOLEN: DenyReason.CREDENTIAL_STOLEN,
        CredentialState.EXPIRED: DenyReason.CREDENTIAL_EXPIRED,
        CredentialState.REPLACED: DenyReason.CREDENTIAL_REPLACED,
    }
)
"""Why it opens for nobody; None: it is up to its holder's standing."""
