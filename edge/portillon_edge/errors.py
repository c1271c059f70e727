"""What can go wrong in the gateway's stores and in its talk with the cloud; what to do is in each message.

EdgeError
├── TransientEdgeError      try again soon: nothing was done, nothing is lost
│   ├── StoreBusy           the entitlement file could not be read or written just now (full disk, lock, I/O error)
│   ├── MemoryUnwritable    the credential memory could not be read or written just now
│   ├── LatchUnwritable     what a fire latched could not be kept for after a restart
│   ├── StandingUnwritable  the orders that stand could not be kept apart from their table
│   ├── SnapshotInterrupted the download stopped; it resumes where it was
│   └── LinkDown            no broker connection, or its queue is full
└── PermanentEdgeError      the same call will never work
    ├── StoreDamaged        the entitlement file is corrupt: quarantine it and ask for a snapshot
    ├── StoreTooNew         a newer version of the gateway wrote this file: update, or restore that version
    ├── EntryOutOfOrder     this entry is not the next revision of this epoch
    ├── EntryRefused        the entry's rows cannot be stored as they are
    │   └── RootMismatch    they can, but the table they make is not the one that the cloud signed
    ├── SnapshotRefused     the snapshot is not what its signed offer says
    ├── JournalUnwritable   this journal file takes nothing any more; its rows stay readable
    │   └── JournalTampered its hash chain is broken: somebody or something changed rows; it is kept for a person
    └── LinkMisconfigured   the broker's address or the certificates cannot work as configured
"""


class EdgeError(Exception):
    """Any expected failure of the gateway's stores and links."""


class TransientEdgeError(EdgeError):
    """Try again soon."""


class PermanentEdgeError(EdgeError):
    """The same call will never work."""


class StoreBusy(TransientEdgeError):
    """The entitlement file could not be read or written just now."""


class MemoryUnwritable(TransientEdgeError):
    """The credential memory could not be read or written just now."""


class LatchUnwritable(TransientEdgeError):
    """What a fire latched could not be kept for after a restart; the doors stand free all the same."""


class StandingUnwritable(TransientEdgeError):
    """The orders that stand could not be kept apart from their table; the doors follow them all the same."""


class SnapshotInterrupted(TransientEdgeError):
    """The download stopped before its end; what came is kept for the next try."""


class LinkDown(TransientEdgeError):
    """The message was not handed to the broker connection."""


class StoreDamaged(PermanentEdgeError):
    """The entitlement file is corrupt."""


class StoreTooNew(PermanentEdgeError):
    """A newer version of the gateway wrote this file."""


class EntryOutOfOrder(PermanentEdgeError):
    """The entry is not the next revision of this epoch."""


class EntryRefused(PermanentEdgeError):
    """The entry's rows cannot be stored as they are."""


class RootMismatch(EntryRefused):
    """The rows make another table than the one that was signed: by what lies in `buckets`, if any are named."""

    def __init__(self, detail: str, buckets: frozenset[int] = frozenset()) -> None:
        super().__init__(detail)
        self.buckets = buckets


class SnapshotRefused(PermanentEdgeError):
    """The snapshot is not what its signed offer says."""


class JournalUnwritable(PermanentEdgeError):
    """This journal file takes nothing any more."""


class JournalTampered(JournalUnwritable):
    """The journal's hash chain is broken: rows are not as they were written."""


class LinkMisconfigured(PermanentEdgeError):
    """The broker's address or the certificates cannot work as configured."""
