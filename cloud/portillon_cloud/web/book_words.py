"""The book's accounts and files in words."""

from collections.abc import Mapping

from portillon_cloud.accounting.exports import Export
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.web.wording import N_

ACCOUNTS: Mapping[LedgerCode, str] = {
    LedgerCode.RECEIVABLE: N_("Owed by members"),
    LedgerCode.DEFERRED_REVENUE: N_("Billed and still to be earned"),
    LedgerCode.REVENUE: N_("Earned"),
    LedgerCode.TAX_TPS: N_("GST owed"),
    LedgerCode.TAX_TVQ: N_("QST owed"),
    LedgerCode.TAX_TVA: N_("VAT owed"),
    LedgerCode.PROVIDER_CLEARING: N_("At the payment provider"),
    LedgerCode.DISPUTED: N_("Taken back by banks, not decided"),
    LedgerCode.CASH: N_("Till"),
    LedgerCode.CHEQUES: N_("Cheques to pay in"),
    LedgerCode.BANK: N_("Bank"),
    LedgerCode.MEMBER_CREDIT: N_("Members' credit"),
    LedgerCode.DEPOSITS: N_("Deposits held"),
    LedgerCode.REFUNDS_DUE: N_("To be paid back"),
    LedgerCode.BAD_DEBT: N_("Written off"),
    LedgerCode.PROVIDER_FEES: N_("Fees of the payment provider"),
    LedgerCode.BROUGHT_FORWARD: N_("Left by an older system"),
}

FILES: Mapping[Export, str] = {
    Export.FEC: N_("The book for the tax office (FEC)"),
    Export.FEC_DESCRIPTION: N_("Its description, which goes with it"),
    Export.SALES_BY_DAY: N_("Sales to consumers by day and rate"),
    Export.PAYMENTS_BY_DAY: N_("Payments of consumers by day and rate"),
}
