"""A process that bills a gym of any size, and says what memory that took: its peak before and after, in megabytes."""

import sys

from bench.cloud_gym import DUE_ON, NOW_MS
from bench.edge import peak_mb
from portillon_cloud.billing.invoice_run import run_invoices
from portillon_cloud.commands.serving import collect_seldom
from portillon_cloud.database import Database
from portillon_cloud.main import all_tables


def main() -> None:
    """Bill all that is due in the database at the URL given."""
    all_tables()
    db = Database(sys.argv[1])
    with db.read():
        pass
    collect_seldom()
    before = peak_mb()
    issued = run_invoices(db, int(sys.argv[2]), on=DUE_ON, now_ms=NOW_MS)
    print(before, peak_mb(), len(issued))
    db.close()


if __name__ == "__main__":
    main()
