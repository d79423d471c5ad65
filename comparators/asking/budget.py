"""What asking may cost: a budget in USD for each day (UTC), kept through a ledger that others may share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from comparators.asking.client import AskingError
from comparators.base import Asked, Ledger, Observer

_MILLION = 1_000_000
_PROVIDERS = ("openai", None)  # some names are OpenAI's only when it is asked by name; None: whoever lists it
_PROBE = 1000  # tokens: few enough for the ordinary tier of every price list


class BudgetSpentError(AskingError):
    """The day's budget is spent: nothing was asked."""


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0, allow_inf_nan=False, description="a prompt's tokens")
    output: float = Field(0.0, ge=0, allow_inf_nan=False, description="an answer's tokens, reasoning included")

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """USD."""
        return (input_tokens * self.input + output_tokens * self.output) / _MILLION


ASSUMED = Price(input=2.5, output=10.0)
"""What a model costs whose price nobody knows: enough for most, so that a budget holds before one is given."""


def known_price(model: str) -> Price | None:
    """What genai-prices' own table says of a model, without network; None where it does not list it."""
    import genai_prices

    def usd(provider: str | None, **tokens: int) -> float:
        counts = genai_prices.Usage(**tokens)
        return float(genai_prices.calc_price(counts, model, provider_id=provider).total_price) * _MILLION / _PROBE

    for provider in _PROVIDERS:
        with contextlib.suppress(LookupError, ValueError):
            return Price(input=usd(provider, input_tokens=_PROBE), output=usd(provider, output_tokens=_PROBE))
    return None


class MemoryLedger:
    """A ledger of this process alone, empty when it starts. It knows the latest day of each account."""

    def __init__(self) -> None:
        self._spent: dict[str, tuple[str, float]] = {}

    def spent(self, account: str, day: str) -> float:
        kept, usd = self._spent.get(account, (day, 0.0))
        return usd if kept == day else 0.0

    def add(self, account: str, day: str, usd: float) -> None:
        self._spent[account] = (day, self.spent(account, day) + usd)


@dataclass
class Bill:
    """What one question cost: an estimate in USD until the answer tells."""

    usd: float
    seconds: float | None = None  # until the answer was there
    input_tokens: int = 0
    output_tokens: int = 0

    def took(self, seconds: float) -> None:
        self.seconds = seconds

    def charge(self, price: Price, input_tokens: int, output_tokens: int = 0) -> None:
        """What the answer says that it took."""
        self.usd = price.cost(input_tokens, output_tokens)
        self.input_tokens, self.output_tokens = input_tokens, output_tokens


class Budget:
    """At most ``usd_per_day`` for an account, by all who share the ledger; None is without limit.

    A question is asked while less than that is spent, so the last one of a day may go beyond it.  Where those under way
    could spend the rest, further ones wait for what they turn out to cost.
    """

    def __init__(
        self, account: str, usd_per_day: float | None, now: Callable[[], float] = time.time, *, model: str = ""
    ) -> None:
        self.ledger: Ledger = MemoryLedger()
        self.observer: Observer = lambda _: None
        self._model = model
        self._account = account
        self._usd = usd_per_day
        self._now = now
        self._under_way: list[float] = []  # USD of each, estimated
        self._waiting: list[asyncio.Future[None]] = []

    @contextlib.asynccontextmanager
    async def question(self, estimate: float) -> AsyncIterator[Bill]:
        """Within it one may ask; what ``usd`` of the bill is then, is written down.

        A question that fails costs nothing, unless it may have been worked on: then it costs the estimate.

        Raises:
            BudgetSpentError
        """
        day = await self._admitted()
        bill = Bill(estimate)
        self._under_way.append(estimate)
        try:
            yield bill
        except AskingError as error:
            bill.usd = bill.usd if error.may_have_cost else 0.0
            raise
        finally:
            self._under_way.remove(estimate)
            if bill.usd:
                self.ledger.add(self._account, day, bill.usd)
            self._report(bill)
            self._wake()

    async def _admitted(self) -> str:
        while True:
            day = datetime.fromtimestamp(self._now(), UTC).date().isoformat()
            spent = self.ledger.spent(self._account, day)
            if self._usd is None or spent + sum(self._under_way) < self._usd:
                return day
            if spent >= self._usd:
                raise BudgetSpentError("the day's budget is spent; raise `budget`, or give the model's own `price`")
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn

    def _report(self, bill: Bill) -> None:
        self.observer(
            Asked(
                model=self._model,
                seconds=bill.seconds,
                input_tokens=bill.input_tokens,
                output_tokens=bill.output_tokens,
                usd=bill.usd,
            )
        )

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
