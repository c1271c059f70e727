"""Which character a key stands for, in the keyboard layouts that wedge scanners can be set to. Pure data.

Written as the keys lie, row by row; `·` is a key that gives no ASCII character there, or a dead one. Sources: the key
codes of Linux (input-event-codes.h); the layouts us, fr and ca(fr) of xkeyboard-config, which are the United States,
French and Canadian French layouts of Windows for every character here.
"""

from collections.abc import Mapping
from typing import NamedTuple

NONE = "·"
SPACE_KEY = 57
_ROWS = (
    (41, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13),
    (16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27),
    (30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 43),
    (86, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53),
)
_NUMBER_PAD = dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73, 74, 78, 55, 98), "0123456789-+*/", strict=True))


class Stroke(NamedTuple):
    """A key and the level at which it is pressed."""

    key: int
    shift: bool = False
    altgr: bool = False


Layout = Mapping[Stroke, str]


def _layout(*, plain: tuple[str, ...], shift: tuple[str, ...], altgr: tuple[str, ...]) -> Layout:
    strokes = {
        Stroke(key, shift=rows is shift, altgr=rows is altgr): character
        for rows in (plain, shift, altgr)
        for keys, characters in zip(_ROWS, rows, strict=True)
        for key, character in zip(keys, characters, strict=True)
        if character != NONE
    }
    space = {Stroke(SPACE_KEY): " ", Stroke(SPACE_KEY, shift=True): " "}
    return strokes | space | {Stroke(key): character for key, character in _NUMBER_PAD.items()}


LAYOUTS: Mapping[str, Layout] = {
    "us": _layout(
        plain=("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", "·zxcvbnm,./"),
        shift=("~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', "·ZXCVBNM<>?"),
        altgr=("·············", "············", "············", "···········"),
    ),
    "fr": _layout(
        plain=("·&·\"'(-·_··)=", "azertyuiop·$", "qsdfghjklm·*", "<wxcvbn,;:!"),
        shift=("·1234567890·+", "AZERTYUIOP··", "QSDFGHJKLM%·", ">WXCVBN?./·"),
        altgr=("···#{[|·\\^@]}", "············", "············", "···········"),
    ),
    "ca-fr": _layout(
        plain=("#1234567890-=", "qwertyuiop··", "asdfghjkl;·<", "·zxcvbnm,.·"),
        shift=('|!"/$%?&*()_+', "QWERTYUIOP··", "ASDFGHJKL:·>", "·ZXCVBNM'.·"),
        altgr=("\\·@··········", "··········[]", "·········~{}", "···········"),
    ),
}
