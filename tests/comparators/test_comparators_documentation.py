import re
from pathlib import Path

import pytest
import yaml

from comparators.kinds import KINDS
from comparators.registry import available, build
from tests.comparators.pairs import compare

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "comparators.md").read_text("utf-8")
BUILT_IN = [
    "all_of",
    "any_of",
    "auto",
    "by_field",
    "code",
    "embedding",
    "exact",
    "format",
    "json",
    "judge",
    "label",
    "logprobs",
    "number",
    "refusal",
    "semantic",
    "sql",
    "text",
    "tool_calls",
    "weighted",
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def section(name: str) -> str:
    return PAGE.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]


def documented_options(name: str) -> dict[str, str]:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section(name), re.MULTILINE)
    return {option: default.strip("`") for option, default in rows}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_option_is_documented_with_its_default(name):
    fields = available()[name].Options.model_fields

    documented = documented_options(name)

    assert list(documented) == list(fields)
    assert {key: None if text == "none" else yaml.safe_load(text) for key, text in documented.items()} == {
        key: "needed" if field.is_required() else field.default for key, field in fields.items()
    }


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_option_describes_itself(name):
    assert all(field.description for field in available()[name].Options.model_fields.values())


def test_the_documented_example_is_a_comparator_that_works(tmp_path, monkeypatch):
    [module] = blocks("python")
    (tmp_path / "wordcount.py").write_text(module)
    monkeypatch.syspath_prepend(str(tmp_path))
    use = "wordcount:WordCount"

    assert compare(use, "one two three", "three two one").agree
    assert compare(use, "one two three", "one").kinds == ("length",)
    assert compare(use, "one two three four five", "one two three four", within=0.2).agree
    assert compare(use, "", None).agree


def test_the_documented_configuration_builds(tmp_path, monkeypatch):
    (tmp_path / "wordcount.py").write_text(blocks("python")[0])
    monkeypatch.syspath_prepend(str(tmp_path))

    uses = [dict(use) for block in blocks("yaml") for use in yaml.safe_load(block)["comparators"]]

    assert [build(use.pop("use"), {k: v for k, v in use.items() if k != "name"}).name for use in uses] == [
        "label",
        "text",
        "json",
        "tool_calls",
        "judge",
        "all_of",
        "weighted",
        "by_field",
        "wordcount",
    ]


def test_the_documented_example_is_the_package_that_is_installed():
    package = DOCS / "examples" / "comparator"

    assert blocks("python") == [(package / "wordcount" / "__init__.py").read_text("utf-8")]
    assert blocks("toml")[0] in (package / "pyproject.toml").read_text("utf-8")


def test_the_documented_entry_point_is_the_one_that_is_looked_up():
    [toml] = blocks("toml")

    assert '[project.entry-points."understudy.comparators"]' in toml


def test_every_kind_of_disagreement_is_listed_with_what_it_means():
    listed = PAGE.partition("\n## Kinds of disagreement\n")[2].partition("\n## ")[0]

    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", listed, re.MULTILINE)) == dict(KINDS)
