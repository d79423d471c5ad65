import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators import auto
from comparators.auto_prose import turns
from comparators.auto_table import TABLE
from comparators.base import SURFACES, Answer, ComparatorError, Request
from comparators.kinds import KINDS
from comparators.registry import build
from comparators.running import Runner
from tests.comparators.pairs import calling
from tests.comparators.test_what_all_comparators_promise import ANSWERS, is_sound

GSM8K = Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k.jsonl"
CHAT = Request(surface="chat/completions", body={})
ANSWERING_JSON = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "required": ["a"]}}}
ASKING_JSON = Request(surface="chat/completions", body={"response_format": ANSWERING_JSON})
ASKING_JSON_BY_RESPONSES = Request(surface="responses", body={"text": {"format": {"type": "json_object"}}})
CHOOSING = Request(
    surface="chat/completions",
    body={"messages": [{"role": "system", "content": "Choose: limit of credit to change, card not working at all"}]},
)
EMBEDDING = Request(surface="embeddings", body={"input": ["a"]})
VECTORS = Answer(embeddings=((1.0, 0.0),))
PROSE = "You can send the parcel back within thirty days; the label is in your account."
LONG = "Rule 4 says that whoever is late has to pay, and that whoever pays late has to pay more than that.\n"
IS_B = "The answer is B (see rule 4)."
WORKED = "3 + 4 = 7 eggs are used, so 16 - 7 = 9 are left, at $2 each.\n"
FUNCTION = "```python\ndef double(x):\n    return 2 * x\n```"
QUERY = "SELECT name FROM users WHERE age > 3"


def said(request, teacher, student, **options):
    sides = [Answer(content=side) if isinstance(side, str) else side for side in (teacher, student)]
    return build("auto", options).compare(request, *sides)


def taken(request, teacher) -> str:
    answer = Answer(content=teacher) if isinstance(teacher, str) else teacher
    detail = build("auto", {}).compare(request, answer, answer).detail
    return detail["because"]


# Every row: the request, what the teacher answered, a student that agrees, one that disagrees, and one in another form.
ROWS = [
    ("embeddings", EMBEDDING, VECTORS, Answer(embeddings=((2.0, 0.0),)), Answer(embeddings=((0.0, 1.0),)), "words"),
    ("tools called", CHAT, calling(("f", '{"a": 1}')), calling(("f", '{"a":1}')), calling(("g", "{}")), "f(a=1)"),
    ("nothing said", CHAT, Answer(finish_reason="length"), Answer(content=" "), None, "Hello"),
    ("JSON asked for", ASKING_JSON, '{"a": 1}', '{"a":1.0}', '{"a": 2}', "a is 1"),
    ("JSON asked for", ASKING_JSON_BY_RESPONSES, '{"a": 1}', '```json\n{"a":1}\n```', "{}", 'Here: {"a": 1}'),
    ("JSON", CHAT, '{"a": [1, 2]}', '{"a":[1,2]}', '{"a": [2]}', "The list of a is 1 and then 2."),
    ("JSON", CHAT, "```json\n[1, 2]\n```", "[1,2]", "[2, 1]", "1, 2"),
    ("JSON", CHAT, 'So:\n```json\n{"a": 1}\n```', '{"a": 1}', 'So:\n```\n{"a": 2}\n```', "a is 1"),
    ("SQL", CHAT, QUERY, QUERY.lower(), QUERY + " LIMIT 1", f"It is: {QUERY}"),
    ("SQL", CHAT, f"```sql\n{QUERY}\n```", f"```sql\n{QUERY}\n```\n", "```sql\nSELECT 1\n```", QUERY),
    ("Python", CHAT, FUNCTION, FUNCTION.replace("    ", "  "), FUNCTION.replace("2", "3"), "def double(x): ..."),
    ("Python", CHAT, f"Like so:\n{FUNCTION}", f"{FUNCTION}\nThat is all.", FUNCTION.replace("2", "3"), "x times two"),
    ("code", CHAT, "```js\nlet a=1;\n```", "```js\nlet a = 1;\n```", "```js\nlet a = 2;\n```", "let a = 1;"),
    ("a number", CHAT, "42", "42.0", "41", "The answer is 42."),
    ("a number", CHAT, "$1,000.50", "1000.50", "$1000", "€1000.50"),
    ("a number announced", CHAT, WORKED + "A: 18", "9 * 2 = 18\n#### 18", WORKED + "A: 17", '{"answer": 18}'),
    ("a number announced", CHAT, "Hence \\boxed{5}.", "The answer is 5", "The answer is 6", "[5]"),
    ("a choice announced", CHAT, LONG + IS_B, "By rule 4: (B)\n\nAnswer: (B)", LONG + IS_B.replace("B", "D"), LONG),
    ("a choice announced", CHAT, LONG + "Answer: B) Paris", "B", LONG + "Answer: B) Rome", '{"answer": "B"}'),
    ("a choice announced", CHAT, LONG + "Hence \\boxed{x + 1}.", "\\boxed{x+1}", LONG + "Hence \\boxed{x + 2}.", LONG),
    ("a choice announced", CHAT, LONG + "Answer: A, C", "I think:\nAnswer: A and C", LONG + "Answer: A, D", LONG),
    ("a choice announced", CHAT, LONG + "Die Antwort ist Oslo.", "oslo", LONG + "Die Antwort ist Rom.", LONG),
    ("a label", CHAT, "card_lost", "**card_lost**", "card_stolen", "The customer has lost a card, so: card_lost"),
    ("a label", CHAT, "New York", '"new york"', "York", '{"city": "New York"}'),
    ("a label", CHAT, "ABC-123", "**ABC-123**", "abc-123", "The id is ABC-123."),
    ("a label", CHAT, "sk_Aa1", "`sk_Aa1`", "sk_aa1", "The key is sk_Aa1."),
    ("a label", CHOOSING, "limit of credit to change", "Limit of credit to change.", "card not working at all", PROSE),
    ("prose", CHAT, PROSE, PROSE.upper(), "No.", '{"days": 30}'),
    ("prose", CHAT, "I do not know about that.", "I do not know about that", "I know", FUNCTION),
]  # fmt: skip


