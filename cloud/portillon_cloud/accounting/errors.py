"""What an accountant's file is refused for."""

from portillon_cloud.errors import RefusedError


class ExportRefusedError(RefusedError):
    """The book is not one that this file is of, or something is missing that the file must say."""
