from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from proxy.store.base import Store
from tests.store.store_builders import ENGINES, Opener


@pytest.fixture(params=sorted(ENGINES))
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the test's store: each call another object, as another process would have."""
    opener = ENGINES[request.param](tmp_path)
    with ExitStack() as stack:
        yield lambda replica="0": stack.enter_context(closing(opener(replica=replica)))


@pytest.fixture
def store(open_again: Opener) -> Store:
    return open_again()
