"""Find what the store says of a presented credential, whichever of the site's keys its row was hashed under."""

from collections.abc import Callable, Sequence

from portillon_rules.credential import Credential, SiteKey, credential_hash
from portillon_rules.decision import Lookup


def look_up(credential: Credential, *, keys: Sequence[SiteKey], lookup: Callable[[str], Lookup]) -> tuple[str, Lookup]:
    """The credential's hash and its row. Several keys overlap while a site rotates them; an unknown credential is named
    by its hash under the first, so that the same card stays the same stranger in the journal."""
    first: str | None = None
    for key in keys:
        hashed = credential_hash(credential, key)
        found = lookup(hashed)
        if found is not None:
            return hashed, found
        first = first or hashed
    if first is None:
        raise ValueError("a gateway needs at least one site key")
    return first, None
