"""The cloud's error tree. Features derive from its two branches, so that a caller knows whether to try again."""


class CloudError(Exception):
    """Root of all errors the cloud raises on purpose; the message names what, where and what to do."""


class TransientError(CloudError):
    """The same call may succeed soon: a busy database, a provider that is down, a lost race."""


class PermanentError(CloudError):
    """The same call will never succeed: wrong input, a broken rule, something that does not exist."""


class NotFoundError(PermanentError):
    """The named thing does not exist in this organisation."""


class RefusedError(PermanentError):
    """A rule of the house forbids it (live or test, law, state); the message says which."""


class ConflictError(PermanentError):
    """It exists already, with other content."""