@pytest.mark.parametrize(("because", "request_", "teacher", "same", "other", "other_form"), ROWS)
def test_row_by_row(because, request_, teacher, same, other, other_form):  # noqa: PLR0917 - a table
    [use] = {row.use for row in TABLE if row.because == because}
    use = use if use not in _lacking() else "text"

    agreeing = said(request_, teacher, same)
    assert (agreeing.agree, agreeing.detail["because"], agreeing.detail["use"]) == (True, because, use)

    if other is not None:
        disagreeing = said(request_, teacher, other)
        assert (disagreeing.agree, disagreeing.detail["use"]) == (False, use)
        assert "other_form" not in disagreeing.kinds

    strange = said(request_, teacher, other_form)
    assert (strange.score, strange.agree) == (0.0, False)
    assert "other_form" in strange.kinds
    assert strange.detail["because"] == because


def _lacking() -> set[str]:
    """What cannot be had here."""
    return {row.use for row in TABLE} - {each.name for each in build("auto", {}).used}


def test_every_row_of_the_table_is_tested():
    assert [row.because for row in TABLE] == list(dict.fromkeys(because for because, *_ in ROWS))


def test_the_table_is_the_documented_one():
    page = (Path(__file__).parents[2] / "docs" / "comparators.md").read_text("utf-8")
    rows = re.findall(r"^\| \d+ \| ([^|]+?): [^|]+\| `(\w+)`[^|]* \|", page, re.MULTILINE)
    assert rows == [(row.because, row.use) for row in TABLE]


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("-3.5", "a number"),
        ("12 %", "a number"),
        ("**1 000 000**", "a number"),
        ("1e-5", "a number"),
        ("0", "a number"),
        ("5 km", "a label"),
        ("2024-05-01", "a label"),
        ("192.168.1.1", "a label"),
        ("007", "a label"),
        ("4111111111111111", "a label"),
        ("v1.2.3", "a label"),
        ("#### 18", "a number announced"),
        ("Answer: **18** apples", "a number announced"),
        ("The answer is $\\boxed{5 \\text{ km}}$.", "a number announced"),
        ("The answer is 3 x 4 = $12.", "a number announced"),
        ("Answer: x = 5", "a number announced"),
        ("答案是18元", "a number announced"),
        ("Answer: 60 miles per hour", "a number announced"),
        ("The answer is no, because section 5 forbids it.", "prose"),
        ("Answer: Option B, since 3 > 2", "a choice announced"),
        ("The answer is B (see rule 4)", "a choice announced"),
        ("Answer: 5 km to the north", "prose"),
        ("The answer is 18, as there are 3.\nDoes that help?", "prose"),
        ("Answer: B", "a choice announced"),
        ("Die Antwort ist **C**.", "a choice announced"),
        ("La réponse est (B) car 3 > 2.", "a choice announced"),
        ("La respuesta es: D", "a choice announced"),
        ("A resposta é B, pois 3 > 2.", "a choice announced"),
        ("La risposta è A.", "a choice announced"),
        ("Het antwoord is B omdat 3 > 2.", "a choice announced"),
        ("Ответ: Б", "a choice announced"),
        ("答案是B，因为三大于二。", "a choice announced"),  # noqa: RUF001 - Chinese
        ("正解はCです。", "a choice announced"),
        ("Answer: A\n\nThat follows from rule 4.", "a choice announced"),
        ("Rule 4 applies.\n(B)", "a choice announced"),
        ("Rule 4 applies.\n**b)**", "prose"),
        ("Rule 4 applies, hence \\boxed{\\text{B}} is right.", "a choice announced"),
        ("Rule 4 applies.\nFinal answer: New York", "a choice announced"),
        ("If the answer is A, rule 4 holds; if the answer is B, it does not.", "prose"),
        (f"{PROSE}\nHere the best choice is B.\n{PROSE}", "prose"),
        ("The answer is A matter of taste, as they say here.", "prose"),
        ("The answer is C++ and nothing else, as they say.", "prose"),
        ("Answer: C major is what you want to play in.", "prose"),
        ("Answer: U.S. law applies to all of these cases.", "prose"),
        ("Answer: C:\\\\Users\\\\x is where it is to be found.", "prose"),
        ("The answer is not B (see rule 4), as I said.", "prose"),
        ("I don't know.", "a label"),
        ("```\nrefund\n```", "a label"),
        ("The label is refund.", "prose"),
        ("Yes.\nNo.", "prose"),
        ("退款", "a label"),
        ("您可以在三十天内把包裹退回来，标签在您的账户里。", "prose"),  # noqa: RUF001 - Chinese
        ("x" * 100, "prose"),
        ("'true'", "a label"),
        ("[1] is the first source, as is said in [2].", "prose"),
        ('Here it is: {"a": [1, 2, 3]}', "JSON"),
        ("Select a colour from the list, please.", "prose"),
        ("select a from b", "SQL"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "SQL"),
        (f"{PROSE} {PROSE} {PROSE}\n```\nprint(1)\n```", "prose"),
        ("```js\nlet a = 1\n", "code"),
    ],
)  # fmt: skip
def test_what_is_taken_for_what(text, because):
    assert taken(CHAT, text) == because


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("The answer is no, because section 5 forbids it.", "The answer is yes, because section 5 allows it."),
        ("Compare.\nAnswer: Option B, since 3 > 2", "Guess.\nAnswer: Option C, since 3 > 2"),
        ("Answer: 5 km to the north", "Answer: 5 miles to the south"),
        ("Answer: 5 km", "Answer: 5 miles"),
        ("Answer: 5 m", "Answer: 5 ms"),
        ("Answer: $5", "Answer: €5"),
        ("Answer: 3x", "Answer: 3"),
        ("Answer: 2π", "Answer: 2"),
        ("Answer: 5", "Answer: minus 5"),
        ("Answer: x = 5", "Answer: y = 5"),
        ("Answer: 42%", "Answer: 42"),
        ("Answer: 42", "42%"),
        ("42%", "42"),
        ("42", "42%"),
    ],
)
def test_the_same_digits_in_another_answer_do_not_agree(teacher, student):
    assert not said(CHAT, teacher, student).agree


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("Answer: 5 km", "Answer: 5 KMs"),
        ("Answer: 5 km", "Hence \\boxed{5}"),
        ("Answer: 42%", "Answer: 42 percent"),
        ("Answer: $42", "Answer: 42"),
        ("Answer: $42", "Answer: 42 dollars"),
        ("$42", "42"),
        ("Answer: 18", "The answer is 18, as there are 3."),
    ],
)
def test_the_same_number_otherwise_written_agrees(teacher, student):
    assert said(CHAT, teacher, student).agree


