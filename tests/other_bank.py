"""A bank of somebody else's making (mock-bank): it takes our files and answers in its own, on its own clock."""

from dataclasses import dataclass

from euro_gym import GYM_IBAN
from mockbank import accounts, db, direct_debit, outbox
from mockbank.server import Config
from mockbank.state import State


@dataclass
class OtherBank:
    """The gym's bank. Payers' accounts at other banks behave until `refuse` says otherwise."""

    state: State
    read: int = 0

    def hold(self, name: str, iban: str, *, behaviour: str = "accept", balance: int = 1_000_000) -> None:
        """Another account of this bank, that behaves so when it is debited."""
        fields = {"iban": iban, "currency": "EUR", "balance": balance, "bic": "MOCKDEFF", "name": name}
        accounts.create(self.state.conn, name, {**fields, "behaviour": behaviour})

    def behave(self, name: str, behaviour: str) -> None:
        """An account of this bank behaves so from now on."""
        accounts.update(self.state.conn, name, {"behaviour": behaviour})

    def take(self, body: bytes) -> str:
        """A file of debits or transfers; how the bank takes it: ACCP, PART, RJCT."""
        answer, _, findings = self.state.receive(body)
        assert not findings, findings
        return str(answer["status"])

    def refuse(self, key: str, reason: str) -> None:
        """The payer's bank says no: before its day, or afterwards."""
        collection, early = direct_debit.refuse(
            self.state.conn, self.state.clock, self.state.now(), key, {"reason": reason}
        )
        if early:
            outbox.queue_refusal(self.state.conn, collection, self.state.now())
        self.state.release()

    def pass_days(self, days: int) -> None:
        """Time passes at the bank."""
        self.state.clock.advance(days=days)

    def said(self, *kinds: str) -> list[bytes]:
        """What it sent since this was asked last, about the gym's account."""
        rows = db.rows(self.state.conn, "SELECT * FROM message WHERE id > ? ORDER BY id", (self.read,))
        self.read = max([self.read, *(row["id"] for row in rows)])
        ours = [row["body"].encode() for row in rows if row["type"].startswith(kinds)]
        return [one for one in ours if b"pain.002" in one or b"pacs.004" in one or GYM_IBAN.encode() in one]


def open_bank(start: str) -> OtherBank:
    """The bank, holding the gym's account and nothing on it."""
    bank = OtherBank(State(Config(clock=start, timezone="Europe/Paris", quiet=True)))
    bank.hold("gym", GYM_IBAN, balance=0)
    return bank
