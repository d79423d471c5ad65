"""What a monitor says of an alarm, round by round."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from proxy.analysis.alarms import Policy, State
from proxy.analysis.blocks import DAY, WEEK, Blocks, time_of
from proxy.analysis.monitoring import Alarm, monitor
from tests.analysis.streams import BEGIN, drawn, exactly, of_counts

FLOOR = Policy(0.93)
DROPPED = BEGIN + 4 * DAY
DROP = exactly((4 * DAY, 12, 0.97), (DAY, 12, 0.85))


def states(*stretches, policy: Policy = FLOOR) -> list[str]:
    """As they follow each other, looked at every hour."""
    blocks, kept, seen = exactly(*stretches), None, []
    for end in range(blocks.begin + 12, blocks.end + 1, 12):
        alarm = monitor(blocks.between(kept.until if kept else BEGIN, end), policy, monitors=1, kept=kept)
        kept = alarm.kept
        if seen[-1:] != [alarm.state]:
            seen.append(alarm.state)
    return seen


def test_the_life_of_an_alarm():
    assert states((3 * DAY, 12, 0.97), (DAY, 12, 0.8), (4 * DAY, 12, 0.97)) == [
        "ok",
        "alert",
        "recovering",
        "cool-down",
        "ok",
    ]


def test_it_names_the_moment_within_its_range_and_what_it_was_before_and_after():
    alarm = monitor(DROP, FLOOR, monitors=1)

    assert alarm.state == "alert"
    assert alarm.since.earliest <= time_of(DROPPED) <= alarm.since.latest
    assert alarm.since.latest <= alarm.opened
    assert alarm.before.estimate == pytest.approx(0.97, abs=0.002)
    assert alarm.after.estimate == pytest.approx(0.85, abs=0.01)
    assert alarm.after.lower < alarm.after.estimate < alarm.after.upper < alarm.before.lower
    armed = alarm.kept.episode.armed
    assert alarm.before.units + alarm.after.units == DROP.between(armed, DROP.end).units().total


def test_it_pages_for_the_floor_and_is_a_ticket_for_the_baseline_alone():
    floor = monitor(DROP, FLOOR, monitors=1)
    baseline = monitor(DROP, Policy(None), monitors=1)
    never = monitor(DROP, Policy(0.99), monitors=1)

    assert (floor.severity, floor.null, floor.never_good_enough) == ("page", "floor", False)
    assert (baseline.severity, baseline.null, baseline.never_good_enough) == ("ticket", "baseline", False)
    assert (never.severity, never.null, never.never_good_enough) == ("ticket", "baseline", True)


def test_all_is_well_and_how_near_it_is_to_an_alarm():
    well = monitor(DROP.between(BEGIN, DROPPED), FLOOR, monitors=1)
    soon = monitor(DROP.between(BEGIN, DROPPED + 3), FLOOR, monitors=1)

    assert (well.state, well.severity, well.null, well.opened, well.since) == ("ok", None, None, None, None)
    assert 0 <= well.nearness < soon.nearness < 1
    assert well.held_against == pytest.approx(
        0.945, abs=0.001
    )  # its own lower bound, less two points in the first week
    assert well.last_unit == time_of(DROPPED)


def test_the_more_monitors_the_later():
    one, many = (monitor(DROP, FLOOR, monitors=monitors) for monitors in (1, 100))

    assert one.opened < many.opened


def test_without_units_for_a_day_it_is_blind_and_an_open_alarm_stays():
    nothing = of_counts([0] * DAY, [0] * DAY, begin=DROP.end)
    alarm = monitor(DROP, FLOOR, monitors=1)
    healthy = monitor(DROP.between(BEGIN, DROPPED), FLOOR, monitors=1)

    blind = monitor(of_counts([0] * DAY, [0] * DAY, begin=DROPPED), FLOOR, monitors=1, kept=healthy.kept)
    still = monitor(nothing, FLOOR, monitors=1, kept=alarm.kept)
    never = monitor(nothing, FLOOR, monitors=1)

    assert (blind.state, blind.is_blind, blind.last_unit) == ("blind", True, time_of(DROPPED))
    assert (still.state, still.is_blind) == ("alert", True)
    assert (never.state, never.last_unit) == ("blind", None)


def test_what_was_found_outlives_the_blocks_that_it_was_found_in():
    alarm = monitor(DROP, FLOOR, monitors=1)
    later = exactly((DAY, 12, 0.85), begin=DROP.end)

    gone_on = monitor(later, FLOOR, monitors=1, kept=alarm.kept)

    assert gone_on.state == "alert"
    assert (gone_on.since, gone_on.before) == (alarm.since, alarm.before)
    assert gone_on.after.estimate == pytest.approx(0.85, abs=0.01)


def test_the_moment_is_found_once_the_blocks_from_where_it_was_armed_are_shown():
    """A round sees new blocks alone; when an alarm opens, the next one has to see more."""
    before = monitor(DROP.between(BEGIN, DROPPED + 5), FLOOR, monitors=1)
    opening = monitor(DROP.between(DROPPED + 5, DROP.end), FLOOR, monitors=1, kept=before.kept)
    armed = opening.kept.episode.armed

    shown = monitor(DROP.between(armed, DROP.end), FLOOR, monitors=1, kept=opening.kept)

    assert (opening.state, opening.since) == ("alert", None)
    assert shown.since == monitor(DROP, FLOOR, monitors=1).since


def test_stored_and_read_again_it_goes_on_the_same():
    early = monitor(DROP.between(BEGIN, DROPPED + 20), FLOOR, monitors=1)
    stored = msgspec.convert(msgspec.json.decode(msgspec.json.encode(early)), Alarm)

    assert stored == early
    assert monitor(DROP, FLOOR, monitors=1, kept=stored.kept) == monitor(DROP, FLOOR, monitors=1)


def test_another_policy_or_a_gap_begins_anew():
    kept = monitor(DROP, FLOOR, monitors=1).kept
    later = exactly((DAY, 12, 0.97), begin=DROP.end + 1)

    assert monitor(DROP, Policy(0.5), monitors=1, kept=kept) == monitor(DROP, Policy(0.5), monitors=1)
    assert monitor(later, FLOOR, monitors=1, kept=kept) == monitor(later, FLOOR, monitors=1)


def test_segments_tell_traffic_from_student():
    """French comes to be half of the traffic; the student is as good at each as it ever was."""
    n = 5 * DAY
    share = np.where(np.arange(n) < 4 * DAY, 0.05, 0.5)
    parts = {
        "en": drawn(np.full(n, 0.98), 12 * (1 - share), seed=1),
        "fr": drawn(np.full(n, 0.80), 12 * share, seed=2),
    }
    every = _added(parts)

    alarm = monitor(every, FLOOR, monitors=1, segments={"language": parts})

    (found,) = alarm.decompositions
    assert (found.key, found.mostly_mix, found.parts[0].value) == ("language", True, "fr")
    assert found.mix == pytest.approx(-0.081, abs=0.02)
    assert abs(found.quality) < 0.02


def _added(parts: dict[str, Blocks]) -> Blocks:
    columns = (
        np.concatenate([getattr(each, name) for each in parts.values()])
        for name in ("block", "probabilities", "values", "counts")
    )
    block, *rest = columns
    return Blocks.of(block * 300, *rest, begin=BEGIN * 300, end=(BEGIN + 5 * DAY) * 300)


def test_what_is_kept_is_small():
    assert len(msgspec.json.encode(monitor(DROP, FLOOR, monitors=1).kept)) < 40_000


def test_after_an_acknowledgement_the_new_level_is_what_counts():
    """Shown from then on alone: no alarm while it stays there, one when it falls further."""
    acknowledged = DROP.end
    same = exactly((3 * DAY, 12, 0.85), begin=acknowledged)
    lower = exactly((3 * DAY, 12, 0.85), (DAY, 12, 0.7), begin=acknowledged)

    assert monitor(same, FLOOR, monitors=1).state == "ok"
    assert monitor(same, FLOOR, monitors=1).never_good_enough
    assert monitor(lower, FLOOR, monitors=1).state == "alert"


def test_the_state_is_typed_when_read_back():
    kept = monitor(exactly((4 * WEEK, 3, 0.95)), FLOOR, monitors=1).kept

    assert msgspec.convert(msgspec.to_builtins(kept), State) == kept