@pytest.mark.parametrize(
    ("teacher", "student", "agree"),
    [
        ("Answer: B", "B", True),
        ("Answer: (B) yes", "Answer: (B)", True),
        ("Answer: B - yes", "Answer: B - no", False),
        ("Answer: B. Because rule 4 says so, clearly.", "Answer: B. For that is what is right.", True),
        ("Answer: A. Smith", "Answer: A. Doe", False),
        ("Answer: A-", "Answer: A+", False),
        ("The answer is B or C.", "The answer is B or D.", False),
        ("Answer: None of these", "Answer: All of these", False),
        ("Hence $\\boxed{\\text{(C)}}$.", "The answer is C.", True),
        ("The correct option is B.", "The correct option is C.", False),
        ("Answer: True", "Answer: False", False),
    ],
)
def test_choices_that_are_announced(teacher, student, agree):
    score = said(CHAT, LONG + teacher, LONG + student)

    assert (score.detail["because"], score.agree) == ("a choice announced", agree)


LONGER = "You can return the parcel within two weeks, as long as you have kept the bill and nothing of it is lost. "
OPPOSITES = [
    ("It is safe.", "It is not safe."),
    ("You can do it.", "You can't do it."),
    ("It is safe to use.", "It is unsafe to use."),
    ("That is harmful to children.", "That is harmless to children."),
    ("It takes 5 days.", "It takes 7 days."),
    ("It takes three days.", "It takes four days."),
    ("Cats are safe, dogs are not.", "Cats are not safe, dogs are."),
    ("So it is B, as we know.", "So it is D, as we know."),
    ("So it is A, as we know.", "So it is E, as we know."),
    ("Yes, it is so.", "No, it is so."),
    ("It is 1 + 2, of course.", "It is 1 - 2, of course."),
    ("It holds where x > y.", "It holds where x < y."),
    ("It holds where a>b.", "It holds where a<b."),
    ("It is 2*3, of course.", "It is 2**3, of course."),
    ("It is - 5 degrees.", "It is 5 degrees."),
    ("Take .5 mg of it.", "Take 5 mg of it."),
    ("Your key is sk_Aa1.", "Your key is sk_aa1."),
    ("It takes 5 days.", "It takes 5 weeks."),
    ("Take 10 mg of it.", "Take 10 kg of it."),
    ("It is on Monday.", "It is on Tuesday."),
    ("Es dauert 5 Tage.", "Es dauert 5 Wochen."),
    ("Take the first one.", "Take the second one."),
    ("Das ist erlaubt.", "Das ist nicht erlaubt."),
    ("Dafür gibt es einen Grund.", "Dafür gibt es keinen Grund."),
    ("C'est permis.", "Ce n'est pas permis."),
    ("Es seguro.", "No es seguro."),
    ("É seguro.", "Não é seguro."),
    ("È sicuro.", "Non è sicuro."),
    ("Het is veilig.", "Het is niet veilig."),
    ("To jest bezpieczne.", "To nie jest bezpieczne."),
    ("Это безопасно.", "Это не безопасно."),
    ("Это безопасно.", "Это небезопасно."),
    ("Det är säkert.", "Det är inte säkert."),
    ("Bu güvenli.", "Bu güvenli değil."),
    ("إنه آمن", "إنه ليس آمن"),
    ("यह सुरक्षित है", "यह सुरक्षित नहीं है"),
    ("Itu aman.", "Itu tidak aman."),
    ("안전합니다.", "안전하지 않습니다."),
    ("这是安全的。", "这是不安全的。"),
    ("三十天内可以退回。", "五十天内可以退回。"),
    ("これは安全です。", "これは安全ではありません。"),
    ("食べることができます。", "食べることができません。"),
    ("ปลอดภัย", "ไม่ปลอดภัย"),
]


