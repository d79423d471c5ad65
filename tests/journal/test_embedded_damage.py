"""A relay's file that is damaged costs its own exchanges alone, and nobody takes it for an empty one."""

from __future__ import annotations

import contextlib
import shutil

import pytest
from structlog.testing import capture_logs

from proxy.errors import JournalError
from proxy.journal.base import Tally
from proxy.journal.embedded import EmbeddedWriter
from proxy.journal.embedded_look import look
from proxy.journal.embedded_worker_side import WorkerSide
from tests.journal.damage import FILLS, overwrite, overwrite_within, pages
from tests.journal.making import Clock, exchanges

MIB = 2**20
SOUND = [f"exchange-{n}" for n in range(1001, 1011)]
TALLY = Tally(route="intents", outcome="journaled", bucket=2_000_000_000)


def two_files(directory, *, each=300, size=100):
    """The path of the one to be damaged, with exchanges 1 to ``each``; the sound one holds later ones."""
    relays = [EmbeddedWriter(directory, limit=64 * MIB, writers=2) for _ in range(2)]
    relays[0].append(exchanges(1, each, size=size), [TALLY])
    relays[1].append(exchanges(1001, 1010), [TALLY])
    for relay in relays:
        relay.close()
    return directory / "relay-0.db"


@pytest.fixture
def side(tmp_path):
    with contextlib.closing(WorkerSide(tmp_path, "a", Clock())) as side:
        yield side


def drain(side, *, settle=True):
    """Whether the text was there, by id, in the order of delivery."""
    found = {}
    while deliveries := side.lease(50, 60):
        found |= {each.exchange_id: each.exchange is not None for each in deliveries}
        if settle:
            side.settle(deliveries)
    return found


def ids(first, last):
    return [f"exchange-{n}" for n in range(first, last + 1)]


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("table", ["state", "entries", "bodies", "tallies", "tallies_by_revision", "sqlite_schema"])
def test_whatever_page_is_damaged_the_others_come_and_the_rest_is_not_left_out_of_the_depth(tmp_path, table, fill):
    whole = tmp_path / "whole"
    path = two_files(whole, each=40, size=1500)
    for page in pages(path, table):
        directory = tmp_path / f"page-{page}"
        shutil.copytree(whole, directory)
        overwrite(directory / path.name, page, fill)

        with contextlib.closing(WorkerSide(directory, "a", Clock())) as side:
            found = list(drain(side))
            assert [name for name in found if name in SOUND] == SOUND
            assert 1 in [total.total for total in side.tallies()]
        with contextlib.suppress(JournalError):
            assert look(directory).entries == 50 - len(found)


def test_a_damaged_body_costs_its_own_exchange_which_is_counted(tmp_path, side):
    path = two_files(tmp_path, each=30, size=3000)  # two on each page
    overwrite(path, pages(path, "bodies", kind="leaf")[5])

    found = drain(side)

    assert list(found) == [*ids(1, 30), *SOUND]
    lost = [name for name, whole in found.items() if not whole]
    assert lost == ids(int(lost[0].removeprefix("exchange-")), int(lost[0].removeprefix("exchange-")) + 1)
    assert look(tmp_path).entries == 0


def test_a_body_that_is_no_exchange_any_more_is_counted_too(tmp_path, side):
    path = two_files(tmp_path, each=3)
    overwrite_within(path, b"chat/completions", b"\xff\xfe")

    found = drain(side)

    assert list(found) == [*ids(1, 3), *SOUND]
    assert list(found.values()).count(False) == 1


def test_entries_up_to_the_damage_come_and_the_rest_is_said_not_to_be_readable(tmp_path, side):
    path = two_files(tmp_path)
    overwrite(path, pages(path, "entries", kind="leaf")[1])

    found = list(drain(side))

    own = [name for name in found if name not in SOUND]
    assert own == ids(1, len(own))
    assert 0 < len(own) < 300
    assert [name for name in found if name in SOUND] == SOUND
    with pytest.raises(JournalError, match=r"relay-0\.db\): database disk image is malformed; move it away"):
        look(tmp_path)


def test_what_was_handed_out_before_the_damage_stays_unsettled(tmp_path):
    clock = Clock()
    path = two_files(tmp_path)
    with contextlib.closing(WorkerSide(tmp_path, "a", clock)) as side:
        drain(side, settle=False)
    overwrite(path, pages(path, "entries", kind="leaf")[0])
    clock.now += 100

    with contextlib.closing(WorkerSide(tmp_path, "b", clock)) as side:
        found = {name: whole for _ in range(10) for name, whole in drain(side).items()}
        depth = look(tmp_path)

    own = [name for name in found if name not in SOUND]
    assert own == ids(301 - len(own), 300)
    assert 0 < len(own) < 300
    assert [name for name in found if name in SOUND] == SOUND
    assert (depth.entries, depth.oldest) == (300 - len(own), exchanges(1, 1)[0].captured_at)


@pytest.mark.parametrize("table", ["entries", "bodies"])
def test_the_damage_is_logged_once_however_often_it_is_met_and_without_what_stands_there(tmp_path, side, table):
    path = two_files(tmp_path)
    for page in pages(path, table, kind="leaf"):
        overwrite(path, page, "text")

    with capture_logs() as logs:
        for _ in range(5):
            drain(side)
            side.tallies()
            with contextlib.suppress(JournalError):
                side.tidy()

    (said,) = logs
    assert said["event"] == "journal_file_unreadable"
    assert said["path"] == str(path)
    assert "question" not in str(logs)


def test_text_that_is_none_is_not_quoted(tmp_path, side):
    path = two_files(tmp_path, each=3)
    overwrite_within(path, b"intents", b"\xff\xfe")

    with capture_logs() as logs:
        assert [name for name in drain(side) if name in SOUND] == SOUND

    assert "tents" not in str(logs)


def test_a_file_that_took_the_place_of_a_damaged_one_is_read(tmp_path, side):
    path = two_files(tmp_path)
    shutil.copy(path, tmp_path / "backup")
    overwrite(path, pages(path, "entries", kind="leaf")[0])
    drain(side)

    (tmp_path / "backup").replace(path)

    assert list(drain(side)) == ids(1, 300)
    assert look(tmp_path).entries == 0


def test_once_the_damaged_file_is_moved_away_the_relay_and_the_rest_go_on(tmp_path, side):
    path = two_files(tmp_path)
    overwrite(path, pages(path, "entries", kind="leaf")[0])
    with contextlib.closing(EmbeddedWriter(tmp_path, limit=64 * MIB, writers=2)) as relay:
        drain(side)
        path.rename(tmp_path / "damaged")
        relay.maintain()
        relay.append(exchanges(2001, 2003), [])

        assert list(drain(side)) == ids(2001, 2003)
        assert look(tmp_path).entries == 0
