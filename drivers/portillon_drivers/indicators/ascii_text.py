"""Letters for displays that have no accents: OSDP texts and the common character ROM are ASCII. Pure."""

import unicodedata

SPELLED = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "œ": "oe", "Œ": "OE"})
SPELLED |= str.maketrans({"æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "«": '"', "»": '"', "°": "o"})
UNKNOWN = "?"


def ascii_text(text: str) -> str:
    """The same text without accents; what has no likeness becomes a question mark."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text.translate(SPELLED)))
    plain = (letter for letter in letters if not unicodedata.combining(letter))
    return "".join(letter if letter.isascii() and letter.isprintable() else UNKNOWN for letter in plain)
