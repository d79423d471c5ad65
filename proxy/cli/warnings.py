"""What ``check`` warns of: a configuration that works, and is likely to be a mistake."""

from __future__ import annotations

from collections.abc import Iterator

from comparators.auto import by_wording
from proxy.config.model import Config, Route
from proxy.config.reach import idle_rules
from proxy.definition import build_comparators
from proxy.openai.prices import is_listed


def warnings_of(config: Config) -> Iterator[str]:
    """Warnings, each a line or two."""
    for route in config.routes:
        (_, deciding), *_ = build_comparators(route)
        if route.students and by_wording(deciding) and not (route.match.path or "").endswith("/embeddings"):
            yield (
                f"route {route.name}: auto compares prose by its wording, so that few other words pass unseen;\n"
                "  where answers are prose, give it `prose: {use: judge, …}`, else name the comparator that suits"
            )
        if _unpriced(route):
            yield (
                f"route {route.name}: noise_floor.usd_per_day limits nothing where nobody knows what an answer costs;\n"
                "  give teacher.price, unless all its models are widely known"
            )
        for rule, why in idle_rules(route):
            yield f"route {route.name}: nothing is sampled by `{rule.key}={rule.pattern}`: {why}"


def _unpriced(route: Route) -> bool:
    """Whether a budget for asking the teacher again may have no price to go by."""
    if route.noise_floor is None or route.noise_floor.usd_per_day is None or route.teacher.price is not None:
        return False
    named = route.teacher.model or route.match.model or ""
    return not is_listed(named.rstrip("*"))
