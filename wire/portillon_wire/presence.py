"""Where members were seen, between the gateways of one site: a stream beside the feed, in no digest and no snapshot.

The cloud numbers the passages of a site as they reach it, and keeps of each member the latest one only. So what still
counts after any number is short, and complete. A gateway says how far it has come; whatever is lost is told again.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from portillon_wire.messages import Counter, Message, Name, SignedMessage

PASSAGES_MAX = 200
"""In one message: some 20 KB."""
ZONES_MAX = 128
UNSEEN_MAX = 512
"""Counts of all other gateways together: some 30 KB."""


class Seen(BaseModel):
    """A member went through a door of `zone` at business time `at_ms`: into it or, if `left`, out of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    member: Annotated[str, Field(min_length=1, max_length=64)]
    zone: Name
    left: bool = False
    at_ms: Counter


class Unseen(BaseModel):
    """What one gateway does not know of `zone`. `count` more people without a card came into it than left it (negative:
    fewer), changed last at business time `at_ms`. `free_ms`: a door of it stood free until then, or does so since then
    (`free`), and anybody may have come or gone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    zone: Name
    count: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    at_ms: Counter
    free_ms: Counter | None = None
    free: bool = False


class PresenceNews(SignedMessage):
    """What still counts of the passages numbered `after` + 1 to `through` at the site's other gateways.

    `after` 0: from the beginning, also for a gateway that has come further: the cloud was restored. `heard_ms`: real
    time up to which every passage at the others is told with this message; None: this one does not say. `more`: there
    is more, ask at once. `others`: how many other gateways the site has. `unseen`: their counts of nobody; None: as
    before.
    """

    after: Counter
    through: Counter
    seen: tuple[Seen, ...] = Field(default=(), max_length=PASSAGES_MAX)
    heard_ms: Counter | None = None
    more: bool = False
    others: Annotated[int, Field(ge=0, le=100_000)]
    unseen: tuple[Unseen, ...] | None = Field(default=None, max_length=UNSEEN_MAX)

    @model_validator(mode="after")
    def _runs_forward(self) -> "PresenceNews":
        if self.through < self.after:
            raise ValueError(f"it tells {self.after} to {self.through}")
        return self


class PresenceReport(Message):
    """How far this gateway has heard of the others (`through`), and up to which real time the cloud of feed epoch
    `epoch` has acknowledged every passage that it saw itself (`told_ms`; None: it cannot tell). It asks for what comes
    after `through`.
    """

    epoch: Counter
    through: Counter
    told_ms: Counter | None
    unseen: tuple[Unseen, ...] = Field(default=(), max_length=ZONES_MAX)
