"""Every fault of a life of gates, with its odds: each can be made likelier, or switched off, by its name.

What is drawn per act is a weight beside everyday life; what is drawn per message is a probability.
"""

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from simulation.hours import CLOCKS_CHANGE_MS
from simulation.network import Weather

EVERYDAY: Mapping[str, float] = MappingProxyType(
    {
        "somebody_badges": 30,
        "change_somebody": 6,
        "order_doors": 2,
        "open_once": 0.5,
        "alarm_fire": 0.2,
        "switch_lockdown": 0.3,
        "move_visits": 1.5,
        "sell_visits": 1,
    }
)
ACTS: Mapping[str, float] = MappingProxyType(
    {
        "break_broker": 1,  # the broker comes back with an empty disk
        "isolate": 1,  # one gateway is cut off
        "crash_gateway": 2,  # SIGKILL between two steps
        "die_in_a_write": 2,  # SIGKILL at any step of its disk
        "cut_power": 1,  # what was not synced is dropped, torn or shuffled
        "cut_power_in_a_write": 1,
        "fill_disk": 0.5,
        "break_disk": 0.5,  # I/O errors from operation n on, once or some in a row
        "slow_disk": 0.5,
        "flip_bit": 0.3,  # at rest, while the power is off
        "restore_gateway": 0.3,  # its card is replaced by an old copy
        "clone_card": 0.3,  # a copy of it runs beside the original
        "jump_gateway_clock": 0.5,  # its real-time clock is wrong when the power comes back
        "crash_cloud": 1,
        "restore_cloud": 0.4,  # from a backup
        "jump_clock": 1,  # the cloud's
        "kill_guard": 1,
        "attack": 2,  # forged, bent, repeated and foreign messages
        "quiet_hours": 0.3,  # leases run out
    }
)
MESSAGES: Mapping[str, float] = MappingProxyType({"loss": 0.05, "repeat": 0.05, "straggle": 0.05, "days": 0.002})
SUMMER_TIME = "summer_time"
NAMES = (*ACTS, *MESSAGES, SUMMER_TIME)
START_MS = 1_790_000_000_000
ACTS_BEFORE = 30


def begins_ms(seed: int, *, wait_ms: float, without: Sequence[str] = ()) -> int:
    """When a life begins: half of them some acts before the clocks at the doors are put forward or back."""
    chance = random.Random(f"{SUMMER_TIME} {seed}")  # of its own, so that the rest of the life stays as it was
    if SUMMER_TIME in without or chance.random() < 0.5:
        return START_MS
    return chance.choice(CLOCKS_CHANGE_MS) - int(ACTS_BEFORE * wait_ms)


def weather(without: Sequence[str], odds: Mapping[str, float] = MappingProxyType({})) -> Weather:
    """What happens to messages."""
    return Weather(**{name: 0.0 if name in without else odds.get(name, odd) for name, odd in MESSAGES.items()})


def weights(odds: Mapping[str, float] = MappingProxyType({})) -> dict[str, float]:
    """How often each act comes."""
    return {name: odds.get(name, weight) for name, weight in (EVERYDAY | ACTS).items()}
