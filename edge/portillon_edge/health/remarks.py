"""What an owner must be told about a reader although nothing is wrong with it: on what it lets pass that can be copied.

A remark is a word of the wire, `copyable:em4100` or one of the driver's own; here are the words for people.
"""

from collections.abc import Iterable, Mapping

from portillon_drivers.options import ReaderOptions

COPYABLE = "copyable:"
REMARKS_MAX = 16
REMARK_CHARS_MAX = 64
TEXTS: Mapping[str, str] = {
    "insecure_clear_text": "talks in clear text: whoever reaches the cable can read and replay cards",
    "uid_only": "reads serial numbers only: cards that could prove themselves are not asked to",
}


def remarks_of(options: ReaderOptions) -> tuple[str, ...]:
    """The remarks on the reader of this section; a driver adds its own by a property `remarks` of its options."""
    copyable = sorted(COPYABLE + kind for kind in options.lets_pass if kind.copyable)
    drivers: Iterable[str] = getattr(options, "remarks", ())
    return tuple(remark[:REMARK_CHARS_MAX] for remark in (*copyable, *drivers))[:REMARKS_MAX]


def in_words(remarks: Iterable[str]) -> str:
    """One sentence for a technician; remarks that this version has no words for are shown as they are."""
    remarks = tuple(remarks)
    kinds = [remark.removeprefix(COPYABLE) for remark in remarks if remark.startswith(COPYABLE)]
    copyable = [f"lets pass what can be copied: {', '.join(kinds)}"] if kinds else []
    return "; ".join([*copyable, *(TEXTS.get(r, r) for r in remarks if not r.startswith(COPYABLE))])
