"""How long hypothesis looks: a while in ``make test``, long in ``make thorough``."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("usual", max_examples=40, deadline=None)
settings.register_profile("thorough", max_examples=1_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))
