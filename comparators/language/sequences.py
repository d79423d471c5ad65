"""How alike two sequences of tokens are, whatever the tokens."""

from __future__ import annotations

from collections.abc import Hashable

# Longest common subsequences cost the product of the lengths: of more tokens only the first are aligned.
_ALIGNED = 20_000


def similarity(ours: list[Hashable], theirs: list[Hashable]) -> float:
    """Twice the tokens in common and in order, over the tokens of both; 1 for equal sequences alone."""
    from rapidfuzz.distance import LCSseq

    if ours == theirs:
        return 1.0
    common = LCSseq.similarity(ours[:_ALIGNED], theirs[:_ALIGNED])
    if ours[_ALIGNED:] == theirs[_ALIGNED:]:  # an unaligned rest counts when it is the same
        common += len(ours[_ALIGNED:])
    total = len(ours) + len(theirs)
    return min(2 * common, total - 1) / total
