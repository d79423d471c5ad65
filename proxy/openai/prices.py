"""What an exchange cost."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping

from proxy.openai.usage import Usage

_MILLION = 1_000_000
_PROVIDERS = ("openai", None)  # some names are OpenAI's only when it is asked by name; None: whoever lists it


def cost_usd(model: str | None, usage: Usage, price: Mapping[str, float | None] | None) -> float | None:
    """US dollars; None where no price is known.

    Args:
        model: The model that the answer names: known ones are priced by genai-prices' own table, without network.
        usage: Its tokens.
        price: Configured USD per million tokens (``input``, ``cached_input``, ``output``), which goes before the
            table. Cached input costs what input does unless it has a price of its own.
    """
    if price is not None:
        return _configured(usage, price)
    return _listed(model, usage) if model else None


def _configured(usage: Usage, price: Mapping[str, float | None]) -> float | None:
    fresh = price.get("input")
    cached = price.get("cached_input")
    written = price.get("output")
    if fresh is None or (written is None and usage.output_tokens):
        return None
    cost = (usage.input_tokens - usage.cached_input_tokens) * fresh
    cost += usage.cached_input_tokens * (fresh if cached is None else cached)
    cost += usage.output_tokens * (written or 0.0)
    return cost / _MILLION


def _listed(model: str, usage: Usage) -> float | None:
    import genai_prices

    if not is_listed(model):
        return None
    counts = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
    )
    for provider in _PROVIDERS:
        try:
            return float(genai_prices.calc_price(counts, model, provider_id=provider).total_price)
        except (LookupError, ValueError):
            continue  # a model that this provider does not list, or does not price by tokens
    return None


@functools.lru_cache(maxsize=1024)
def is_listed(model: str) -> bool:
    """Whether anybody lists the model: looking in vain takes milliseconds, so it is not done again for every pair."""
    import genai_prices

    nothing = genai_prices.Usage(input_tokens=0, output_tokens=0)
    for provider in _PROVIDERS:
        with contextlib.suppress(LookupError, ValueError):
            genai_prices.calc_price(nothing, model, provider_id=provider)
            return True
    return False
