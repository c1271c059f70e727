"""The catalogues. English is the source text itself; another language is a committed .po, compiled in memory."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("en", "fr")
CATALOGUES = {"fr": "fr_CA"}


@cache
def translations(language: str) -> NullTranslations:
    """The texts of a language; an unknown one reads English."""
    name = CATALOGUES.get(language)
    if name is None:
        return NullTranslations()
    compiled = BytesIO()
    with catalogue_path(name).open("rb") as source:
        write_mo(compiled, read_po(source, locale=name))
    compiled.seek(0)
    return GNUTranslations(compiled)


def catalogue_path(name: str) -> Path:
    """Where the .po of a locale such as 'fr_CA' is."""
    return Path(__file__).parent / name / "portillon.po"


def best_language(accept_language: str | None) -> str:
    """The one of ours that an Accept-Language header prefers; English if none."""
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate((accept_language or "").split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        language = tag.split("-")[0].lower()
        if language in LANGUAGES and weight > 0:
            wanted.append((-weight, position, language))
    return min(wanted)[2] if wanted else "en"