@pytest.mark.parametrize("around", ["{}{}{}", "{}\n{}\n{}", "Hello! {}- {}\n\n{}"])
@pytest.mark.parametrize(("one", "other"), OPPOSITES)
def test_prose_that_turns_on_a_word_does_not_agree(one, other, around):
    sides = [around.format(LONGER, each, LONGER) for each in (one, other)]

    for teacher, student in (sides, sides[::-1]):
        score = said(CHAT, teacher, student)
        assert score.detail["because"] == "prose"
        assert (score.score, score.agree, score.kinds) == (0.0, False, ("meaning",))
    assert said(CHAT, sides[0], sides[0] + " ").agree


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("You cannot do it.", "You can't do it."),
        ("It isn't a problem.", "It is not the problem."),
        ("It costs 1,000 euros.", "It costs about 1000 euros."),
        ("\n1. Go there.\n2. Do it.", "\n- Go there.\n- Do it."),
        ("You may send back a parcel.", "You may send back the parcel."),
        ("Das ist kein Problem.", "Das ist kein großes Problem."),
        ("It is done on one day.", "It is done on one date."),
        ("It takes 5 days.", "It takes 5 business days."),
        ("It costs 5 dollars.", "It costs 5 dollar."),
        ("Take 0.5 mg - or more - of it.", "Take **.5 mg**, or more, of it."),
    ],
)
def test_prose_in_slightly_other_words_agrees(teacher, student):
    assert said(CHAT, LONGER + teacher, LONGER + student).agree


