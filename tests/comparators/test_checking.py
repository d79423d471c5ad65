"""What a comparator of somebody else's returns is a score, or is refused with what is wrong."""

from typing import Any

import numpy as np
import pytest

from comparators.base import Score
from comparators.checking import InvalidScoreError, checked


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (0.5, "a comparator returns a Score, not float"),
        (None, "a comparator returns a Score, not NoneType"),
        (Score(score=1.5, agree=True), "in [0, 1]"),
        (Score(score=-0.1, agree=False), "in [0, 1]"),
        (Score(score=float("nan"), agree=True), "in [0, 1]"),
        (Score(score="high", agree=True), "in [0, 1]"),  # type: ignore[arg-type]
        (Score(score=0.0, agree="no"), "`agree`"),  # type: ignore[arg-type]
        (Score(score=0.0, agree=None), "`agree`"),  # type: ignore[arg-type]
        (Score(score=0.0, agree=False, kinds="wording"), "`kinds`"),  # type: ignore[arg-type]
        (Score(score=0.0, agree=False, kinds=None), "`kinds`"),  # type: ignore[arg-type]
        (Score(score=0.0, agree=False, detail=object()), "`detail`"),
    ],
)
def test_what_is_no_score_is_refused(said: Any, message: str) -> None:
    with pytest.raises(InvalidScoreError) as refused:
        checked(said)
    assert message in str(refused.value)


def test_numbers_of_numpy_lists_and_kinds_that_are_no_names_are_put_right() -> None:
    said = Score(
        score=np.float64(0.5),
        agree=np.bool_(False),  # type: ignore[arg-type]
        kinds=["wording", "The Text", "wording"],  # type: ignore[arg-type]
        detail={1: (2,)},
    )

    assert checked(said) == Score(score=0.5, agree=False, kinds=("wording", "other"), detail={"1": (2,)})
    assert type(checked(said).agree) is bool
