import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import ComparatorError
from comparators.registry import build
from tests.comparators.pairs import compare


def fenced(language: str, *codes: str) -> str:
    return "\n\n".join(["Here you are:", *(f"```{language}\n{code}\n```" for code in codes), "Tell me if it works."])


# language, the teacher's, and what is the same
SAME = [
    ("python", "x=1", "x = 1"),
    ("python", "x = (1)", "x = 1  # one"),
    ("python", "a = 'b'", 'a = "b"'),
    ("python", "f(a, b)", "f(\n    a,\n    b,\n)"),
    ("python", "def f(a):\n  'says'\n  return a", "def f(a):\n    return a"),
    ("python", "def f(a):\n  'says'", "def f(a):\n    pass"),
    ("python", "x = 0x10", "x = 16"),
    ("python", "  return x", "return x"),
    ("javascript", "let a = 1; f(a,)", "let a = 1\n// and\nf(a)"),
    ("javascript", "g('it\\'s')", 'g("it\'s")'),
    ("javascript", "if (a) { b() }", "if (a)\n{\n  b();\n}"),
    ("typescript", "const f = (a: number): number => (a + 1)", "const f = (a: number): number => a + 1;"),
    ("tsx", "const a = <b c='d'/>", 'const a = <b c="d" />;'),
    ("go", "package main\nfunc f() { a := 1; b(a) }", "package main\n\nfunc f() {\n\ta := 1\n\tb(a)\n}\n"),
    ("rust", "/// says\nfn f() -> i32 { (1) }", "fn f() -> i32 {\n    1\n}"),
    ("java", "int f(int a){ return (a); }", "int f(int a) {\n  /* says */\n  return a;\n}"),
    ("c", "int f(int *a){return *a;}", "int f(int* a)\n{\n  return *a; // says\n}"),
    ("cpp", "auto f=[](int a){return a;};", "auto f = [](int a) { return a; };"),
    ("csharp", "int F(int a){ return a; }", "int F(int a)\n{\n    return a;\n}"),
    ("php", "function f($a){return $a;}", "function f($a) {\n  # says\n  return $a;\n}"),
    ("php", "<p><?php echo 1;?></p>", "<p><?php  echo 1; ?></p>"),
    ("ruby", "def f(a); a; end", "def f(a)\n  a # says\nend"),
    ("bash", "a=1; echo $a", "# says\na=1\necho   $a"),
]
# the same but for names that the code gives
RENAMED = [
    ("python", "def f(a):\n  b = a\n  return b", "def g(x):\n  y = x\n  return y"),
    ("python", "class A:\n  def m(self): self.n = 1\nA().m()", "class B:\n  def k(self): self.j = 1\nB().k()"),
    ("python", "x = 3\nf(x=x)", "y = 3\nf(x=y)"),
    ("python", "import numpy as np\nnp.sum(1)", "import numpy as n\nn.sum(1)"),
    ("python", "for i in a:\n  try: b(i)\n  except E as e: c(e)", "for j in a:\n  try: b(j)\n  except E as x: c(x)"),
    ("javascript", "const f = (a) => a.map(b => b + 1)", "const g = (x) => x.map(y => y + 1)"),
    (
        "typescript",
        "function f(a: T, b = 2) { for (const c of a) d(c, b) }",
        "function g(x: T, y = 2) { for (const z of x) d(z, y) }",
    ),
    (
        "go",
        "package p\nfunc f(a int) int { b, c := a, 1; return b + c }",
        "package p\nfunc g(x int) int { y, z := x, 1; return y + z }",
    ),
    ("rust", "fn f(a: &str) -> usize { let b = a.len(); b }", "fn g(x: &str) -> usize { let y = x.len(); y }"),
    ("java", "int f(int a) { int b = a; return h(b); }", "int g(int x) { int y = x; return h(y); }"),
    ("c", "int f(int *a) { int b = *a; return b; }", "int g(int *x) { int y = *x; return y; }"),
    ("cpp", "void f() { for (auto a : v) { int b = a; h(b); } }", "void g() { for (auto x : v) { int y = x; h(y); } }"),
    ("csharp", "int F(int a) { var b = a; return b; }", "int G(int x) { var y = x; return y; }"),
    ("php", "function f($a) { $b = $a; return $b; }", "function g($x) { $y = $x; return $y; }"),
    ("ruby", "def f(a)\n  b = a\n  b\nend", "def g(x)\n  y = x\n  y\nend"),
    ("bash", 'f() { a=1; echo "$a"; }\nf', 'g() { b=1; echo "$b"; }\ng'),
]
# what is not the same, names or not
OTHER = [
    ("python", "x = 1", "x = 2"),
    ("python", "x = 1", "x = 1.0"),
    ("python", "x = 1", "x = '1'"),
    ("python", "if a:\n  b\nc", "if a:\n  b\n  c"),
    ("python", "print(a)", "len(a)"),
    ("python", "b.append(1)", "b.remove(1)"),
    ("python", "def f(a, b): return a - b", "def f(a, b): return b - a"),
    ("python", "a = 1\nb = 2\nc(a, b)", "a = 1\na = 2\nc(a, a)"),
    ("javascript", "return\nx", "return x"),
    ("javascript", "for (;a;) {}", "for (;;a) {}"),
    ("javascript", "a = [, 1]", "a = [1]"),
    ("javascript", "a = (b + c) * d", "a = b + c * d"),
    ("javascript", "a = `x  y`", "a = `x y`"),
    ("javascript", "a = 'x'", "a = `x`"),
    ("typescript", "let a: number = 1", "let a: string = 1"),
    ("go", 'package p\nvar a = "b"', 'package p\nvar a = "c"'),
    ("rust", "fn f() -> i32 { 1 }", "fn f() -> i32 { 1; }"),
    ("rust", "let a = (1,);", "let a = (1);"),
    ("java", "a.b(1);", "a.c(1);"),
    ("c", "a = b - c - d;", "a = b - (c - d);"),
    ("php", "echo 'a$b';", 'echo "a$b";'),
    ("ruby", "puts 'a  b'", "puts 'a b'"),
    ("bash", 'echo "a  b"', 'echo "a b"'),
    ("bash", "cat <<E\na\nE", "cat <<E\nb\nE"),
]


