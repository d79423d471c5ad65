"""What keeps a store small, step by step."""

from __future__ import annotations

from proxy.config.model import Route
from proxy.store.segment_names import MOST_KEYS, MOST_VALUES
from proxy.store.upkeep import keep_configured_segments, tend
from tests.store.store_builders import DAY, T0, settlement, tallied


def route(name, **given):
    return Route.model_validate({"name": name, "teacher": {"url": "https://teacher.example/v1"}} | given)


def tended(store, retention, *, now, read_until=None):
    """The number of steps it took."""
    steps = 1
    routes = [route(name, retention=f"{days}d") for name, days in retention.items()]
    while tend(store, routes, now=now, read_until=now if read_until is None else read_until):
        steps += 1
    return steps


def with_text(store, *ids):
    return [id_ for id_ in ids if store.pair(f"{id_}:small").exchange.request is not None]


def test_text_is_kept_as_long_as_its_route_says(store):
    for days in (0, 5, 10):
        store.record([settlement(f"a{days}", "agreed", at=T0 + days * DAY, route="a")])
        store.record([settlement(f"b{days}", "agreed", at=T0 + days * DAY, route="b")])

    tended(store, {"a": 7, "b": 1}, now=T0 + 10 * DAY)

    assert with_text(store, "a0", "a5", "a10", "b0", "b5", "b10") == ["a5", "a10", "b10"]


def test_text_of_a_route_that_is_no_longer_configured_goes_by_the_shortest_retention(store):
    for days in (0, 5, 10):
        store.record([settlement(f"old{days}", "agreed", at=T0 + days * DAY, route="renamed")])

    tended(store, {"a": 7, "b": 1}, now=T0 + 10 * DAY)

    assert with_text(store, "old0", "old5", "old10") == ["old10"]


def test_without_any_route_the_default_holds(store):
    for days in (0, 5, 10):
        store.record([settlement(f"e{days}", "agreed", at=T0 + days * DAY)])

    tended(store, {}, now=T0 + 36 * DAY)

    assert with_text(store, "e0", "e5", "e10") == ["e10"]


def test_a_large_backlog_takes_many_steps_and_all_of_it_goes(store):
    for start in range(0, 450, 150):
        store.record([settlement(f"e{n}", "agreed") for n in range(start, start + 150)])

    assert tended(store, {"intents": 1}, now=T0 + 2 * DAY) > 3
    assert store.routes_with_text() == frozenset()


def test_counts_are_folded_by_the_moment_that_reports_are_read_up_to(store):
    store.record([settlement(f"e{n}", "agreed", at=T0 + n * DAY) for n in range(3)])

    tended(store, {}, now=T0 + 100 * DAY, read_until=T0 + 30 * DAY)
    assert not tend(store, [], now=T0 + 100 * DAY, read_until=None)
    assert store.counts_begin(T0) == T0

    tended(store, {}, now=T0 + 100 * DAY)
    assert store.counts_begin(T0) < T0


def test_clients_do_not_crowd_out_what_the_configuration_names(store):
    named = route(
        "intents",
        segments=["language", {"header": "x-tenant", "as": "tenant"}, "tags"],
        gate={"require": ["tenant=acme", "plan=gold"]},
    )
    for n in range(MOST_KEYS):
        store.record([settlement(f"k{n:03}", "agreed", segments={f"tag{n}": "v"})])
    keep_configured_segments(store, [named, route("auto")])
    for n in range(MOST_VALUES):
        store.record([settlement(f"v{n:03}", "agreed", segments={"tenant": f"t{n}"})])

    named_all = {"tenant": "acme", "plan": "gold", "language": "de", "teacher_version": "t1"}
    store.record([settlement("e1", "agreed", segments=named_all)])
    store.record([settlement("e2", "agreed", segments={"tenant": "late", "plan": "free", "size": "s"})])

    counts = tallied(store)
    for segment in ("tenant=acme", "plan=gold", "language=de", "teacher_version=t1", "plan=free", "other=other"):
        assert counts["", segment, "pairs", 0] == 1
    assert counts["", "tenant=other", "pairs", 0] == 2
