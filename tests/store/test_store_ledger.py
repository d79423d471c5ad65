"""What comparators spend, shared by all who use the store and kept over restarts."""

from __future__ import annotations

import pytest

from proxy.errors import StoreError
from proxy.store.ledger import StoreLedger
from tests.store.store_builders import T0

DAY, NEXT = "2026-09-21", "2026-09-22"


def ledger():
    return StoreLedger(now=lambda: T0)


class Unwritable:
    def __init__(self, store, *methods):
        self._store, self._methods = store, methods

    def __getattr__(self, name):
        if name in self._methods:
            raise StoreError("disk full")
        return getattr(self._store, name)


def test_amounts_add_up_by_account_and_day(store):
    store.spend({("a", DAY): 0.5, ("b", DAY): 1.0})
    store.spend({("a", DAY): 0.25, ("a", NEXT): 2.0})

    assert store.spent(DAY) == {("a", DAY): 0.75, ("b", DAY): 1.0, ("a", NEXT): 2.0}
    assert store.spent(NEXT) == {("a", NEXT): 2.0}


def test_a_process_knows_at_once_what_it_spent_itself_and_what_others_did_once_both_settled(store):
    ours, theirs = ledger(), ledger()
    ours.add("a", DAY, 1.0)
    theirs.add("a", DAY, 2.0)

    assert (ours.spent("a", DAY), theirs.spent("a", DAY)) == (1.0, 2.0)
    ours.settle(store)
    theirs.settle(store)
    assert theirs.spent("a", DAY) == 3.0
    assert ours.spent("a", DAY) == 1.0
    ours.settle(store)
    assert ours.spent("a", DAY) == 3.0
    assert (ours.spent("a", NEXT), ours.spent("b", DAY)) == (0.0, 0.0)


def test_what_was_spent_is_written_once_and_known_after_a_restart(store):
    before = ledger()
    before.add("a", DAY, 0.1)
    for _ in range(3):
        before.settle(store)
    before.add("a", DAY, 0.2)
    before.settle(store)

    after = ledger()
    after.settle(store)

    assert after.spent("a", DAY) == pytest.approx(0.3)


@pytest.mark.parametrize(("failing", "stored"), [("spend", 0.0), ("spent", 1.0)])
def test_a_store_in_trouble_loses_nothing_and_doubles_nothing(store, failing, stored):
    account = ledger()
    account.add("a", DAY, 1.0)

    with pytest.raises(StoreError):
        account.settle(Unwritable(store, failing))

    assert store.spent(DAY).get(("a", DAY), 0.0) == stored
    assert account.spent("a", DAY) == 1.0
    account.settle(store)
    assert (account.spent("a", DAY), store.spent(DAY)) == (1.0, {("a", DAY): 1.0})


def test_what_is_spent_while_it_settles_is_kept_for_the_next_time(store):
    account = ledger()
    account.add("a", DAY, 1.0)

    class Meanwhile:
        def spend(self, amounts):
            store.spend(amounts)
            account.add("a", DAY, 0.5)

        def spent(self, since):
            account.add("a", DAY, 0.25)
            return store.spent(since)

    account.settle(Meanwhile())

    assert (account.spent("a", DAY), store.spent(DAY)) == (1.75, {("a", DAY): 1.0})
    account.settle(store)
    assert store.spent(DAY) == {("a", DAY): 1.75}