@pytest.mark.parametrize(("language", "teacher", "student"), SAME)
def test_layout_and_comments_do_not_count(language, teacher, student):
    score = compare("code", fenced(language, teacher), fenced(language, student))

    assert (score.score, score.agree) == (1.0, True), score.detail
    assert compare("code", teacher, student, language=language).agree


@pytest.mark.parametrize(("language", "teacher", "student"), RENAMED)
def test_names_count_unless_they_are_to_be_ignored(language, teacher, student):
    teacher, student = fenced(language, teacher), fenced(language, student)

    assert compare("code", teacher, student).kinds == ("code_changed",)
    assert compare("code", teacher, student, ignore_names=True).score == 1.0


@pytest.mark.parametrize("ignore_names", [False, True])
@pytest.mark.parametrize(("language", "teacher", "student"), OTHER)
def test_other_code_is_told_from_the_same(language, teacher, student, ignore_names):
    score = compare("code", fenced(language, teacher), fenced(language, student), ignore_names=ignore_names)

    assert score.kinds == ("code_changed",)
    assert 0 < score.score < 1


def test_names_that_the_code_does_not_give_count_always():
    assert not compare("code", "total = sum(a)", "count = len(a)", ignore_names=True).agree
    assert not compare("code", "t.columns = a", "t.colums = a", ignore_names=True).agree


def test_a_name_of_one_block_is_the_same_name_in_the_next():
    teacher, student = fenced("python", "total = 1", "print(total)"), fenced("python", "sum_ = 1", "print(sum_)")

    assert compare("code", teacher, student, ignore_names=True).agree
    assert not compare("code", teacher, fenced("python", "sum_ = 1", "print(other)"), ignore_names=True).agree


def test_blocks_are_compared_in_their_order_and_each_in_its_language():
    first, second = fenced("python", "x=1"), fenced("js", "let y=2")
    teacher = f"{first}\n{second}"

    assert compare("code", teacher, f"{fenced('py', 'x = 1')}\n{fenced('javascript', 'let y = 2;')}").agree
    assert compare("code", teacher, f"{second}\n{first}").kinds == ("code_changed",)
    assert compare("code", teacher, first).kinds == ("code_changed",)
    assert compare("code", first, teacher).kinds == ("code_changed",)


@pytest.mark.parametrize(
    ("one", "other"),
    [("python", "ruby"), ("c", "cpp"), ("js", "ts"), ("bash", "powershell"), ("json", "yaml"), ("kotlin", "scala")],
)
def test_the_same_words_in_two_languages_are_other_code(one, other):
    score = compare("code", fenced(one, "print(1)"), fenced(other, "print(1)"), agree_at=0.5)

    assert (score.agree, score.kinds) == (False, ("code_changed",))
    assert 0 < score.score < 1
    assert " and " in score.detail["languages"][0]
    assert not compare("code", fenced("python", "f(1)"), fenced("ruby", "f(1)"), language="python").agree


@pytest.mark.parametrize(("one", "other"), [("py", "python3"), ("yml", "yaml"), ("sh", "bash"), ("text", "python")])
def test_a_language_by_another_name_or_none_is_no_other(one, other):
    assert compare("code", fenced(one, "print(1)"), fenced(other, "print(1)")).agree


