"""All that Understudy itself raises.

    UnderstudyError
    ├── UsageError             what the user gave cannot work: exit status 2
    │   ├── ConfigurationError     the configuration file or a flag
    │   └── NotAvailableError      part of the contract, not of this version
    ├── JournalError           the journal cannot be written or read just now
    │   └── JournalFullError       no room for another exchange
    └── StoreError             the store cannot be written or read just now

Everything else is a defect and rises to the top.
"""

from __future__ import annotations


class UnderstudyError(Exception):
    """Base class. The message is one or two lines for the user: what is wrong, what to change."""


class UsageError(UnderstudyError):
    """What the user gave cannot work; the command ends with status 2."""


class ConfigurationError(UsageError):
    """The configuration cannot be used; the message names the file, the line or key path, and what is allowed."""


class NotAvailableError(UsageError):
    """A key or command that a later version brings."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not available in this version")


class JournalError(UnderstudyError):
    """The journal cannot be written or read just now."""


class JournalFullError(JournalError):
    """The journal has no room for another exchange."""


class StoreError(UnderstudyError):
    """The store cannot be written or read just now."""
