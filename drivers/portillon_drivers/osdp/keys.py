"""Readers' keys: which ones are refused. Pure."""

from itertools import pairwise

from portillon_drivers.osdp.errors import WeakKeyError

SCBK_D = bytes(range(0x30, 0x40))
"""The default key, known to everybody (annex D)."""
KEY_BYTES = 16


def weakness(key: bytes) -> str | None:
    """Why nobody should use this key; None if it is not known to be weak.

    Bishop Fox, "Badge of Shame" (2023): installers copy the manuals' sample keys, all bytes equal or counting.
    """
    if len(key) != KEY_BYTES:
        return f"it has {len(key)} bytes instead of {KEY_BYTES}"
    if key == SCBK_D:
        return "it is the default key SCBK-D"
    steps = {(after - before) & 0xFF for before, after in pairwise(key)}
    if len(steps) == 1:
        return "all its bytes are equal" if steps == {0} else "its bytes count up or down"
    return None


def refuse_weak(key: bytes, whose: str) -> None:
    """Raises `WeakKeyError` for a key that anybody would try."""
    why = weakness(key)
    if why is not None:
        raise WeakKeyError(f"the key of {whose} is refused: {why}; make one from a real random source")
