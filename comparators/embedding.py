"""``embedding``: vectors that point the same way, or inputs that have the same neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from comparators.base import Answer, Comparator, ComparatorError, ComparatorOptions, Request, Score

Vectors = tuple[tuple[float, ...], ...]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]

_FEWEST = 3  # inputs; of two each is the other's only neighbour
# Every input is measured against all others: of more inputs only the first are.
_MOST = 256
# Similarities that differ by less are the same: texts that occur twice, vectors sent as 32-bit floats.
_ROUNDING = 1e-6


class NeighboursError(ComparatorError):
    """Vectors of other dimensions can be compared by their neighbours alone, and there are too few inputs for that."""


class EmbeddingOptions(ComparatorOptions):
    """Options of ``embedding``."""

    by: Literal["auto", "vectors", "neighbours"] = Field(
        "auto", description="what is compared; `auto`: vectors where both have one dimension, else neighbours"
    )
    agree_at: float = Field(0.95, gt=0, le=1, description="mean cosine of the vectors from which on two answers agree")
    neighbours: int = Field(
        5, ge=1, le=100, description="how many nearest neighbours count, of at most half of the other inputs"
    )
    neighbours_agree_at: float = Field(
        0.8, gt=0, le=1, description="mean share of common neighbours from which on two answers agree"
    )


class Embedding(Comparator):
    """Agreement is vectors of nearly one direction; where dimensions differ, inputs with nearly the same neighbours."""

    name = "embedding"
    version = "1"
    runs = "light"
    surfaces = frozenset({"embeddings"})
    symmetric = True
    Options = EmbeddingOptions
    options: EmbeddingOptions

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:  # noqa: ARG002 - the interface's
        wanted, given = teacher.embeddings, student.embeddings
        if wanted is None or given is None:
            raise ComparatorError("embedding compares embeddings alone")
        dimensions = {"teacher": _dimension(wanted), "student": _dimension(given)}
        if len(wanted) != len(given) or None in dimensions.values():
            return _other_shape(wanted, given)
        if wanted == given:  # also where a vector is all zeros
            return Score(score=1.0, agree=True, detail={"inputs": len(wanted), "dimension": dimensions["teacher"]})
        by = self.options.by
        if by == "auto":
            by = "vectors" if dimensions["teacher"] == dimensions["student"] else "neighbours"
        if by == "neighbours":
            return self._by_neighbours(wanted, given, dimensions)
        if dimensions["teacher"] != dimensions["student"]:
            return _disagreeing("vector_changed", 0.0, {"inputs": len(wanted), "dimension": dimensions})
        return self._by_vectors(wanted, given, dimensions)

    def _by_vectors(self, wanted: Vectors, given: Vectors, dimensions: Any) -> Score:
        import numpy as np

        ours, theirs = _directions(wanted), _directions(given)
        cosines = np.clip((ours * theirs).sum(axis=1), 0.0, 1.0)
        cosines[~ours.any(axis=1) & ~theirs.any(axis=1)] = 1.0  # neither has a direction
        score, worst = min(float(cosines.mean()), 1.0), int(cosines.argmin())
        detail = {
            "inputs": len(cosines),
            "dimension": dimensions["teacher"],
            "cosine": {"mean": round(score, 6), "lowest": round(float(cosines[worst]), 6), "lowest_at_input": worst},
        }
        if score >= self.options.agree_at:
            return Score(score=score, agree=True, detail=detail)
        return _disagreeing("vector_changed", score, detail)

    def _by_neighbours(self, wanted: Vectors, given: Vectors, dimensions: Any) -> Score:
        inputs = len(wanted)
        if inputs < _FEWEST:
            problem = f"neighbours need at least {_FEWEST} inputs in a request, not {inputs}"
            raise NeighboursError(f"{problem}; vectors can be compared only where both models have one dimension")
        inputs = min(inputs, _MOST)
        # Of at most half of the others: vectors at random have half of them in common at most.
        nearest = min(self.options.neighbours, (inputs - 1) // 2)
        ours, theirs = (_nearest(_directions(side[:inputs]), nearest) for side in (wanted, given))
        common = (ours & theirs).sum(axis=1)
        larger = ours.sum(axis=1).clip(theirs.sum(axis=1))
        shares = common / larger
        score, worst = min(float(shares.mean()), 1.0), int(shares.argmin())
        detail = {
            "inputs": len(wanted),
            "dimension": dimensions,
            "common_neighbours": {"mean": round(score, 6), "of_nearest": nearest, "compared_inputs": inputs},
            "fewest_at_input": {
                "input": worst,
                **{
                    side: near[worst].nonzero()[0][:10].tolist()
                    for side, near in (("teacher", ours), ("student", theirs))
                },
            },
        }
        if score >= self.options.neighbours_agree_at:
            return Score(score=score, agree=True, detail=detail)
        return _disagreeing("neighbours_changed", score, detail)


def _disagreeing(kind: str, score: float, detail: Any) -> Score:
    return Score(score=score, agree=False, kinds=(kind,), detail=detail)


def _other_shape(wanted: Vectors, given: Vectors) -> Score:
    shapes = {
        side: {"vectors": len(vectors), "dimensions": sorted({len(vector) for vector in vectors})[:10]}
        for side, vectors in (("teacher", wanted), ("student", given))
    }
    same = wanted == given
    return Score(score=float(same), agree=same, kinds=() if same else ("other_form",), detail=shapes)


def _dimension(vectors: Vectors) -> int | None:
    """What all of them have in common; None where it is not the same for all, or there is nothing."""
    dimensions = {len(vector) for vector in vectors}
    return dimensions.pop() or None if len(dimensions) == 1 else None


def _directions(vectors: Vectors) -> Matrix:
    """Each vector at length 1; one that is all zeros, or holds what is no number, has no direction: zeros."""
    import numpy as np

    rows = np.array(vectors, dtype=np.float64)
    rows[~np.isfinite(rows).all(axis=1)] = 0.0
    # By the largest part first: squares of very large and very small numbers are out of range.
    rows = _divided(rows, np.abs(rows).max(axis=1, keepdims=True))
    return _divided(rows, np.linalg.norm(rows, axis=1, keepdims=True))


def _divided(rows: Matrix, by: Matrix) -> Matrix:
    import numpy as np

    return np.divide(rows, by, out=np.zeros_like(rows), where=by > 0)


def _nearest(directions: Matrix, count: int) -> Mask:
    """Which inputs (columns) are among each one's (rows) ``count`` nearest; more where the last of them are tied."""
    import numpy as np

    similarity = directions @ directions.T
    np.fill_diagonal(similarity, -np.inf)
    threshold = np.partition(similarity, -count, axis=1)[:, [-count]]
    near: Mask = similarity >= threshold - _ROUNDING
    return near
