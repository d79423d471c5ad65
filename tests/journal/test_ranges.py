from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy.journal.ranges import merge

numbers = st.sets(st.integers(1, 60))


@given(numbers, numbers)
def test_ranges_hold_what_was_put_into_them_in_as_few_rows_as_can_be(first, second):
    ranges = merge(merge([], first), second)
    assert {number for low, high in ranges for number in range(low, high + 1)} == first | second
    assert all(earlier[1] + 1 < later[0] for earlier, later in pairwise(ranges))


@given(numbers, numbers)
def test_the_order_does_not_matter(first, second):
    assert merge(merge([], first), second) == merge(merge([], second), first)
