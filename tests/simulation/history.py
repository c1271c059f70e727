"""What happens in a life, act by act, each with a chance of its own: so that acts can be left out, or played again."""

import json
import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TRIES_MAX = 120


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens; `chance` seeds every choice in it, `wait_ms` passes afterwards."""

    do: str
    chance: int
    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """A life to be lived: the same one gives the same life."""

    kind: str
    seed: int
    acts: tuple[Act, ...]
    without: tuple[str, ...] = field(default=())
    """Faults that are switched off."""


def write_history(
    seed: int, *, kind: str, weights: Mapping[str, float], count: int, wait_ms: float = 0, without: Sequence[str] = ()
) -> History:
    """Draw `count` acts; `wait_ms` is the mean time between two."""
    chance = random.Random(f"{kind} {seed}")
    names = [name for name, weight in weights.items() if weight > 0 and name not in without]
    drawn = chance.choices(names, [weights[name] for name in names], k=count)
    acts = tuple(
        Act(name, chance.getrandbits(48), round(chance.expovariate(1 / wait_ms)) if wait_ms else 0) for name in drawn
    )
    return History(kind, seed, acts, tuple(without))


def shortest(history: History, breaks: Callable[[History], bool], *, tries_max: int = TRIES_MAX) -> History:
    """The shortest history found that still breaks what this one breaks: halves, quarters and so on are left out."""
    tries = 0
    size = max(1, len(history.acts) // 2)
    while tries < tries_max:
        at, shorter = 0, False
        while at < len(history.acts) and tries < tries_max:
            left = History(
                history.kind, history.seed, history.acts[:at] + history.acts[at + size :], history.without
            )  # fmt: skip
            tries += 1
            if breaks(left):
                history, shorter = left, True
            else:
                at += size
        if size == 1 and not shorter:
            break
        size = max(1, size // 2)
    return history


def save(history: History, path: Path, *, why: Sequence[str] = ()) -> None:
    """Write the story down, to be read by people and played by `load`."""
    lines = [f"# {line}" for line in why]
    lines += [f'kind = "{history.kind}"', f"seed = {history.seed}"]
    lines.append(f"without = {json.dumps(history.without)}")
    lines.append("acts = [")
    lines += [f'  {{ do = "{act.do}", chance = {act.chance}, wait_ms = {act.wait_ms} }},' for act in history.acts]
    path.write_text("\n".join([*lines, "]", ""]))


def load(path: Path) -> History:
    """A story that was saved. Raises OSError, KeyError or TypeError."""
    story = tomllib.loads(path.read_text())
    return History(story["kind"], story["seed"], tuple(Act(**act) for act in story["acts"]), tuple(story["without"]))
