import subprocess
import sys
import textwrap

import pytest
from pydantic import ValidationError

from comparators.base import Comparator, ComparatorError
from comparators.nesting.options import Nested
from comparators.registry import available, build, names
from tests.comparators.pairs import compare

BUILT_IN = ["exact", "json", "label", "number", "text"]


def test_the_built_in_comparators_are_found_by_their_names():
    assert set(BUILT_IN) <= set(names())
    assert {name: available()[name].name for name in BUILT_IN} == {name: name for name in BUILT_IN}
    assert all(isinstance(build(name, {}), Comparator) for name in BUILT_IN)


@pytest.mark.parametrize(
    ("use", "options", "message"),
    [
        (
            "txet",
            {},
            f"comparator 'txet' is not known (did you mean 'text'?); allowed are {', '.join(names())}, or an import",
        ),
        ("no.such:Thing", {}, "comparator 'no.such:Thing' cannot be imported: ModuleNotFoundError"),
        ("comparators.text:Txt", {}, "comparator 'comparators.text:Txt' cannot be imported: AttributeError"),
        ("comparators.base:Answer", {}, "is not a class derived from comparators.base.Comparator"),
        ("comparators.base:Comparator", {}, "lacks a text as its name"),
        ("a b:c", {}, "is not an import path package.module:Class"),
        (
            "text",
            {"agre_at": 1},
            "'agre_at' is not an option of comparator 'text' (did you mean 'agree_at'?); its options are agree_at",
        ),
        (
            "json",
            {"rules": [{"path": "a"}, {"path": "a", "ignroe": True}]},
            "option 'rules.1' of comparator 'json': 'ignroe' is no key of it (did you mean 'ignore'?); its keys are",
        ),
        (
            "by_field",
            {"cases": [{"when": {"modle": "m"}, "use": "label"}]},
            "option 'cases.0.when' of comparator 'by_field': 'modle' is no key of it (did you mean 'model'?); its keys",
        ),
        (
            "judge",
            {"url": "http://a/v1", "model": "m", "price": {"input": 1, "outptu": 2}},
            "option 'price' of comparator 'judge': 'outptu' is no key of it (did you mean 'output'?); its keys are",
        ),
        ("exact", {"x": 1}, "'x' is not an option of comparator 'exact'; it has no options"),
        (
            "text",
            {"agree_at": 1.5},
            "option 'agree_at' of comparator 'text': input should be less than or equal to 1, found 1.5",
        ),
        (
            "number",
            {"tolerance": -1},
            "option 'tolerance' of comparator 'number': input should be greater than or equal to 0, found -1",
        ),
        (
            "number",
            {"tolerance": float("nan")},
            "option 'tolerance' of comparator 'number': input should be a finite number",
        ),
        ("label", {"field": 7}, "option 'field' of comparator 'label': input should be a valid string, found 7"),
    ],
)
def test_what_cannot_be_built_is_explained_in_a_line(use, options, message):
    with pytest.raises(ComparatorError) as refused:
        build(use, options)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


MODULE = """
from comparators.base import Comparator, ComparatorOptions, Score

class Options(ComparatorOptions):
    within: int = 0

class SameLength(Comparator):
    name = "same-length"
    version = "1"
    Options = Options

    def compare(self, request, teacher, student):
        apart = abs(len(teacher.content or "") - len(student.content or ""))
        agree = apart <= self.options.within
        return Score(score=float(agree), agree=agree, kinds=() if agree else ("length",))
"""


@pytest.fixture
def other_package(tmp_path, monkeypatch):
    """A package of someone else's, installed with an entry point."""
    (tmp_path / "someones.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("raise RuntimeError('no')")
    metadata = tmp_path / "someones-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: someones\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[understudy.comparators]\nsame-length = someones:SameLength\nbroken = broken:Thing\n"
        "text = someones:SameLength\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("someones", None)


@pytest.mark.usefixtures("other_package")
def test_a_comparator_of_another_package_is_found_by_entry_point_and_by_import_path():
    assert "same-length" in names()
    assert not compare("same-length", "abc", "abcd").agree
    assert compare("same-length", "abc", "abcd", within=1).agree
    assert compare("someones:SameLength", "abc", "abcd", within=1).agree


@pytest.mark.usefixtures("other_package")
def test_a_package_that_cannot_be_imported_is_named_when_used_and_stands_in_nobodys_way():
    assert "same-length" in available()
    assert "broken" not in available()
    with pytest.raises(ComparatorError, match="comparator 'broken' cannot be imported: RuntimeError: no"):
        build("broken", {})


@pytest.mark.usefixtures("other_package")
def test_a_built_in_name_cannot_be_taken_over():
    assert build("text", {}).name == "text"


def test_looking_up_names_imports_no_comparator():
    code = """
        import sys
        from comparators import registry
        registry.names()
        print(sorted(m for m in sys.modules if m.startswith(("comparators.", "rapidfuzz"))))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['comparators.base', 'comparators.registry']"


def test_comparators_within_options_are_built_dumped_whole_and_keep_their_keys_to_themselves():
    inner = Nested.model_validate(
        {"use": "judge", "url": "http://judge.test/v1", "model": "m", "api_key": "sk-planted"}
    )
    assert inner.comparator.name == "judge"
    assert "sk-planted" not in repr(inner) + str(inner.model_dump()) + inner.model_dump_json()
    assert Nested.model_validate("number").model_dump() == {"use": "number", **build("number", {}).options.model_dump()}
    with pytest.raises(ValidationError, match="comparator 'nmber' is not known"):
        Nested.model_validate({"use": "nmber"})


def test_every_built_in_comparator_says_itself_where_it_runs():
    built_in = [each for each in available().values() if each.__module__.startswith("comparators.")]
    silent = [each.name for each in built_in if each.runs == Comparator.runs and "runs" not in vars(each)]
    # these decide by their options, when they are made
    assert set(silent) <= {"all_of", "any_of", "weighted", "by_field", "format", "json", "tool_calls", "semantic"}
