"""``sample`` by header, tag or model, and students' budgets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli.app import run
from proxy.config.load import load_checked
from proxy.config.reach import idle_rules
from proxy.config.sampling import Sampling, sampling_of
from proxy.errors import ConfigurationError

SEGMENTS = ["turn", {"header": "X-Tenant", "as": "tenant"}, {"body": "metadata.tier", "as": "tier"}]
TOKENS, HOURS = {"input": 1, "output": 2}, {"per_hour": 2}


def load(tmp_path, sample=1.0, match=None, **student):
    file = tmp_path / "u.yaml"
    route = {
        "name": "a",
        "teacher": {"url": "http://t/v1"},
        "segments": SEGMENTS,
        "match": match or {},
        "students": [{"name": "s", "url": "http://s/v1", **student}],
        "sample": sample,
    }
    file.write_text(json.dumps({"routes": [route]}))  # JSON is YAML
    return load_checked(file, {}).routes[0]


def test_a_share_or_rules_in_their_order_with_a_default(tmp_path):
    assert load(tmp_path, 0.25).sampling == Sampling((), 0.25)

    sampling = load(tmp_path, {"default": 0.1, "tenant=a=b": 1.0, "model=gpt-4o*": 0.5, "x-app=support": 1}).sampling

    assert [tuple(rule) for rule in sampling.rules] == [
        ("tenant", "a=b", 1.0), ("model", "gpt-4o*", 0.5), ("x-app", "support", 1.0),
    ]  # fmt: skip
    assert (sampling.default, sampling.least) == (0.1, 0.1)


def test_without_a_default_all_others_are_sampled_whole(tmp_path):
    assert load(tmp_path, {"tenant=acme": 0.2}).sampling.default == 1.0


@given(st.floats(0, 1), st.dictionaries(st.sampled_from(["a=b", "model=m*", "c=d", "default=x"]), st.floats(0, 1)))
def test_the_least_share_is_one_of_those_above_0(default, rules):
    sampling = sampling_of({"default": default, **rules})

    given_shares = {share for share in (default, *rules.values()) if share > 0}
    assert sampling.least == min(given_shares, default=0.0)
    assert len(sampling.rules) == len(rules)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ({"tenant": 1.0}, "routes[0].sample.tenant: must be default, or key=value such as tenant=acme"),
        ({"tenant=": 1.0}, "routes[0].sample.tenant=: must be default, or key=value such as tenant=acme"),
        ({"=acme": 1.0}, "routes[0].sample.=acme: must be default, or key=value such as tenant=acme"),
        ({"default": 1.5}, "routes[0].sample.default: must be 1 or less; found 1.5"),
        ({"tenant=acme": -0.5}, "routes[0].sample.tenant=acme: must be 0 or more; found -0.5"),
        ({"tenant=acme": "much"}, "routes[0].sample.tenant=acme: must be a number; found much"),
        ([0.5], "routes[0].sample: must be a number; found a list"),
        ({"default": 0, "tenant=acme": 0}, "routes[0].sample: all of it is 0, so nothing is ever shadowed"),
        ({"language=de": 1.0}, "routes[0].sample.language=de: language is told from the whole exchange"),
        ({"tier=gold": 1.0}, "routes[0].sample.tier=gold: tier is told from the whole exchange"),
        ({"Authorization=*": 1.0}, "routes[0].sample.Authorization=*: Authorization holds a credential"),
    ],
)
def test_a_sample_that_cannot_be_is_told(tmp_path, sample, said):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, sample)

    assert f"u.yaml:1: {said}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sample", "match", "idle"),
    [
        ({"tenant=*": 1.0, "tenant=acme": 0.5}, {}, {"tenant=acme": "tenant=* before it has all of them"}),
        ({"tenant=a*": 1.0, "tenant=acme": 0.5, "x=acme": 1}, {}, {"tenant=acme": "tenant=a* before"}),
        ({"tenant=acme": 1.0, "tenant=a*": 0.5}, {}, {}),
        ({"model=gpt-3*": 1.0, "model=gpt-4o-mini": 1.0}, {"model": "gpt-4o*"}, {}),  # two globs: nobody knows
        ({"model=gpt-3": 1.0}, {"model": "gpt-4o*"}, {"model=gpt-3": "the route matches gpt-4o* alone"}),
        ({"model=gpt-3*": 1.0}, {"model": "gpt-4o"}, {"model=gpt-3*": "the route matches gpt-4o alone"}),
        ({"tenant=b*": 1.0, "tenant=acme": 1}, {"header": {"x-tenant": "acme"}}, {"tenant=b*": "the route matches"}),
    ],
)  # fmt: skip
def test_rules_that_never_decide_are_warned_of(tmp_path, capsys, sample, match, idle):
    route = load(tmp_path, sample, match)

    found = {f"{rule.key}={rule.pattern}": why for rule, why in idle_rules(route)}
    assert found.keys() == idle.keys()
    assert all(found[rule].startswith(why) for rule, why in idle.items())
    assert run(["check", "--config", str(tmp_path / "u.yaml")]) == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if "sample" in line]
    assert len(warned) == len(idle)
    assert all(rule in line for rule, line in zip(idle, warned, strict=True))


@pytest.mark.parametrize(
    ("budget", "price", "said"),
    [
        ({"usd_per_day": 5}, None, "budget.usd_per_day: needs price: {input, output}"),
        ({"usd_per_day": 5, "requests_per_second": 1}, HOURS, "budget.usd_per_day: needs price: {input, output}"),
        ({"usd_per_day": 0}, TOKENS, "budget.usd_per_day: must be more than 0; found 0"),
        ({"requests_per_second": -1}, None, "budget.requests_per_second: must be more than 0; found -1"),
        ({"usd_perday": 1}, TOKENS, "budget.usd_perday: unknown key; did you mean usd_per_day?"),
        (5, TOKENS, "budget: must be a mapping of keys; found 5"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(tmp_path, budget, price, said):
    with pytest.raises(ConfigurationError, match="students") as caught:
        load(tmp_path, budget=budget, price=price)

    assert f"routes[0].students[0].{said}" in str(caught.value)


@pytest.mark.parametrize(
    ("budget", "price", "is_given"),
    [
        ({"usd_per_day": 5}, TOKENS, True),
        ({"requests_per_second": 0.5}, None, True),
        ({"usd_per_day": None, "requests_per_second": None}, None, False),
        (None, None, False),
    ],
)
def test_a_budget_may_be_one_or_both_or_none(tmp_path, budget, price, is_given):
    assert load(tmp_path, budget=budget, price=price).students[0].budget.is_given is is_given
