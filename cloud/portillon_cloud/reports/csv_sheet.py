"""The rows of a report as CSV: what a spreadsheet opens. Pure."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from babel.numbers import get_currency_precision

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

OR_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
"""For OpenAPI: the answer may be such a sheet."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_sheet(rows: Sequence["DataclassInstance"], kind: type["DataclassInstance"], currency: str) -> str:
    """One line per row under the names of `kind`'s fields; amounts in units with a point, beside their currency.

    `…_minor` becomes `…`, `…_ppm` becomes `…_percent`, a tuple becomes `…_0`, `…_1`…; None is empty.
    """
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    width = {
        one.name: max((len(getattr(row, one.name)) for row in rows), default=0)
        for one in fields(kind)
        if rows and isinstance(getattr(rows[0], one.name), tuple)
    }
    writer.writerow([name for one in fields(kind) for name in _heads(one.name, width.get(one.name))] + ["currency"])
    for row in rows:
        cells = [cell for one in fields(kind) for cell in _cells(one.name, getattr(row, one.name), width, currency)]
        writer.writerow([*cells, currency])
    return sheet.getvalue()


def _heads(name: str, width: int | None) -> Iterator[str]:
    if width is not None:
        yield from (f"{name}_{number}" for number in range(width))
    else:
        yield name.removesuffix("_minor") if name.endswith("_minor") else name.replace("_ppm", "_percent")


def _cells(name: str, value: Any, width: dict[str, int], currency: str) -> Iterator[str]:
    if name in width:
        yield from (*(str(one) for one in value), *[""] * (width[name] - len(value)))
    elif value is None:
        yield ""
    elif name.endswith("_minor"):
        yield str(Decimal(value).scaleb(-get_currency_precision(currency)))
    elif name.endswith("_ppm"):
        yield str(Decimal(value).scaleb(-4))
    elif isinstance(value, str) and value.startswith(_FORMULA):
        yield f"'{value}"  # a spreadsheet must not take a name for a formula
    else:
        yield str(value)
