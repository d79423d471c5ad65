"""The store: pairs and counts, kept for good behind the seam of ``proxy.store.base``."""

from __future__ import annotations

from proxy.errors import ConfigurationError, NotAvailableError
from proxy.store.base import Store

_SQLITE = "sqlite:///"


def open_store(url: str, *, replica: str = "0", create: bool = True) -> Store:
    """The store that ``url`` names, migrated to this version.

    Args:
        url: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.
        replica: who writes: counts are kept apart by it, and added up when read.
        create: False refuses to make a new store (for reading one that should be there).

    Raises:
        ConfigurationError: the URL is of no known form.
        NotAvailableError: a later version brings that engine.
        StoreError: it cannot be opened, or is not there and must not be created.
    """
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        from proxy.store.sqlite import SQLiteStore

        return SQLiteStore(url.removeprefix(_SQLITE), replica=replica, create=create)
    scheme = url.partition(":")[0]
    if scheme in {"postgresql", "postgres"}:
        raise NotAvailableError(f"store: a {scheme}:// URL")
    raise ConfigurationError(
        f"store: {scheme}:… is no store; allowed are sqlite:///relative.db and sqlite:////absolute.db"
    )
