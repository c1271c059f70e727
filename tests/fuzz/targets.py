"""Every parser that meets bytes from outside, by the name under which it is fuzzed: `module:function`.

A target takes any bytes and returns; what it raises is a finding.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

Target = Callable[[bytes], None]

TARGETS: Mapping[str, str] = {
    "stx-frames": "fuzz.readers:stx_frames",
    "modbus-answer": "fuzz.readers:modbus_answer",
    "wiegand-edges": "fuzz.wiegand:edges",
    "wiegand-bits": "fuzz.wiegand:bits",
    "card-number": "fuzz.wiegand:card_number",
    "serial-codes": "fuzz.scans:serial_codes",
    "wedge-keys": "fuzz.scans:wedge_keys",
    "scanned-text": "fuzz.scans:scanned_text",
    "day-code": "fuzz.scans:day_code",
    "osdp-frames": "fuzz.osdp:frames",
    "osdp-bodies": "fuzz.osdp:bodies",
    "card-answers": "fuzz.cards:answers",
    "sun-message": "fuzz.cards:sun_message",
    "emulated-cards": "fuzz.cards:emulated",
    "pn532-frames": "fuzz.cards:chip_frames",
    "wire-message": "fuzz.wire:message",
    "wire-token": "fuzz.wire:token",
    "guard-line": "fuzz.wire:guard_line",
}


def target(name: str) -> Target:
    """The function of that target."""
    module, _, function = TARGETS[name].partition(":")
    found: Target = getattr(import_module(module), function)
    return found
