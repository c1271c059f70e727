"""Statements as a bank writes them, by hand: one entry each, in the words of camt.053.001.02 and of .08."""

from datetime import date

from euro_gym import GYM_IBAN

_HEAD = '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'


def entry(
    minor: int, on: date, *, ref: str = "", details: str = "", text: str = "", extra: str = "", new: bool = True
) -> str:
    """A booked entry; < 0: money left."""
    status = "<Sts><Cd>BOOK</Cd></Sts>" if new else "<Sts>BOOK</Sts>"
    inside = details or f"<TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf>{extra}</TxDtls>"
    return (
        f'<Ntry><Amt Ccy="EUR">{abs(minor) / 100:.2f}</Amt><CdtDbtInd>{"CRDT" if minor > 0 else "DBIT"}</CdtDbtInd>'
        f"{status}<BookgDt><Dt>{on}</Dt></BookgDt><AcctSvcrRef>{ref or f'R{on}{minor}{text}'}</AcctSvcrRef>"
        f"<NtryDtls>{inside}</NtryDtls></Ntry>"
    )


def statement(*entries: str, on: date, closing_minor: int = 0, iban: str = GYM_IBAN, version: str = "08") -> bytes:
    """A statement of one day."""
    side = "CRDT" if closing_minor >= 0 else "DBIT"
    closing = (
        f'<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{abs(closing_minor) / 100:.2f}</Amt>'
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>"
    )
    return (
        f"{_HEAD.format(version=version)}<BkToCstmrStmt><GrpHdr><MsgId>M-{on}</MsgId></GrpHdr><Stmt><Id>S-{on}</Id>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>{closing}{''.join(entries)}</Stmt></BkToCstmrStmt>"
        "</Document>"
    ).encode()
