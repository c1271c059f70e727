"""What banks write, old words and new: each entry read to the cent, and nothing read that is not there."""

from datetime import date

import pytest
from camt import entry, statement
from euro_gym import GYM_IBAN
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.payments.sepa.decisions import Said
from portillon_cloud.reconciliation.bank_file import FileKind, read_bank_file
from portillon_cloud.reconciliation.errors import BankFileInvalidError

DAY = date(2026, 3, 16)


def refs(key: str, *, batch: str = "P1-1-1", minor: int | None = None, extra: str = "") -> str:
    amount = "" if minor is None else f'<Amt Ccy="EUR">{minor / 100:.2f}</Amt>'
    return f"<TxDtls><Refs><PmtInfId>{batch}</PmtInfId><EndToEndId>{key}</EndToEndId></Refs>{amount}{extra}</TxDtls>"


def test_old_and_new_words_say_the_same() -> None:
    """A status in text or in a code, a name in a party or not: the line is the same line."""
    old = "<TxDtls><RltdPties><Dbtr><Nm>Zoé  T</Nm></Dbtr></RltdPties><RmtInf><Ustrd>MERCI</Ustrd></RmtInf></TxDtls>"
    new = old.replace("<Nm>", "<Pty><Nm>").replace("</Nm>", "</Nm></Pty>")
    read = [
        read_bank_file(statement(entry(1250, DAY, ref="A", details=details, new=newer), on=DAY, version=version))
        for details, newer, version in ((old, False, "02"), (new, True, "08"))
    ]
    assert read[0].lines == read[1].lines
    [line] = read[0].lines
    assert (line.amount_minor, line.counterparty, line.text, line.key) == (1250, "Zoé T", "MERCI", None)


def test_parts_are_lines_only_if_they_come_to_the_whole() -> None:
    """A batch that names its debits is a line each; one whose parts do not add up, or name no sum, is one line."""
    whole = read_bank_file(statement(entry(3000, DAY, details=refs("a", minor=1000) + refs("b", minor=2000)), on=DAY))
    assert [(one.key, one.amount_minor) for one in whole.lines] == [("a", 1000), ("b", 2000)]
    for details in (refs("a", minor=1000) + refs("b", minor=1999), refs("a") + refs("b")):
        [line] = read_bank_file(statement(entry(3000, DAY, details=details), on=DAY)).lines
        assert (line.key, line.batch, line.amount_minor) == (None, "P1-1-1", 3000)
    [line] = read_bank_file(statement(entry(3000, DAY, details=refs("a")), on=DAY)).lines
    assert (line.key, line.amount_minor) == ("a", 3000)


def test_a_return_is_told_from_a_payment_and_from_its_fee() -> None:
    """Money that left with a reason is a return; what the bank took for it is told apart; pending entries are none."""
    back = "<Chrgs><Rcrd><Amt Ccy='EUR'>7.50</Amt></Rcrd></Chrgs><RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>"
    pending = entry(999, DAY, ref="P").replace("BOOK", "PDNG")
    read = read_bank_file(
        statement(
            entry(4599, DAY, details=refs("a")), entry(-5349, DAY, details=refs("b", extra=back)), pending,
            on=DAY, closing_minor=-750,
        )
    )  # fmt: skip
    assert [(one.said, one.key, one.code) for one in read.answers] == [
        (Said.PAID, "a", None),
        (Said.RETURNED, "b", "MD06"),
    ]
    assert [one.fee_minor for one in read.lines] == [0, 750]
    assert read.closing == (DAY, -750) and read.accounts == ((GYM_IBAN, "EUR"),)


def test_a_file_of_returns_names_what_came_back() -> None:
    """Each by the reference it was sent under, with the reason; it is no line; one that names no part is refused."""
    xml = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.{version}"><PmtRtr>
    <GrpHdr><MsgId>RET-1</MsgId></GrpHdr>{parts}</PmtRtr></Document>"""
    part = """<TxInf><OrgnlEndToEndId>{key}</OrgnlEndToEndId><RtrdIntrBkSttlmAmt Ccy="EUR">45.99</RtrdIntrBkSttlmAmt>
    <RtrRsnInf><Rsn><{how}>{code}</{how}></Rsn></RtrRsnInf></TxInf>"""
    parts = "".join(
        part.format(key=key, how=how, code=code)
        for key, how, code in (("a", "Cd", "MD06"), ("b", "Prtry", "X1"), ("NOTPROVIDED", "Cd", "AC04"))
    )
    for version in ("02", "09"):
        read = read_bank_file(xml.format(version=version, parts=parts).encode())
        assert (read.kind, read.message_id, read.lines) == (FileKind.RETURN, "RET-1", ())
        assert [(one.said, one.key, one.code) for one in read.answers] == [
            (Said.RETURNED, "a", "MD06"),
            (Said.RETURNED, "b", "X1"),
        ]
    with pytest.raises(BankFileInvalidError, match="one by one"):
        read_bank_file(xml.format(version="09", parts="").encode())


def test_a_whole_file_or_day_may_be_refused() -> None:
    """A rejected group names all that it holds; one that names its debits speaks of those alone."""
    xml = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>
    <GrpHdr><MsgId>X</MsgId></GrpHdr>
    <OrgnlGrpInfAndSts><OrgnlMsgId>P1-2</OrgnlMsgId><GrpSts>{group}</GrpSts>
    <StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts>
    <OrgnlPmtInfAndSts><OrgnlPmtInfId>P1-2-1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>{one}</OrgnlPmtInfAndSts>
    </CstmrPmtStsRpt></Document>"""
    one = "<TxInfAndSts><OrgnlEndToEndId>a</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts>"
    read = read_bank_file(xml.format(group="RJCT", one="").encode())
    assert read.kind is FileKind.STATUS
    assert [(it.batch, it.code) for it in read.answers] == [("P1-2", "FF01"), ("P1-2-1", None)]
    read = read_bank_file(xml.format(group="PART", one=one).encode())
    assert [(it.batch, it.key) for it in read.answers] == [(None, "a")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"date;amount",
        b"<Document><Other/></Document>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Document><BkToCstmrStmt>&a;</BkToCstmrStmt></Document>',
        statement(entry(100, DAY), on=DAY).replace(b"1.00", b"1.001"),
        statement(entry(100, DAY), on=DAY).replace(b"1.00", b"1e999999999"),
        statement(entry(100, DAY), on=DAY).replace(b"CRDT</CdtDbtInd><Sts>", b"WHAT</CdtDbtInd><Sts>"),
        statement(entry(100, DAY), on=DAY).replace(b"<BookgDt><Dt>2026-03-16", b"<BookgDt><Dt>2026-13-16"),
    ],
)
def test_what_is_no_file_of_a_bank_is_refused(body: bytes) -> None:
    """Nothing, a table, another document, an entity, a tenth of a cent, neither side, no day: each says so."""
    with pytest.raises(BankFileInvalidError):
        read_bank_file(body)


@settings(max_examples=30)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.integers(0, 900))
def test_any_bytes_are_read_or_refused(noise: bytes, place: int) -> None:
    """Whatever is put into a statement, it is read or refused, never anything else."""
    whole = statement(entry(100, DAY, details=refs("a")), on=DAY)
    place = min(place, len(whole))
    try:
        read = read_bank_file(whole[:place] + noise + whole[place:])
    except BankFileInvalidError:
        return
    assert len(read.lines) <= 1