def test_another_comparator_of_prose_has_the_only_word():
    one, other = (LONGER + each for each in OPPOSITES[0])

    assert said(CHAT, one, other, prose={"use": "text", "agree_at": 0.7}).kinds == ("meaning",)
    assert said(CHAT, one, other, prose={"use": "any_of", "comparators": [{"use": "text"}]}).agree


@given(
    st.lists(st.sampled_from(LONGER.split()), max_size=30),
    st.lists(st.sampled_from(LONGER.split()), max_size=30),
    st.sampled_from(["not", "never", "nicht", "ne", "no", "não", "не", "5", "B", "seven", "不"]),
)
def test_a_turning_word_put_in_anywhere_is_seen(before, after, word):
    without, with_it = (" ".join([*before, *more, *after]) for more in ([], [word]))

    assert turns(without, with_it)
    assert turns(with_it, without)
    assert not turns(with_it, with_it.upper())


def test_very_long_prose_is_looked_through_for_them_too():
    text = LONGER * 400

    assert said(CHAT, text + "It is safe.", text + "It is not safe.").kinds == ("meaning",)
    assert said(CHAT, text + "It is safe.", text + "It is quite safe.").agree


@pytest.mark.skipif(not GSM8K.exists(), reason="the recorded problems are not here")
def test_worked_answers_agree_as_often_as_their_numbers():
    lines = [json.loads(line) for line in GSM8K.read_text("utf-8").splitlines()]
    scores = [said(CHAT, line["teacher"]["content"], line["student"]["content"]) for line in lines]

    assert (len(scores), sum(score.agree for score in scores)) == (1319, 286)


@pytest.mark.parametrize(
    ("teacher", "student", "kinds"),
    [
        (calling(("f", "{}")), Answer(content="f"), ("not_called", "other_form")),
        (Answer(content="f"), calling(("f", "{}")), ("called", "other_form")),
        (Answer(content=PROSE), Answer(content=""), ("empty", "other_form")),
        (calling(("f", "{}")), Answer(), ("not_called", "other_form")),
        (Answer(content="refund"), Answer(refusal="I can't"), ("refused",)),
        (calling(("f", "{}")), Answer(refusal="I can't"), ("refused",)),
        (Answer(refusal="I can't"), Answer(content="refund"), ("not_refused",)),
        (VECTORS, Answer(content="a"), ("other_form",)),
        (Answer(content="a"), VECTORS, ("other_form",)),
    ],
)
def test_calls_refusals_and_silence_have_kinds_of_their_own(teacher, student, kinds):
    score = said(CHAT, teacher, student)

    assert (score.score, score.agree, score.kinds) == (0.0, False, kinds)
    assert set(kinds) <= set(KINDS)


def test_two_refusals_agree():
    assert said(CHAT, Answer(refusal="I can't."), Answer(refusal="I won't.")).agree


def test_a_teacher_that_breaks_the_form_it_was_asked_for_asks_none_of_the_student():
    score = said(ASKING_JSON, "I can do that!", '{"a": 1}')

    assert (score.agree, score.kinds) == (False, ("teacher_invalid_format",))
    assert said(ASKING_JSON, "I can do that!", "I can do that!").agree


