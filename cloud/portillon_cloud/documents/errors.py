"""What can be wrong with a contract document. What staff or members read carries its text for both languages."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError
from portillon_cloud.locale.words import Words


def N_(text: str) -> str:
    """Marks a text for the catalogue; the name is gettext's."""
    return text


class _SaidError(PermanentError):
    """A refusal whose text, with its %(name)s places, is in the catalogue."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text % values if values else text)
        self._text = text
        self._values = values

    def said(self, words: Words) -> str:
        """The same in the reader's language."""
        return words.say(self._text, **self._values)


class WordingError(_SaidError):
    """A wording that cannot be used; the message names every place in it that is unknown, missing or unfinished."""


class FactMissingError(_SaidError, RefusedError):
    """The law wants something in writing that nobody has entered yet; the message says what, and where to enter it."""


class UnknownDocumentError(NotFoundError):
    """No such contract document in this organisation, or its file was erased with the person."""


class AcceptanceError(_SaidError, RefusedError):
    """This document cannot be accepted so: it is accepted already, a later version exists, or another must sign."""


class LinkError(RefusedError):
    """The link is over, or was never ours."""


class SealError(_SaidError, ConflictError):
    """A file that this installation has not sealed, or that is not what it sealed."""
