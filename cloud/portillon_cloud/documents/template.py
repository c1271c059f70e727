"""A contract's wording: a text with named places, checked when it is saved, filled once into what is signed. Pure.

One paragraph a block, with an empty line between: `# ` begins the title, `## ` a heading, `- ` an item. `{price}` is a
place. What the law dictates word by word is a place too ({cancellation_statement}), so that no house edits it. A
paragraph that is one place alone goes when there is nothing to fill in, and takes as many paragraphs as there are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from portillon_cloud.documents.errors import WordingError

CHARACTERS_MAX = 60_000
_PLACE = re.compile(r"\{([^{}\n]*)\}")


class BlockKind(StrEnum):
    """How a paragraph is set."""

    TITLE = "title"
    HEADING = "heading"
    TEXT = "text"
    ITEM = "item"
    BOXED = "boxed"


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph as it is printed."""

    kind: BlockKind
    text: str


BOXED = frozenset({"cancellation_statement", "cancellation_form", "renewal_statement", "withdrawal_statement"})
"""Places for what the law dictates; it is set apart."""

PLACES = BOXED | {
    "seller_name",
    "seller_address",
    "seller_contact",
    "seller_permit",
    "seller_mediator",
    "seller_tax_numbers",
    "payer_name",
    "payer_address",
    "member_name",
    "member_birth_date",
    "signed_on",
    "plan",
    "starts_on",
    "term",
    "place_address",
    "price",
    "discounts",
    "joining_fee",
    "total",
    "payments",
    "notice",
    "renewal",
    "freeze",
}
"""Everything that a wording may name."""

_QC, _FR = "P-40.1, s. 199", "Code de la consommation"
REQUIRED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        # Consumer Protection Act, section 199, a to h; Regulation P-40.1, r. 3, s. 47 and Schedule 9.
        "ca-qc": {
            "seller_permit": f"{_QC} (a)",
            "payer_name": f"{_QC} (b)",
            "payer_address": f"{_QC} (b)",
            "seller_name": f"{_QC} (b)",
            "seller_address": f"{_QC} (b)",
            "signed_on": f"{_QC} (c)",
            "plan": f"{_QC} (d)",
            "starts_on": f"{_QC} (d)",
            "term": f"{_QC} (e)",
            "place_address": f"{_QC} (c), (e)",
            "total": f"{_QC} (f)",
            "payments": f"{_QC} (g)",
            "cancellation_statement": "P-40.1, r. 3, s. 47",
            "cancellation_form": "P-40.1, s. 199 and Schedule 9",
        },
        "fr": {
            "seller_name": f"{_FR} L111-1, R111-1",
            "seller_address": f"{_FR} L111-1, R111-1",
            "seller_contact": f"{_FR} L111-1, R111-1",
            "plan": f"{_FR} L111-1, 1°",
            "price": f"{_FR} L111-1, 2°",
            "starts_on": f"{_FR} L111-1, 3°",
            "term": f"{_FR} R111-1, 6°",
            "notice": f"{_FR} R111-1, 6°",
            "renewal_statement": f"{_FR} L215-4",
            "withdrawal_statement": f"{_FR} L221-5, L221-9",
            "seller_mediator": f"{_FR} L616-1",
        },
        "none": {"seller_name": "ours", "plan": "ours", "price": "ours", "starts_on": "ours"},
    }
)
"""By law, what a contract must say in writing, and the clause that wants it."""


def check_wording(law: str, body: str) -> None:
    """Raises WordingError with everything that is wrong: unknown and missing places, stray braces, no title."""
    wrong = list(_faults(law, body))
    if wrong:
        raise WordingError("; ".join(wrong))


def _faults(law: str, body: str) -> Iterator[str]:
    if len(body) > CHARACTERS_MAX:
        yield f"the wording has {len(body)} characters; at most {CHARACTERS_MAX}"
        return
    named = _PLACE.findall(body)
    for name in sorted(set(named) - PLACES):
        yield f"{{{name}}} is no place that can be filled; known ones: {', '.join(sorted(PLACES))}"
    if "{" in _PLACE.sub("", body) or "}" in _PLACE.sub("", body):
        yield "a brace has no partner: write a place as {price}"
    for name, clause in REQUIRED[law].items():
        if name not in named:
            yield f"{{{name}}} is missing ({clause})"
    paragraphs = _paragraphs(body)
    for name in sorted(BOXED & set(named)):
        if f"{{{name}}}" not in paragraphs:
            yield f"{{{name}}} must be a paragraph of its own"
    if not paragraphs or not paragraphs[0].startswith("# "):
        yield "the first paragraph must be the title: begin it with '# '"


def fill(body: str, values: Mapping[str, str]) -> tuple[Block, ...]:
    """The wording with its places filled. A value is text and nothing else: no place, no sign in it has a meaning."""
    return tuple(_blocks(body, values))


def used_places(body: str) -> frozenset[str]:
    """The places that a wording names."""
    return frozenset(_PLACE.findall(body))


def _blocks(body: str, values: Mapping[str, str]) -> Iterator[Block]:
    for paragraph in _paragraphs(body):
        alone = _PLACE.fullmatch(paragraph)
        if alone is not None:
            kind = BlockKind.BOXED if alone[1] in BOXED else BlockKind.TEXT
            yield from (Block(kind, part) for part in values[alone[1]].split("\n\n") if part.strip())
            continue
        kind, said = _kind(paragraph)
        yield Block(kind, _PLACE.sub(lambda place: values[place[1]], said))


def _kind(paragraph: str) -> tuple[BlockKind, str]:
    for sign, kind in (("## ", BlockKind.HEADING), ("# ", BlockKind.TITLE), ("- ", BlockKind.ITEM)):
        if paragraph.startswith(sign):
            return kind, paragraph.removeprefix(sign)
    return BlockKind.TEXT, paragraph


def _paragraphs(body: str) -> list[str]:
    """Lines that belong together joined; an item is a paragraph of its own."""
    apart = re.sub(r"\n(?=(?:#{1,2}|-) )", "\n\n", body.replace("\r\n", "\n"))
    return [" ".join(one.split()) for one in re.split(r"\n\s*\n", apart) if one.strip()]
