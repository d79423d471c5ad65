"""What the relay costs: ``python -m benchmarks.relay`` (``make bench``), in well under two minutes.

Four systems in one run, each measured in turn and twice over: the upstream alone, a static answer from the server
that the relay stands on (no upstream; it says how fast this machine is), a relay that captures nothing, and a relay
that puts everything into the journal (no shadow process runs). Absolute numbers are this machine's and this moment's;
the ratios are what to compare.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.messages import ANSWER_BYTES, REQUEST_BYTES
from benchmarks.processes import (
    Load,
    Measured,
    RelayProcess,
    nginx_upstream,
    python_load,
    python_upstream,
    relay,
    uvicorn_alone,
    wrk,
)

ROUNDS = 2
CONNECTIONS = 64
STREAMS = 32
LOAD_SECONDS, LATENCY_SECONDS, STREAM_SECONDS = 4, 2, 3


@dataclass
class System:
    name: str
    port: int
    stream_port: int | None  # None: it does not stream
    process: Measured | None = None
    stream_process: Measured | None = None
    loads: list[Load] = field(default_factory=list)
    alone: list[Load] = field(default_factory=list)
    streams: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    stream_cpu: list[float] = field(default_factory=list)


def main() -> None:
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-bench-")))
        streaming = stack.enter_context(python_upstream())
        has_nginx, has_wrk = shutil.which("nginx") is not None, shutil.which("wrk") is not None
        whole = stack.enter_context(nginx_upstream(directory)) if has_nginx else streaming
        load = _wrk(directory) if has_wrk else _bundled
        print(
            f"upstream: {'nginx' if has_nginx else 'bundled (Python, uvloop)'}, for streams: bundled; "
            f"load: {'wrk' if has_wrk else 'bundled (Python, uvloop), which may be the limit itself'}, "
            f"for streams: bundled\n"
            f"{os.cpu_count()} cores for everything, loopback; {REQUEST_BYTES} B request, {ANSWER_BYTES} B answer; "
            f"{CONNECTIONS} connections, latency at 1; {STREAMS} streams\n"
            f"load average before: {os.getloadavg()[0]:.1f} (above 0.5 others take part: only ratios mean anything)\n"
        )
        static = stack.enter_context(uvicorn_alone())
        systems = [
            System("upstream alone", whole, streaming),
            System("uvicorn alone", static.port, None, static),
        ]
        for name, configuration in (("relay, capture off", capture_off), ("relay, capture on", capture_on)):
            process = stack.enter_context(relay(directory / name.replace(", ", "-"), configuration(whole)))
            other = process
            if streaming != whole:
                other = stack.enter_context(
                    relay(directory / (name.replace(", ", "-") + "-streams"), configuration(streaming))
                )
            systems.append(System(name, process.port, other.port, process, other))
        for system in systems:  # connections, code and caches warm
            load(system.port, CONNECTIONS, 1)
        for _ in range(ROUNDS):
            for system in systems:
                measure(system, load)
        print(table(systems))
        print(f"\ncaptures of the last: {captures(systems[-1])}")


def capture_off(upstream: int) -> dict[str, object]:
    return {"teacher": {"url": f"http://127.0.0.1:{upstream}/v1"}}


def capture_on(upstream: int) -> dict[str, object]:
    route = {"name": "everything", "match": {"path": "/v1/*"}, "teacher": {"url": f"http://127.0.0.1:{upstream}/v1"}}
    return {"routes": [route], "limits": {"journal": "2GiB"}}


def measure(system: System, load: Callable[[int, int, int], Load]) -> None:
    began = system.process.idle_cpu_seconds() if system.process else 0.0
    system.loads.append(load(system.port, CONNECTIONS, LOAD_SECONDS))
    if system.process:
        system.cpu.append((system.process.idle_cpu_seconds() - began) / system.loads[-1].requests)
    system.alone.append(load(system.port, 1, LATENCY_SECONDS))
    if system.stream_port is not None:
        began = system.stream_process.idle_cpu_seconds() if system.stream_process else 0.0
        system.streams.append(python_load(system.stream_port, STREAMS, STREAM_SECONDS, stream=True))
        if system.stream_process:
            system.stream_cpu.append((system.stream_process.idle_cpu_seconds() - began) / system.streams[-1].events)
    failed = sum(each.errors for each in (system.loads[-1], system.alone[-1], *system.streams[-1:]))
    if failed:
        raise SystemExit(f"{system.name}: {failed} requests failed; nothing of this run counts")


def table(systems: list[System]) -> str:
    head = (
        f"{'':20}{'requests/s':>12}{'of alone':>10}{'CPU/request':>13}{'p50':>9}{'added':>9}{'p99':>9}{'added':>9}"
        f"{'events/s':>11}{'of alone':>10}{'CPU/event':>11}"
    )
    lines = [head]
    first = systems[0]
    for system in systems:
        rate, base = (statistics.fmean(x.requests / x.seconds for x in each.loads) for each in (system, first))
        events = [
            statistics.fmean(x.events / x.seconds for x in each.streams or first.streams) for each in (system, first)
        ]
        p50, base_p50 = (statistics.fmean(x.p50_us for x in each.alone) for each in (system, first))
        p99, base_p99 = (statistics.fmean(x.p99_us for x in each.alone) for each in (system, first))
        is_first = system is first
        lines.append(
            f"{system.name:20}{rate:12,.0f}{rate / base:10.2f}{_micros(system.cpu):>13}{p50:6.0f} µs"
            f"{'' if is_first else f'{p50 - base_p50:+.0f} µs':>9}{p99:6.0f} µs"
            f"{'' if is_first else f'{p99 - base_p99:+.0f} µs':>9}"
            + (f"{events[0]:11,.0f}{events[0] / events[1]:10.2f}" if system.streams else "")
            + f"{_micros(system.stream_cpu):>11}"
        )
    return "\n".join(lines)


def captures(system: System) -> str:
    found = system.process.captures() if isinstance(system.process, RelayProcess) else {}
    return ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(found.items()) if n) or "none"


def _micros(seconds: list[float]) -> str:
    return f"{1e6 * statistics.fmean(seconds):.0f} µs" if seconds else ""


def _wrk(directory: Path) -> Callable[[int, int, int], Load]:
    return lambda port, connections, seconds: wrk(port, connections, seconds, directory)


def _bundled(port: int, connections: int, seconds: int) -> Load:
    return python_load(port, connections, seconds, stream=False)


if __name__ == "__main__":
    main()
