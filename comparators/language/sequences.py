"""What two sequences of tokens have in common, whatever the tokens."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

# Longest common subsequences cost the product of the lengths: of more tokens only the first are aligned.
_ALIGNED = 20_000


def common(ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> int:
    """How many tokens the two have in common and in order; what is too long to align counts where it is the same."""
    from rapidfuzz.distance import LCSseq

    aligned = LCSseq.similarity(ours[:_ALIGNED], theirs[:_ALIGNED])
    return aligned + (len(ours[_ALIGNED:]) if ours[_ALIGNED:] == theirs[_ALIGNED:] else 0)


def similarity(ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> float:
    """Twice the tokens in common and in order, over the tokens of both; 1 for equal sequences alone."""
    if ours == theirs:
        return 1.0
    total = len(ours) + len(theirs)
    return min(2 * common(ours, theirs), total - 1) / total
