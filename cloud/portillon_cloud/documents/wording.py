"""The wordings that come with the program: for each law and language a contract, and what the law dictates in it."""

from functools import cache
from pathlib import Path

from portillon_cloud.documents.template import BOXED

VERSION = "2026-1"
"""Of these texts: a document says by which it was written. A changed text is another version."""

_FOLDER = Path(__file__).parent / "wording"


@cache
def default_wording(law: str, language: str) -> str:
    """The contract as we word it under this law."""
    return _FOLDER.joinpath(f"{law}.{language}.md").read_text("utf-8")


@cache
def dictated(name: str, language: str) -> str:
    """What a law wants in a contract, by the name of its place: paragraphs with an empty line between."""
    if name not in BOXED:
        raise KeyError(name)
    return _FOLDER.joinpath(f"{name}.{language}.md").read_text("utf-8").strip()
