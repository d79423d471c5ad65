"""The kinds that ``--kind`` can ask for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from comparators.kinds import KINDS
from proxy.errors import UsageError
from proxy.store.records import EXCLUDED, MISSING, OVER_BUDGET

# Of an answer that is none, or cannot be used, where no comparator's word says the same.
STUDENT_ERRORS = (
    *("timeout", "connection", "breaker", "status_429", "status_5xx", "no_model", "not_json"),
    *("unusable_shape", "unusable_coding", "too_large", "error_in_answer", "context_length_exceeded"),
)
_STATUS = re.compile(r"status_[1-5][0-9]{2}", re.ASCII)

HELP = (
    "Of this kind alone. Of disagreement, by the word of any of the route's comparators, the deciding one or not:"
    f" {', '.join(KINDS)}, and what comparators of your own name."
    f" Of missing, or outside of the evidence: {', '.join((*sorted(MISSING), *sorted(EXCLUDED), OVER_BUDGET))}."
    f" Of a student's error: {', '.join(STUDENT_ERRORS)}, or another status."
)


def check_kind(kind: str, occurs: Callable[[], bool]) -> None:
    """Refuse a kind that is nobody's.

    Args:
        kind: What a user asks for.
        occurs: Whether any pair is of it: comparators of one's own may have kinds of their own.

    Raises:
        UsageError: there is none; the message names the nearest, or says where they are listed.
    """
    known = (*KINDS, *MISSING, *EXCLUDED, OVER_BUDGET, *STUDENT_ERRORS)
    if kind in known or _STATUS.fullmatch(kind) or occurs():
        return
    near = difflib.get_close_matches(kind.lower().replace("-", "_"), known, n=1)
    advice = f"did you mean {near[0]}?" if near else "understudy pairs --help lists them"
    raise UsageError(f"--kind: no pair is of kind {kind!r}; {advice}")
