"""``semantic``: texts of one meaning, by the cosine of their embeddings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from comparators.asking.options import AskingOptions, _base_url, _refused
from comparators.base import Answer, Comparator, ComparatorError, Ledger, Observer, Request, Run, Runs, Score
from comparators.minilm import Shape, fingerprint, model_in
from comparators.parts import decided_by_form, differing, normalised, short

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from comparators.asking.embeddings import Embedder

    Vector = NDArray[np.float32]

# Of a text that an endpoint gets in more windows, this many are sent, evenly spread from the first to the last.
_MOST_WINDOWS = 16


class SemanticOptions(AskingOptions):
    """Options of ``semantic``: a folder with a model, or an endpoint."""

    agree_at: float = Field(0.8, gt=0, le=1, description="similarity from which on two texts agree")
    folder: Path | None = Field(
        None, description="folder of a sentence-transformer (`config.json`, `tokenizer.json`, `model.safetensors`)"
    )
    url: Annotated[str, BeforeValidator(_base_url)] | None = Field(  # type: ignore[assignment]
        None, description="or: base URL of an OpenAI-compatible server; texts of both answers go there"
    )
    model: str | None = Field(  # type: ignore[assignment]
        None, min_length=1, description="the embedding model to ask for there"
    )
    window: int = Field(4000, ge=100, description="characters that the endpoint is given at once; longer texts are cut")
    cache: int = Field(2000, ge=0, exclude=True, description="how many vectors of the endpoint's are remembered")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.folder is None) == (self.url is None):
            raise _refused("must be either `folder` with a model, or `url` and `model` of an endpoint")
        if (self.url is None) != (self.model is None):
            raise _refused("must have both `url` and `model`, or neither")
        if self.folder is not None:
            try:
                Shape(self.folder)
            except ComparatorError as error:
                raise _refused(str(error)) from None
        return self


class Semantic(Comparator):
    """Similarity is the cosine of the two texts' embeddings: 1 is the same meaning, as far as the model can tell."""

    name = "semantic"
    version = "2"
    symmetric = True
    Options = SemanticOptions
    options: SemanticOptions

    def __init__(self, options: SemanticOptions) -> None:
        super().__init__(options)
        self.runs: Runs = "awaited" if options.url is not None else "heavy"
        self._embedder: Embedder | None = None
        if options.folder is not None:
            self.version = f"{type(self).version}({fingerprint(options.folder)})"
        else:
            from comparators.asking.embeddings import Embedder

            self._embedder = Embedder(options)

    def keep_accounts(self, ledger: Ledger) -> None:
        if self._embedder is not None:
            self._embedder.budget.ledger = ledger

    def report_to(self, observer: Observer) -> None:
        if self._embedder is not None:
            self._embedder.budget.observer = observer

    async def close(self) -> None:
        if self._embedder is not None:
            await self._embedder.close()

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        """By the model in the folder."""
        if self.options.folder is None:
            raise ComparatorError("semantic with an endpoint is awaited")
        texts = _texts(request, teacher, student)
        if isinstance(texts, Score):
            return texts
        model = model_in(self.options.folder, self.version)
        return self._scored(*texts, *(model.vector(text) for text in texts))

    async def ask(self, request: Request, teacher: Answer, student: Answer, run: Run) -> Score:  # noqa: ARG002 - it uses no others
        """By the endpoint. Raises an AskingError."""
        texts = _texts(request, teacher, student)
        if isinstance(texts, Score):
            return texts
        return self._scored(*texts, *await asyncio.gather(*(self._asked(text) for text in texts)))

    async def _asked(self, text: str) -> Vector:
        """The text's vector: the mean of its windows' vectors, weighted by their lengths."""
        assert self._embedder is not None  # noqa: S101 - for the type checker
        windows = _windows(text, self.options.window)
        vectors = await asyncio.gather(*(self._embedder.vector(window) for window in windows))
        total: Vector = sum(len(window) * vector for window, vector in zip(windows, vectors, strict=True))  # type: ignore[assignment]
        return total

    def _scored(self, wanted: str, given: str, ours: Vector, theirs: Vector) -> Score:
        if ours.shape != theirs.shape:
            raise ComparatorError("the endpoint's embeddings are of different dimensions")
        score = _cosine(ours, theirs)
        detail: dict[str, Any] = {"similarity": round(score, 4)}
        if score >= self.options.agree_at:
            return Score(score=score, agree=True, detail=detail)
        return differing("meaning", short(wanted), short(given), score=score, **detail)


def _texts(request: Request, teacher: Answer, student: Answer) -> tuple[str, str] | Score:
    """The texts to embed, or the score where nothing has to be."""
    decided = decided_by_form(teacher, student, words_beside_calls=True, request=request)
    if decided is not None:
        return decided
    wanted, given = normalised(teacher.content or ""), normalised(student.content or "")
    if wanted == given:
        return Score(score=1.0, agree=True, detail={"similarity": 1.0})
    if not wanted or not given:
        return differing("meaning" if given else "empty", short(wanted), short(given))
    return wanted, given


def _windows(text: str, longest: int) -> list[str]:
    """The text in pieces of at most ``longest`` characters, cut between words where it has any."""
    windows, start = [], 0
    while start < len(text):
        end = start + longest
        if end < len(text):
            space = text.rfind(" ", start + 1, end + 1)
            end = space if space > start else end
        windows.append(text[start:end])
        start = end + (text[end : end + 1] == " ")
    if len(windows) > _MOST_WINDOWS:
        last = len(windows) - 1
        windows = [windows[round(place * last / (_MOST_WINDOWS - 1))] for place in range(_MOST_WINDOWS)]
    return windows


def _cosine(ours: Vector, theirs: Vector) -> float:
    import numpy as np

    lengths = float(np.linalg.norm(ours)) * float(np.linalg.norm(theirs))
    cosine = float(ours @ theirs) / lengths if lengths > 0 else 0.0
    return min(max(cosine, 0.0), 1.0)
