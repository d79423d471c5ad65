"""A changed file is told once it has been still, so that none is read while it is being written."""

from __future__ import annotations

import asyncio

import pytest

from proxy.config.watching import changes, settled

PATIENCE = 20.0


async def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("looks", "left"),
    [
        ([b"whole", b"whole", b"later"], [b"later"]),
        ([b"", b"half", b"whole", b"whole", b"later"], [b"later"]),
        ([None, b"half", b"", b"whole", b"whole"], []),
    ],
)
def test_contents_count_once_two_looks_in_a_row_see_the_same(looks, left):
    assert asyncio.run(settled(lambda: looks.pop(0), nothing)) == b"whole"
    assert looks == left


def test_each_new_content_is_told_once_and_a_touched_file_is_not(tmp_path):
    file = tmp_path / "u.yaml"
    file.write_text("a: 1\n")

    async def main() -> None:
        told = changes(file, still=0.01)

        async def after(text: str) -> None:
            waiting = asyncio.ensure_future(anext(told))
            await asyncio.sleep(0)  # it has looked at what was there before
            while not waiting.done():  # until it watches
                (tmp_path / "other.txt").write_text(text)
                file.write_text(text)
                await asyncio.wait([waiting], timeout=0.05)
            await waiting

        await asyncio.wait_for(after("a: 2\n"), PATIENCE)
        await asyncio.wait_for(after("a: 3\n"), PATIENCE)

        again = asyncio.ensure_future(anext(told))
        file.write_text("a: 3\n")
        file.unlink()
        await asyncio.wait([again], timeout=0.3)
        assert not again.done()
        again.cancel()
        await asyncio.wait([again])

    asyncio.run(main())
