"""Small files replaced as a whole: after a power cut the old content is there, or the new, never a mixture."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write, fsync, rename over `path`, fsync the folder. Raises OSError; then the old content is still there."""
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Force a finished file's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Force renames and deletions in `folder` to the disk."""
    sync_file(folder)
