from pydantic import Field

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Score
from comparators.parts import decided_by_form


class WordCountOptions(ComparatorOptions):
    within: float = Field(0.1, ge=0, le=1, description="by what share the numbers of words may differ")


class WordCount(Comparator):
    """Agreement is about the same number of words."""

    name = "wordcount"
    version = "1"
    runs = "light"  # some microseconds, whatever the text; without it: in a process that may be killed
    symmetric = True
    Options = WordCountOptions

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=True, request=request)
        if decided is not None:  # a refusal, or tool calls
            return decided
        wanted, given = (len((side.content or "").split()) for side in (teacher, student))
        score = min(wanted, given) / max(wanted, given, 1) if wanted or given else 1.0
        agree = score >= 1 - self.options.within
        return Score(
            score=score,
            agree=agree,
            kinds=() if agree else ("length",),
            detail={"teacher": wanted, "student": given},
        )
