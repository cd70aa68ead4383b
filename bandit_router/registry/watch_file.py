"""Reads a file again when it changes on disk, or when told to; what is done with it is the reader's affair."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from bandit_router.errors import RouterError

log = logging.getLogger(__name__)


class FileWatch:
    """Looks at one file; `read` takes it up, or raises `RouterError` and leaves all as it was."""

    def __init__(self, path: Path, read: Callable[[], object]) -> None:
        self._path, self._read = path, read
        self._seen, self._asked = self._stamp(), False

    def ask(self) -> None:
        """Read the file at the next look, whether it changed or not; safe within a signal handler."""
        self._asked = True

    def look(self) -> bool:
        """Read the file if there is reason to; return whether it was taken up."""
        stamp, asked = self._stamp(), self._asked
        if stamp == self._seen and not asked:
            return False
        self._seen, self._asked = stamp, False
        try:
            self._read()
        except RouterError as error:
            log.error("the configuration stays as it was: %s", error)
            return False
        return True

    def _stamp(self) -> tuple[int, int, int]:
        """Return what tells one content from another; zeros while there is no file."""
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0, 0
        return found.st_mtime_ns, found.st_size, found.st_ino
