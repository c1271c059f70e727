"""A contract on paper: blocks in, the bytes of a PDF out; the same blocks are always the same bytes.

On the last page a box is left for what is accepted; `SIGNATURE_BOX` says where, and the seal draws into it.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF

from portillon_cloud.documents.errors import N_, WordingError
from portillon_cloud.documents.template import Block, BlockKind

FONTS = Path(__file__).parent / "fonts"
_REGULAR, _BOLD = FONTS / "inter-regular.ttf", FONTS / "inter-bold.ttf"
_FAMILY = "inter"
_MARGIN_MM = 20
_BOX_TOP_MM, _BOX_HEIGHT_MM, _BOX_WIDTH_MM = 232, 40, 170
_PAGE_HEIGHT_MM = 297
_POINTS_PER_MM = 72 / 25.4

SIGNATURE_BOX = (
    round(_MARGIN_MM * _POINTS_PER_MM),
    round((_PAGE_HEIGHT_MM - _BOX_TOP_MM - _BOX_HEIGHT_MM) * _POINTS_PER_MM),
    round((_MARGIN_MM + _BOX_WIDTH_MM) * _POINTS_PER_MM),
    round((_PAGE_HEIGHT_MM - _BOX_TOP_MM) * _POINTS_PER_MM),
)
"""Left, bottom, right, top on the last page, in points from its lower left corner."""

_SIZES_PT = {
    BlockKind.TITLE: 18.0,
    BlockKind.HEADING: 11.5,
    BlockKind.TEXT: 9.5,
    BlockKind.ITEM: 9.5,
    BlockKind.BOXED: 9.0,
}
DRAWN_WIDTH, DRAWN_HEIGHT = 1000, 300
"""A drawn signature's own units."""

Strokes = tuple[tuple[tuple[int, int], ...], ...]
"""A drawn signature: each stroke from where the pen came down to where it was lifted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What is printed beside the blocks. `below` stands at the foot of every page, `box` over the empty box."""

    language: str
    title: str
    made_on: datetime.date
    below: str
    box: str


class _Page(FPDF):
    def __init__(self, below: str) -> None:
        super().__init__(format="A4")
        self._below = below

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(_FAMILY, size=7.5)
        self.set_text_color(90)
        self.cell(0, 4, f"{self._below} · {self.page_no()}", align="C")
        self.set_text_color(0)


def render(blocks: Sequence[Block], paper: Paper) -> bytes:
    """The document. Raises WordingError for a letter that the font has not: nobody signs an empty square."""
    _require_letters("".join(block.text for block in blocks))
    pdf = _Page(paper.below)
    _begin(pdf, paper.made_on)
    pdf.set_lang(paper.language)
    pdf.set_title(paper.title)
    pdf.set_margin(_MARGIN_MM)
    pdf.set_auto_page_break(True, margin=22)
    pdf.add_page()
    for block in blocks:
        _set(pdf, block)
    if pdf.get_y() > _BOX_TOP_MM - 10:
        pdf.add_page()
    pdf.set_auto_page_break(False)
    pdf.set_xy(_MARGIN_MM, _BOX_TOP_MM - 6)
    pdf.set_font(_FAMILY, "B", 8.5)
    pdf.cell(_BOX_WIDTH_MM, 5, paper.box)
    pdf.set_draw_color(120)
    pdf.rect(_MARGIN_MM, _BOX_TOP_MM, _BOX_WIDTH_MM, _BOX_HEIGHT_MM)
    return bytes(pdf.output())


def signature(lines: Sequence[str], strokes: Strokes, *, made_on: datetime.date) -> bytes:
    """What the seal shows in the box, as a page of its size: who accepted, and what they drew. Raises WordingError."""
    _require_letters("".join(lines))
    pdf = FPDF(unit="mm", format=(_BOX_WIDTH_MM, _BOX_HEIGHT_MM))
    _begin(pdf, made_on)
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.add_page()
    pdf.set_font(_FAMILY, "B", 11)
    pdf.set_xy(3, 3)
    for line in lines:
        pdf.multi_cell(100, 4.2, line, new_x="LEFT", new_y="NEXT", align="L")
        pdf.set_font(_FAMILY, size=7)
    scale = min(58 / DRAWN_WIDTH, (_BOX_HEIGHT_MM - 8) / DRAWN_HEIGHT)
    pdf.set_line_width(0.5)
    pdf.set_draw_color(20, 40, 120)
    for stroke in strokes:
        pdf.polyline([(108 + x * scale, 8 + y * scale) for x, y in stroke])
    return bytes(pdf.output())


def _begin(pdf: FPDF, made_on: datetime.date) -> None:
    pdf.add_font(_FAMILY, "", _REGULAR)
    pdf.add_font(_FAMILY, "B", _BOLD)
    # The file's own date is the contract's, or no two prints of it were alike.
    pdf.set_creation_date(datetime.datetime.combine(made_on, datetime.time(), datetime.UTC))
    pdf.set_producer("Portillon")


def _set(pdf: FPDF, block: Block) -> None:
    size_pt = _SIZES_PT[block.kind]
    bold = block.kind in (BlockKind.TITLE, BlockKind.HEADING)
    pdf.set_font(_FAMILY, "B" if bold else "", size_pt)
    if block.kind is BlockKind.HEADING:
        pdf.ln(2)
    if block.kind is BlockKind.ITEM:
        pdf.set_x(_MARGIN_MM)
        pdf.cell(5, size_pt * 0.5, "•")
    boxed = block.kind is BlockKind.BOXED
    pdf.multi_cell(
        0,
        size_pt * 0.5,
        block.text,
        border="L" if boxed else 0,
        padding=(0, 0, 0, 3) if boxed else 0,
        align="L",
        new_x="LMARGIN",
        new_y="NEXT",
    )
    pdf.ln(2.2)


def _require_letters(text: str) -> None:
    missing = sorted({letter for letter in text if letter not in "\n" and ord(letter) not in _letters()})
    if missing:
        raise WordingError(
            N_("There is no letter for %(letters)s in our font: write it in Latin letters."), letters=" ".join(missing)
        )


@cache
def _letters() -> frozenset[int]:
    with TTFont(_REGULAR) as font:
        return frozenset(font.getBestCmap())
