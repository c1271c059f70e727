"""A process that decides, applies entries and scrubs over a table of any size, and says what memory that took."""

import random
import sys
from pathlib import Path

from bench.edge import LANE, LOCAL, SECRET, TIME, peak_mb
from bench.gym_rows import KEY, card, hashed
from portillon_edge.domain.look_up import look_up
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.scrub import FIRST_NS
from portillon_rules.decision import Granted, decide
from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry
from portillon_wire.rows import RowChange, RowKind, canonical_body


def main() -> None:
    """Do the work and print the peaks before it, after the decisions, and after all."""
    folder, (members, decisions, entries) = Path(sys.argv[1]), map(int, sys.argv[2:])
    store, chance = EntitlementStore(folder / "entitlements.db", SECRET), random.Random(2)
    peaks = [peak_mb()]
    for _ in range(decisions):
        _, found = look_up(card(chance.randrange(members)), keys=[KEY], lookup=store.lookup)
        assert isinstance(decide(lookup=found, door=LANE, site=store.site_rules(), time=TIME, local=LOCAL), Granted)
    peaks.append(peak_mb())
    digest = Digest.from_bytes(store._table._digest.to_bytes())
    for _ in range(entries):
        store.apply(_entry(store, digest, hashed(chance.randrange(members))))
    now_ns = 0
    store.scrub(now_ns)
    while store._scrub._walk is not None or now_ns <= FIRST_NS:
        now_ns += FIRST_NS
        assert store.scrub(now_ns) is None
    peaks.append(peak_mb())
    store.close()
    print(*peaks)


def _entry(store: EntitlementStore, digest: Digest, key: str) -> FeedEntry:
    """A member's row told once more, with another day."""
    found = store.lookup(key)
    assert found is not None
    before = found.to_body()  # type: ignore[union-attr]
    after = before | {"valid_until_ms": before["valid_until_ms"] + 1}
    digest.remove(RowKind.ENTITLEMENT, key, canonical_body(before))
    digest.add(RowKind.ENTITLEMENT, key, canonical_body(after))
    here = store.position()
    change = RowChange(kind=RowKind.ENTITLEMENT, key=key, body=after)
    return FeedEntry(
        gateway="gw1", epoch=here.epoch, revision=here.revision + 1, changes=(change,), root=digest.root(), issued_ms=0
    )


if __name__ == "__main__":
    main()
