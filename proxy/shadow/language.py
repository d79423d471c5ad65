"""The language of a request's text, as a segment has it."""

from __future__ import annotations

from comparators.language.detection import language_of

UNDETERMINED = "und"


def language_segment(text: str) -> str:
    """The language as an ISO 639-1 code, or ``und``: fewer than 20 letters, no language, or none likely enough."""
    return language_of(text) or UNDETERMINED
