"""Which stories on devices came too late on a busy machine: few may, none each time, and each is named.

A race in the product looks like lateness now and then. Playing a story once more must not hide one for long.
"""

from dataclasses import dataclass, field

SHARE_MAX = 0.03
"""Of the stories played in one run, so many may need another try."""
AT_ONCE = 8
"""Stories mostly wait: so many at a time keep two cores busy. One stall of the machine makes all of them late."""

LINES_MAX = 6
"""Of what was not so; the logs stand behind it."""
LATE_STORIES = "late door stories"
"""Under this name a test's report carries them to whoever prints the end of the run."""


@dataclass
class Lateness:
    """Of one run; a story that fails alone, twice, has failed by itself."""

    asked: int
    played: int = 0
    late: dict[str, str] = field(default_factory=dict)

    def came_late(self, story: str, why: str) -> None:
        """It was not so at the first try."""
        self.late[story] = why

    @property
    def too_many(self) -> bool:
        """Whether that is more than a busy machine explains."""
        return len(self.late) > max(AT_ONCE, self.asked * SHARE_MAX)

    def in_words(self) -> str:
        """Who was late, and with what, one line each; empty: nobody."""
        if not self.late:
            return ""
        told = [f"{len(self.late)} of {self.asked} door stories were not so at the first try:"]
        return "\n".join([*told, *(f"- {story}: {_in_short(why)}" for story, why in sorted(self.late.items()))])


def _in_short(why: str) -> str:
    return " ".join(line.strip() for line in why.splitlines()[:LINES_MAX])
