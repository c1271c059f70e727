"""The file that asks the bank to pay back: pain.001 by sepaxml, held against its schema. Same facts, same bytes."""

import datetime
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from sepaxml import SepaTransfer
from sepaxml.validation import ValidationError, try_valid_xml

from portillon_cloud.payments.sepa.debit_file import DebitFileInvalidError
from portillon_cloud.payments.sepa.mandates import EURO, Creditor

SCHEMA = "pain.001.001.09"
_SPACE = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefund:
    """One transfer as the bank is told. `batch` is its own: the bank books each alone, under its key."""

    key: str
    batch: str
    pay_on: datetime.date
    amount_minor: int
    name: str
    iban: str


def refund_file(
    payer: Creditor, company: str, refunds: Sequence[FileRefund], *, message_id: str, made_at: datetime.datetime
) -> bytes:
    """The file. Raises DebitFileInvalidError."""
    config = {"name": company, "IBAN": payer.iban, "batch": False, "currency": EURO}
    drawn = SepaTransfer(config, schema=SCHEMA, clean=True)
    for one in refunds:
        drawn.add_payment(
            {
                "name": one.name,
                "IBAN": one.iban,
                "amount": one.amount_minor,
                "execution_date": one.pay_on,
                "endtoend_id": one.key,
                "description": f"{company} {one.key}",
            }
        )
    # Its identifiers are drawn at random and its time is the machine's: ours say which file it is, and nothing else.
    root = ET.fromstring(drawn.export(validate=False))  # noqa: S314 - written a line above
    head = f"{_SPACE}CstmrCdtTrfInitn/{_SPACE}GrpHdr/{_SPACE}"
    written_at = made_at.strftime("%Y-%m-%dT%H:%M:%S")
    places = [(root.find(f"{head}MsgId"), message_id), (root.find(f"{head}CreDtTm"), written_at)]
    groups = list(root.iter(f"{_SPACE}PmtInf"))
    places += [(group.find(f"{_SPACE}PmtInfId"), one.batch) for group, one in zip(groups, refunds, strict=True)]
    for node, text in places:
        if node is None:
            raise DebitFileInvalidError(f"{text} has no place in what sepaxml wrote: look at its version")
        node.text = text
    written: bytes = b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "utf-8", xml_declaration=False)
    try:
        try_valid_xml(written, SCHEMA)
    except ValidationError as error:
        raise DebitFileInvalidError(f"file {message_id}: {error.__cause__ or error}") from error
    return written
