"""Kinds that comparators make up are bounded as labels of metrics; those of the list keep their names."""

import pytest
from prometheus_client import CollectorRegistry

from comparators.kinds import KINDS
from proxy.metrics import ShadowMetrics
from proxy.shadow.metering import count_stored
from proxy.store.records import AnswerRecord, ExchangeRecord, PairRecord, ScoreRecord, Settlement

HERE = "understudy_disagreements_total"


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def count(registry):
    metrics = ShadowMetrics(registry)

    def counted(*kinds, route="r"):
        exchange = ExchangeRecord(id="1", route=route, arrived_at=1.0, captured_at=1.0, unit="1", probability=1.0)
        scores = {"own": ScoreRecord(score=0.0, agree=False, kinds=kinds)}
        pair = PairRecord(
            student="small",
            version="m",
            definition="d",
            outcome="disagreed",
            scores=scores,
            decides="own",
            answer=AnswerRecord(),
        )
        count_stored(
            metrics,
            Settlement(exchange=exchange, pairs=(pair,)),
            new_students={"small"},
            new_exchange=True,
            route_known=True,
            models={},
        )

    return counted


def kinds_of(registry, route="r"):
    samples = (sample for family in registry.collect() for sample in family.samples if sample.name == HERE)
    return {sample.labels["kind"]: sample.value for sample in samples if sample.labels["route"] == route}


def test_the_first_fifty_kinds_of_a_route_keep_their_names_and_all_later_ones_share_one(registry, count):
    for number in range(200):
        count(f"made_up_{number}")

    assert kinds_of(registry) == {**{f"made_up_{number}": 1 for number in range(50)}, "other": 150}


def test_kinds_of_the_list_and_those_of_other_routes_keep_theirs(registry, count):
    for number in range(60):
        count(f"made_up_{number}")
    for kind in KINDS:
        count(kind)
    count("made_up_0")
    count("late", route="another")

    told = kinds_of(registry)
    assert {kind: told.get(kind) for kind in KINDS} == dict.fromkeys(KINDS, 1)
    assert told["made_up_0"] == 2
    assert kinds_of(registry, "another") == {"late": 1}


def test_a_pair_with_several_kinds_that_share_a_name_counts_once(registry, count):
    for number in range(50):
        count(f"made_up_{number}")
    count("late", "later", "wording")

    told = kinds_of(registry)
    assert (told["other"], told["wording"]) == (1, 1)
