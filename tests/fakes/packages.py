"""Programs that come as Debian packages: tests that need one skip without it, but never in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(program: str, package: str) -> str:
    """The program's path, or the test is skipped (in CI, where ``.ci/run`` installs it: failed)."""
    found = shutil.which(program)
    if found is None:
        reason = f"{program} is not installed (Debian package {package})"
        if os.environ.get("UNDERSTUDY_REQUIRE_PACKAGES"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found
