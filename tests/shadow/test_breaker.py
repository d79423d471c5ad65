from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.breaker import Breaker, BreakerPolicy

POLICY = BreakerPolicy(consecutive=3, window=10, share=0.8, first_wait=1.0, longest_wait=4.0)


def opened(now=0.0):
    breaker = Breaker(POLICY)
    for _ in range(POLICY.consecutive):
        breaker.report(breaker.admit(now), failed=True, now=now)
    return breaker


def test_it_opens_after_consecutive_failures_and_admits_nobody():
    breaker = opened(now=0.0)

    assert breaker.open
    assert breaker.admit(0.99) is None


def test_a_success_in_between_starts_the_count_again():
    breaker = Breaker(POLICY)
    for failed in (True, True, False, True, True):
        breaker.report(breaker.admit(0.0), failed=failed, now=0.0)

    assert not breaker.open


def test_it_opens_when_most_of_a_window_failed():
    breaker = Breaker(POLICY)
    for failed in (True, True, False, True, True, False, True, True, True):
        if breaker.admit(0.0) is not None:
            breaker.report(breaker.admit(0.0), failed=failed, now=0.0)
    assert breaker.open


def test_after_the_wait_one_probe_is_admitted():
    breaker = opened()

    assert breaker.admit(1.0) is not None
    assert breaker.admit(1.0) is None


def test_a_probe_that_succeeds_closes_it():
    breaker = opened()
    breaker.report(breaker.admit(1.0), failed=False, now=1.0)

    assert not breaker.open
    assert breaker.admit(1.0) is not None


def test_each_failed_probe_doubles_the_wait_up_to_a_limit():
    breaker = opened()
    now, waits = 1.0, []
    for _ in range(4):
        ticket = breaker.admit(now)
        breaker.report(ticket, failed=True, now=now)
        began = now
        while breaker.admit(now) is None:
            now += 0.5
        breaker.abandon(breaker._probe)
        waits.append(now - began)

    assert waits == [2.0, 4.0, 4.0, 4.0]


def test_results_from_before_it_opened_say_nothing():
    breaker = Breaker(POLICY)
    late = [breaker.admit(0.0) for _ in range(10)]
    for ticket in late[:3]:
        breaker.report(ticket, failed=True, now=0.0)
    for ticket in late[3:]:
        breaker.report(ticket, failed=False, now=0.5)

    assert breaker.open


def test_an_abandoned_probe_makes_place_for_another():
    breaker = opened()
    breaker.abandon(breaker.admit(1.0))

    assert breaker.admit(1.0) is not None


STEPS = st.lists(
    st.tuples(st.sampled_from(["admit", "succeed", "fail", "abandon"]), st.floats(0, 3), st.integers(0, 5)),
    max_size=80,
)


@given(STEPS)
def test_whatever_happens_it_never_admits_two_probes_nor_anybody_while_it_waits(steps):
    breaker, now, out = Breaker(POLICY), 0.0, []
    for what, later, which in steps:
        now += later
        waiting_until = breaker._opened_until
        if what == "admit":
            probing = breaker._probe is not None
            ticket = breaker.admit(now)
            if ticket is not None:
                out.append(ticket)
                assert waiting_until is None or (now >= waiting_until and not probing)
            else:
                assert breaker.open
        elif out:
            ticket = out.pop(which % len(out))
            if what == "abandon":
                breaker.abandon(ticket)
            else:
                breaker.report(ticket, failed=what == "fail", now=now)
        if breaker.open:
            assert breaker._opened_until <= now + POLICY.longest_wait


@given(STEPS)
def test_a_student_that_has_recovered_is_always_asked_again(steps):
    breaker, now = Breaker(POLICY), 0.0
    for what, later, _ in steps:
        now += later
        ticket = breaker.admit(now)
        if ticket is not None:
            breaker.report(ticket, failed=what == "fail", now=now)

    now += POLICY.longest_wait
    breaker.report(breaker.admit(now), failed=False, now=now)

    assert not breaker.open
