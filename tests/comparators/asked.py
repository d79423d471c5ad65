"""A comparator that asks, for tests: it says that all is well."""

from comparators.base import Comparator, Score


class Asked(Comparator):
    """Agreement is whatever it is given."""

    name = "asked"
    version = "1"
    runs = "awaited"

    async def ask(self, request, teacher, student, run):
        return Score(score=1.0, agree=True)
