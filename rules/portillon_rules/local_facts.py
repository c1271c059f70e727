"""What a gateway knows by itself when somebody badges: no feed tells it, and no clock."""

from dataclasses import dataclass, field

from portillon_rules.company import Company
from portillon_rules.presence import Presence
from portillon_rules.visits import VisitUse


@dataclass(frozen=True, slots=True)
class LocalFacts:
    """About one member at one door. `occupancy`: how many are in the zone that one enters there.

    `pin_shown`: the card came with its right PIN. Whoever asks without a door in front of them supposes it.
    """

    presence: Presence | None = None
    occupancy: int = 0
    visits: VisitUse = field(default_factory=VisitUse)
    company: Company = field(default_factory=Company)
    pin_shown: bool = True


NO_LOCAL_FACTS = LocalFacts()
"""What is known where no gateway was asked: of somebody who is nowhere yet, alone, in an empty place."""
