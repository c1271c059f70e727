"""The gateway's own process for a story: the real one, with a socket in place of its cloud and of its pins.

    python -m stories.door_gateway CONFIG SOCKET LEVELS

LEVELS: {"pins": {"23": true, …}, "loops": {"front-contact": 1000.0}}: how the contacts on mock pins stand when it
starts, true for high, and what the loops at its SPI pins measure. Takes JSON lines and answers each with one:
{"do": "look"}, {"do": "pin", "pin": 23, "high": true}, {"do": "flap", "pin": 23},
{"do": "loop", "name": "front-contact", "ohm": 2000.0}, {"do": "feed", "entry": {…}}, {"do": "turn", "business_ms": 0},
{"do": "correct", "by_ms": 60000}, {"do": "order", "order": "OpenDoor", "door": "front", "by": "owner"}.
"""

import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from portillon_config import ConfigError, GatewayConfig, load, load_site_keys
from portillon_drivers import gpio_pins
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.inputs.mcp3008 import Mcp3008Options
from portillon_drivers.inputs.mcp3008_simulator import Mcp3008Simulator
from portillon_edge import exit_codes
from portillon_edge.boot_clock import boot_ns
from portillon_edge.domain.timekeeping import SavedLease
from portillon_edge.doors import staff_order
from portillon_edge.gateway import Gateway
from portillon_edge.main import SWITCH_SECONDS
from portillon_rules.door_plan import Standing
from portillon_wire.messages import FeedEntry, Lease
from stories.door_clock import corrected, turned
from stories.door_guard import ALONE_S_MAX

Told = Mapping[str, Any]
FLAPS_S = (0.001, 0.007, 0.003, 0.009, 0.002, 0.005, 0.008) * 60
"""A loose wire has no rhythm; one that had could stand still before a driver that looks as often."""


def hold_contacts(levels: Mapping[str, bool]) -> None:
    """A mock pin made from now on takes the level of its contact, whatever its pull."""

    class HeldPin(gpio_pins.OneActMockPin):
        """A mock pin with a contact on it from the beginning."""

        def _set_pull(self, value: str) -> None:
            super()._set_pull(value)
            held = levels.get(self.info.name.removeprefix("GPIO"))
            if held is not None:
                (self.drive_high if held else self.drive_low)()

    gpio_pins.OneActMockPin = HeldPin  # type: ignore[misc]


def hang_loops(config: GatewayConfig, levels: Mapping[str, float]) -> Mapping[str, Callable[[float], None]]:
    """The chips on this process's mock SPI pins, with the loops as they are; by an input's name, what changes its."""
    chips: dict[str, Mcp3008Simulator] = {}
    loops: dict[str, Callable[[float], None]] = {}
    for options in config.inputs:
        if isinstance(options, Mcp3008Options):
            if options.port not in chips:
                chips[options.port] = Mcp3008Simulator(pin_factory("mock"), options.chip_select, options.pull_up_ohm)
            loops[options.name] = partial(chips[options.port].set_ohm, options.channel)
            loops[options.name](levels[options.name])
    return loops


class GatewayEnd:
    """Obeys the story."""

    def __init__(self, gateway: Gateway, loops: Mapping[str, Callable[[float], None]]) -> None:
        self._gateway = gateway
        self._loops = loops
        self._verbs: Mapping[str, Callable[[Told], Told]] = {
            "look": self._look,
            "pin": self._pin,
            "flap": self._flap,
            "loop": self._loop,
            "feed": self._feed,
            "turn": self._turn,
            "correct": self._correct,
            "order": self._order,
        }

    def serve(self, path: str) -> None:
        """One story, until its end closes the line."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(ALONE_S_MAX)
            line, _ = listener.accept()
            line.settimeout(None)
            with line, line.makefile("rw", encoding="utf-8") as talk:
                for asked in talk:
                    told = json.loads(asked)
                    talk.write(json.dumps(self._verbs[told["do"]](told)) + "\n")
                    talk.flush()

    def _look(self, told: Told) -> Told:
        report = self._gateway.look()
        return {
            "down": [device.name for device in report.devices if device.state != "up"],
            "doors": {door.name: door.model_dump(mode="json") for door in report.doors},
        }

    def _pin(self, told: Told) -> Told:
        pin = pin_factory("mock").pin(told["pin"])
        if told["high"]:
            pin.drive_high()
        else:
            pin.drive_low()
        return {}

    def _flap(self, told: Told) -> Told:
        for index, seconds in enumerate(FLAPS_S):
            self._pin({"pin": told["pin"], "high": (index % 2 == 0) is not told["high"]})
            time.sleep(seconds)
        return {}

    def _loop(self, told: Told) -> Told:
        self._loops[told["name"]](told["ohm"])
        return {}

    def _feed(self, told: Told) -> Told:
        self._gateway._store.apply(FeedEntry.model_validate(told["entry"]))
        return {}

    def _turn(self, told: Told) -> Told:
        return self._adopt(lambda before: turned(before, told["business_ms"]))

    def _correct(self, told: Told) -> Told:
        return self._adopt(lambda before: corrected(before, told["by_ms"]))

    def _adopt(self, lease: Callable[[SavedLease], Lease]) -> Told:
        keeper, now_ns = self._gateway._time, boot_ns()
        before = keeper.saved(now_ns)
        assert before is not None
        return {"refused": keeper.adopt(lease(before), now_ns)}

    def _order(self, told: Told) -> Told:
        named = {key: value for key, value in told.items() if key not in ("do", "order")}
        if "standing" in named:
            named["standing"] = Standing(named["standing"])
        self._gateway._loop.put(getattr(staff_order, told["order"])(**named, at_ns=boot_ns()))
        return {}


def main() -> int:
    """Run until the story ends."""
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    config_path = Path(sys.argv[1])
    standing = json.loads(sys.argv[3])
    hold_contacts(standing["pins"])
    try:
        config = load(config_path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return exit_codes.CONFIG
    loops = hang_loops(config, standing["loops"])
    gateway = Gateway(config, load_site_keys(config), config_path=config_path, fail=sys.exit)
    gateway.start()
    try:
        GatewayEnd(gateway, loops).serve(sys.argv[2])
    finally:
        gateway.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
