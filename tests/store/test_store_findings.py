"""What the analyst keeps."""

from __future__ import annotations

from proxy.store.records import Alert, Assessment
from tests.store.store_builders import T0, settlement


def found(document, at=T0):
    return Assessment(route="intents", student="small", at=at, evidence_id=1, document=document)


def alert(id_="a1", **fields):
    given = {"route": "intents", "student": "small", "reason": "agreement_dropped", "opened_at": T0}
    return Alert(id=id_, **(given | fields))


def test_one_holds_it_until_it_lets_go_or_falls_silent(store, open_again):
    other = open_again("other")

    assert store.hold("analyst", "a", now=T0, seconds=30)
    assert not other.hold("analyst", "b", now=T0 + 29, seconds=30)
    assert store.hold("analyst", "a", now=T0 + 29, seconds=30)
    assert not other.hold("analyst", "b", now=T0 + 31, seconds=30)
    assert other.hold("analyst", "b", now=T0 + 60, seconds=30)

    store.let_go("analyst", "a")
    assert not store.hold("analyst", "a", now=T0 + 61, seconds=30)
    other.let_go("analyst", "b")
    assert store.hold("analyst", "a", now=T0 + 61, seconds=30)


def test_the_last_assessment_is_there(store, open_again):
    assert store.assessment("intents", "small") is None

    store.assess(found({"a": 1}), [])
    store.assess(found({"b": [1, None]}, at=T0 + 1), [])

    assert open_again("other").assessment("intents", "small") == found({"b": [1, None]}, at=T0 + 1)


def test_alerts_are_opened_and_resolved(store):
    store.assess(found({}), [alert("a1"), alert("a2", opened_at=T0 + 1, segment="language=de")])
    store.assess(found({}), [alert("a1", resolved_at=T0 + 9, detail={"until": 9})])

    assert [each.id for each in store.alerts("intents", "small")] == ["a2"]
    assert [each.id for each in store.alerts("intents", "small", resolved=True)] == ["a2", "a1"]
    assert store.alerts("intents", "small", resolved=True)[1] == alert("a1", resolved_at=T0 + 9, detail={"until": 9})
    assert store.alerts("intents", "other") == []


def test_blocks_are_units_by_five_minutes(store):
    store.record([settlement(f"e{n}", "agreed" if n % 3 else "disagreed", at=T0 + 100 * n) for n in range(6)])
    [evidence] = store.evidences("intents", "small")

    rows = store.blocks(evidence.id, "label", "valid", since=T0, until=T0 + 600)

    everything = [(row.bucket, row.bin, row.n) for row in rows if row.segment_key == "all"]
    assert sorted(everything) == [(T0, 0, 1), (T0, 100, 2), (T0 + 300, 0, 1), (T0 + 300, 100, 2)]
    assert {row.segment_key for row in rows} == {"all", "language", "length"}
    earlier = [row for row in rows if row.bucket < T0 + 300]
    assert store.blocks(evidence.id, "label", "valid", since=T0, until=T0 + 300) == earlier
