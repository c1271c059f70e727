"""Collect every text of the program into the catalogues: `python -m portillon_cloud.locale.update`, then translate."""

from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import portillon_cloud
from portillon_cloud.locale.catalogue import CATALOGUES, catalogue_path

KEYWORDS: dict[str, Any] = {"_": None, "N_": None, "say": None, "ngettext": (1, 2), "count": (1, 2)}
_OPTIONS = {"web/templates/**.html": {"silent": "false"}}
_METHODS = {
    "web/**.py": "python",
    "locale/words.py": "python",
    "members/entry.py": "python",
    "desk/words.py": "python",
    "audit/**.py": "python",
    "documents/**.py": "python",
    "web/templates/**.html": "jinja2",
}


def collected() -> Catalog:
    """Every text that pages can show, with where it is used."""
    catalogue = Catalog(domain="portillon")
    folder = Path(portillon_cloud.__file__).parent
    found = extract_from_dir(folder, method_map=list(_METHODS.items()), options_map=_OPTIONS, keywords=KEYWORDS)
    for file, _line, text, comments, context in found:
        catalogue.add(text, locations=[(file, 0)], auto_comments=comments, context=context)
    return catalogue


def merged(name: str) -> Catalog:
    """The catalogue of a locale brought up to date: new texts untranslated, texts no longer used gone."""
    path = catalogue_path(name)
    if path.exists():
        with path.open("rb") as source:
            catalogue = read_po(source, locale=name, domain="portillon")
    else:
        catalogue = Catalog(locale=name, domain="portillon")
    catalogue.update(collected(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    catalogue.project, catalogue.version = "Portillon", "1"
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "Portillon"
    return catalogue


def main() -> None:
    """Rewrite each catalogue in place."""
    for name in CATALOGUES.values():
        path = catalogue_path(name)
        path.parent.mkdir(exist_ok=True)
        catalogue = merged(name)
        catalogue.header_comment = f"# Portillon in {catalogue.locale_identifier}. New texts: see locale/update.py."
        with path.open("wb") as target:
            write_po(target, catalogue, sort_output=True, include_lineno=False, width=100)


if __name__ == "__main__":
    main()