def test_the_detail_of_the_comparator_is_kept():
    detail = said(CHAT, '{"a": 1}', '{"a": 2}').detail

    assert (
        detail["detail"]["differences"] == [{"path": "a", "kind": "field_changed", "teacher": 1, "student": 2}]
        or detail["detail"]["fields"] == 1
    )


def test_prose_may_be_compared_by_another():
    assert said(CHAT, PROSE, PROSE.upper(), prose={"use": "exact"}).detail["use"] == "exact"
    assert said(CHAT, "a", "b", prose={"use": "exact"}).detail["use"] == "label"
    assert build("auto", {"prose": {"use": "exact"}}).version != build("auto", {}).version


@pytest.fixture
def without_sql(monkeypatch):
    def lacking(use, options):
        if use == "sql":
            raise ComparatorError("sql needs sqlglot: pip install 'understudy[sql]'")
        return build(use, options)

    monkeypatch.setattr(auto, "build", lacking)


@pytest.mark.usefixtures("without_sql")
def test_for_want_of_an_extra_text_is_taken_and_that_is_said():
    score = said(CHAT, QUERY, QUERY + " LIMIT 1")

    assert {**score.detail, "detail": None} == {
        "use": "text",
        "because": "SQL",
        "instead_of": "sql",
        "lacking": "sql needs sqlglot: pip install 'understudy[sql]'",
        "detail": None,
    }


def test_it_serves_every_surface_and_its_version_is_that_of_all_it_may_take():
    comparator = build("auto", {})

    assert comparator.surfaces == SURFACES
    for each in comparator.used:
        assert f"{each.name} {each.version}" in comparator.version


def test_only_what_is_heavy_pays_for_a_process():
    ran = []

    async def run(comparator, *pair):
        ran.append((comparator.name, comparator.runs))
        return comparator.compare(*pair)

    async def ask(request, teacher, student):
        return await build("auto", {}).ask(request, Answer(content=teacher), Answer(content=student), run)

    for teacher, student in (("refund", "refused"), ("4", "5"), (PROSE, PROSE + "!"), ('{"a": 1}', '{"a": 2}')):
        asyncio.run(ask(CHAT, teacher, student))
    assert ran == [("label", "light"), ("number", "light"), ("text", "light"), ("json", "light")]

    asyncio.run(ask(ASKING_JSON, '{"a": 1}', '{"a": 1}'))
    assert len(ran) == 4, "the same answer needs no comparator"
    asyncio.run(ask(ASKING_JSON, '{"a": 1}', '{"b": 1}'))
    assert ran[4:] == [("json", "heavy")]


def test_the_runner_scores_by_it():
    async def run(teacher, student):
        runner = Runner(processes=1, seconds=30.0)
        try:
            return await runner.run(build("auto", {}), CHAT, teacher, student)
        finally:
            await runner.close()

    score = asyncio.run(run(calling(("f", '{"a": 1}')), calling(("f", '{"a": 2}'))))
    assert (score.kinds, score.detail["use"]) == (("argument_changed",), "tool_calls")


AUTO = build("auto", {})


@given(teacher=ANSWERS, student=ANSWERS)
def test_any_two_answers_get_a_sound_score(teacher, student):
    for asked in (CHAT, ASKING_JSON):
        score = AUTO.compare(asked, teacher, student)

        assert is_sound(score)
        assert score == AUTO.compare(asked, teacher, student)


@given(answer=ANSWERS)
def test_the_same_answer_agrees_with_score_one(answer):
    score = AUTO.compare(CHAT, answer, answer)

    assert (score.score, score.agree) == (1.0, True)


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        '{"a":',
        "```a\n",
        "```a\n1\n```\n",
        "{[",
        "}{",
        "1,",
        "answer is ",
        "answer is B, ",
        "\\boxed{",
        "not ",
        "A: ",
        "日",
        " ",
        "~~~\n",
        "with a as (",
        "a b ",
    ],
)
def test_huge_and_hostile_texts_are_compared_all_the_same(piece):
    text = piece * (300_000 // len(piece))

    assert is_sound(said(CHAT, text, text[:-7] + "?"))
    assert is_sound(said(CHOOSING, text[-100:], text))


def test_a_request_of_very_many_parts_is_not_looked_through_for_ever():
    asked = Request(surface="chat/completions", body={"messages": [{"content": ["x"] * 50}] * 10_000})

    assert said(asked, "four words of text", "four words of text").detail["because"] == "prose"