def test_the_prose_around_does_not_count_and_neither_does_whether_there_is_a_fence():
    assert compare("code", "x = 1", fenced("python", "x=1")).agree
    assert compare("code", fenced("python", "x=1"), "```\nx = 1\n```").agree


def test_with_a_language_blocks_of_others_are_beside_the_point():
    teacher = fenced("python", "x = 1")
    student = f"{fenced('bash', 'pip install y')}\n{fenced('python', 'x = 1')}\n{fenced('text', '1')}"

    assert compare("code", teacher, student, language="python").agree
    assert not compare("code", teacher, student).agree


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("def f(a): return a", "def f(a):\n    return a"),
        ("function f(a) { return a }", "function f(a) {\n  return a;\n}"),
        ("package main\nfunc f() { a() }", "package main\nfunc f() {\n\ta()\n}"),
        ("fn f(a: i32) -> i32 { a }", "fn f(a: i32) -> i32 {\n    a\n}"),
        ("#include <a.h>\nint f(int a) { return a; }", "#include <a.h>\nint f(int a)\n{ return a; }"),
        ("#!/bin/bash\nif a; then b; fi", "#!/bin/bash\nif a\nthen b\nfi"),
        ("<?php echo 1;", "<?php\necho 1;"),
        ("def f(a)\n  a\nend", "def f(a)\n    a\nend"),
    ],
)
def test_without_a_fence_the_language_is_one_whose_parser_takes_the_code(teacher, student):
    assert compare("code", teacher, student).agree


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_what_does_not_parse_is_of_an_invalid_form(language):
    good, bad, worse = "f(1)", "f(1", "f(2"

    assert compare("code", good, bad, language=language).kinds == ("invalid_format",)
    assert compare("code", bad, good, language=language).kinds == ("teacher_invalid_format",)
    assert compare("code", bad, worse, language=language).kinds == ("teacher_invalid_format", "invalid_format")
    assert compare("code", bad, f" {bad}\n", language=language).agree
    assert not compare("code", good, bad, language=language, agree_at=0.01).agree


def test_prose_in_place_of_code_is_shown():
    score = compare("code", fenced("python", "x = 1"), "I would rather not write that.")

    assert score.kinds == ("invalid_format",)
    assert score.detail == {
        "languages": ["python"],
        "differing": [{"teacher": "x = 1", "student": "I would rather not write that.", "does_not_parse": ["student"]}],
    }


def test_of_languages_without_a_parser_the_words_are_compared():
    assert compare("code", fenced("yaml", "a: 1"), fenced("yaml", "a:   1")).agree
    assert compare("code", fenced("yaml", "a: 1"), fenced("yaml", "a: 2")).kinds == ("code_changed",)


def test_similar_code_agrees_from_a_similarity_on():
    teacher, student = "def f(a):\n  b = a + 1\n  return b", "def f(a):\n  b = a + 2\n  return b"
    score = compare("code", teacher, student)

    assert 0.8 < score.score < 1
    assert compare("code", teacher, student, agree_at=0.8).agree


@pytest.mark.parametrize("language", [None, "python", "javascript", "go", "rust", "cpp"])
@pytest.mark.parametrize(
    "code",
    [
        "(" * 30_000,
        "-" * 25_000 + "1",
        "a." * 12_000 + "a",
        "a+" * 12_000 + "a",
        "f()\n" * 7_000,
        "[" * 400_000,
        "not " * 7_000 + "a",
        "if a:\n pass\nel" * 1_500 + "se: pass",
        "9" * 25_000,
        "0x" + "f" * 25_000,
        "f(" * 4_000,
        "a => " * 1_900,
        "\0",
        "\ud800",
    ],
    ids=lambda code: repr(code[:6]),
)
def test_endless_and_deeply_nested_code_gets_a_score_too(language, code):
    score = compare("code", code, code[:-1] + "?", language=language)

    assert 0 <= score.score < 1
    assert score.kinds


@given(st.text(alphabet="ab=()[]{}:;,'\"\n #/$<-+"), st.text(alphabet="ab=()[]{}:;,'\"\n #/$<-+"))
def test_with_a_language_given_it_does_not_matter_who_is_the_teacher(teacher, student):
    there = compare("code", teacher, student, language="javascript")
    back = compare("code", student, teacher, language="javascript")

    assert (there.score, there.agree) == (back.score, back.agree)


def test_parsers_that_are_not_installed_are_said_at_once_with_the_command(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tree_sitter_go" else found(name))

    for options in ({}, {"language": "go"}):
        with pytest.raises(ComparatorError, match=r"pip install 'understudy\[code\]'"):
            build("code", options)
    assert build("code", {"language": "python"}).runs == "heavy"
    assert build("code", {"language": "rust"}).runs == "heavy"


def test_a_language_that_is_unknown_is_refused():
    with pytest.raises(ComparatorError, match="'bash', 'c', 'cpp'"):
        build("code", {"language": "cobol"})
