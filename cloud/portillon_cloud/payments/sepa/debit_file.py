"""The file that asks the bank to collect: pain.008 by sepaxml, held against its schema. Same facts, same bytes."""

import datetime
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from sepaxml import SepaDD
from sepaxml.validation import ValidationError, try_valid_xml

from portillon_cloud.errors import PermanentError
from portillon_cloud.payments.sepa.mandates import EURO, Creditor

SCHEMA = "pain.008.001.08"
_SPACE = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"
FIRST, RECURRENT = "FRST", "RCUR"


class DebitFileInvalidError(PermanentError):
    """The schema of pain.008 refuses what was written: a defect of ours, and nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDebit:
    """One debit as the bank is told. `batch` is of its day and sequence; debits of one batch stand together."""

    key: str
    batch: str
    sequence: str
    collect_on: datetime.date
    amount_minor: int
    mandate: str
    signed_on: datetime.date
    debtor_name: str
    iban: str


def debit_file(
    creditor: Creditor, company: str, debits: Sequence[FileDebit], *, message_id: str, made_at: datetime.datetime
) -> bytes:
    """The file. Raises DebitFileInvalidError."""
    config = {
        "name": company,
        "IBAN": creditor.iban,
        "batch": True,
        "creditor_id": creditor.creditor_id,
        "currency": EURO,
    }
    drawn = SepaDD(config, schema=SCHEMA, clean=True)
    batches: dict[tuple[str, datetime.date], str] = {}
    for one in debits:
        batches.setdefault((one.sequence, one.collect_on), one.batch)
        drawn.add_payment(
            {
                "name": one.debtor_name,
                "IBAN": one.iban,
                "mandate_id": one.mandate,
                "mandate_date": one.signed_on,
                "amount": one.amount_minor,
                "type": one.sequence,
                "collection_date": one.collect_on,
                "endtoend_id": one.key,
                "description": f"{company} {one.key}",
            }
        )
    # Its identifiers are drawn at random and its time is the machine's: ours say which file it is, and nothing else.
    root = ET.fromstring(drawn.export(validate=False))  # noqa: S314 - written a line above
    _set(root, f"{_SPACE}CstmrDrctDbtInitn/{_SPACE}GrpHdr/{_SPACE}MsgId", message_id)
    _set(root, f"{_SPACE}CstmrDrctDbtInitn/{_SPACE}GrpHdr/{_SPACE}CreDtTm", made_at.strftime("%Y-%m-%dT%H:%M:%S"))
    for group in root.iter(f"{_SPACE}PmtInf"):
        sequence = group.findtext(f"{_SPACE}PmtTpInf/{_SPACE}SeqTp", "")
        collect_on = group.findtext(f"{_SPACE}ReqdColltnDt", "")
        _set(group, f"{_SPACE}PmtInfId", batches[sequence, datetime.date.fromisoformat(collect_on)])
    written: bytes = b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "utf-8", xml_declaration=False)
    try:
        try_valid_xml(written, SCHEMA)
    except ValidationError as error:
        raise DebitFileInvalidError(f"file {message_id}: {error.__cause__ or error}") from error
    return written


def _set(node: ET.Element, path: str, text: str) -> None:
    found = node.find(path)
    if found is None:
        raise DebitFileInvalidError(f"{path} is missing in what sepaxml wrote: look at its version")
    found.text = text
