import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.language.fences import Block, blocks, only, outside


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no fence at all", []),
        ("```python\nx = 1\n```", [("python", "x = 1")]),
        ("```\nx\n```", [("", "x")]),
        ("Here:\n\n```js\na\n\nb\n```\nand\n~~~ Go\nc\n~~~\nDone.", [("js", "a\n\nb"), ("go", "c")]),
        ("````md\n```py\nx\n```\n````", [("md", "```py\nx\n```")]),
        ("```py\nx = '''\n~~~\n'''\n```", [("py", "x = '''\n~~~\n'''")]),
        ("1. First\n   ```py\n   if x:\n       y\n   ```", [("py", "if x:\n    y")]),
        ("- ```py\n  x\n  ```", [("py", "x")]),
        ('```python title="a.py"\nx\n```', [("python", "x")]),
        ("```{.python .numberLines}\nx\n```", [("python", "x")]),
        ("```python\nx = 1", [("python", "x = 1")]),
        ("```python\r\nx = 1\r\n```\r\n", [("python", "x = 1")]),
        ("```", [("", "")]),
        ("inline ```code``` is no block", []),
        ("```code``` neither", []),
    ],
)
def test_blocks_are_what_stands_between_fences(text, expected):
    assert blocks(text) == [Block(language=language, text=inside) for language, inside in expected]


def test_outside_is_what_is_left():
    assert outside("a\n```\nb\n```\nc") == "a\nc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n```py\n  x\n```\n", "x"),
        ("~~~\n```\n~~~", "```"),
        ("```\nx", "x"),
        ("```\n\n```", ""),
        ("a\n```\nx\n```", None),
        ("```\nx\n```\n```\ny\n```", None),
        ("x", None),
    ],
)
def test_only_is_what_stands_in_the_one_block_that_is_all(text, expected):
    assert only(text) == expected


@given(st.text(alphabet="`~ \nab"))
def test_no_text_is_too_odd(text):
    assert sum(len(block.text) for block in blocks(text)) + len(outside(text)) <= len(text)


def test_hostile_text_takes_time_linear_in_its_length():
    assert len(blocks("```a\n" * 60_000)) == 1
    assert blocks(" " * 300_000 + "`" * 300_000)
    assert len(blocks("~" * 300_000)) == 1
    assert blocks("~" * 300_000 + "`") == []
    assert blocks("```" + " " * 300_000 + "`") == []
