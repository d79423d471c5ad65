import pytest

from comparators.language.words import short
from tests.comparators.pairs import compare


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("One  line\n\n and another\t", "One line and another"),
        ("caf\u00e9", "cafe\u0301"),
        ("a\u00a0b", "a b"),
        ("", None),
        ("", "  \n"),
    ],
)
def test_exact_minds_neither_white_space_nor_the_unicode_form(teacher, student):
    assert compare("exact", teacher, student).agree


@pytest.mark.parametrize(
    ("teacher", "student"), [("Yes", "yes"), ("Yes", "Yes."), ("ab", "a b"), ("", "a"), ("²", "2")]
)
def test_exact_minds_all_else(teacher, student):
    score = compare("exact", teacher, student)

    assert (score.score, score.agree, score.kinds) == (0.0, False, ("wording",))


def test_exact_shows_the_line_in_which_the_two_part():
    detail = compare(
        "exact", "Hello,\nthe order  ships on Monday.", "Hello, \n\nthe order ships on Tuesday.\nBye."
    ).detail

    shown = {"teacher": "the order ships on Monday.", "student": "the order ships on Tuesday. Bye."}
    assert detail == {**shown, "same_characters": 26}


@pytest.mark.parametrize(
    ("teacher", "student", "start"),
    [
        ("one two\nthree", "one two four", "one two"),  # where the lines differ, the longer way back
        ("one two four", "one two\nthree", "one two"),
        ("one\ntwo", "one\ntwo\nthree", "two"),
        ("\n \none", "two", ""),
        ("call +49 170 1234567", "call +49 170 7654321", "call +49 170 "),  # what redaction is to know stays whole
    ],
)
def test_what_exact_shows_begins_with_a_line(teacher, student, start):
    detail = compare("exact", teacher, student).detail

    assert detail["teacher"].startswith(start)
    assert detail["student"].startswith(start)


def test_exact_shows_the_difference_at_the_end_of_a_long_line_and_cuts_one_without_end():
    long, endless = "word " * 200, "word " * 10_000

    assert compare("exact", f"{long}yes", f"{long}no").detail["student"].endswith("word no")
    assert len(compare("exact", f"{endless}yes", f"{endless}no").detail["student"]) < 3_000


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("Your refund is on its way.", "your refund is on its way"),
        ("**Yes**, “certainly”!", 'yes - "certainly"'),
        ("- one\n- two", "* one\n* two"),
        ("# Head\n\n> said - he said\n\n---\n1", "head said he said 1"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"),
        ("**5** (five) \u2013 or *so*", "5 five or so"),
        ("take 0.5 mg at 10AM", "Take .5 mg at 10am"),
        ("10 \u2212 5", "10 - 5"),
        ("10 \u2013 5", "10 - 5"),
        ("你好,世界", "你好，世界。"),  # noqa: RUF001 - full-width punctuation
        ("", None),
    ],
)
def test_text_minds_neither_case_nor_punctuation_nor_layout(teacher, student):
    assert compare("text", teacher, student).score == 1.0


@pytest.mark.parametrize(
    ("teacher", "student", "score"),
    [
        ("one two three four", "one two three five", 0.75),
        ("one two three four", "one two", 2 / 3),  # what is missing costs
        ("one two", "one two three four", 2 / 3),  # and so does what is added
        ("dog bites man", "man bites dog", 1 / 3),  # so does another order
        ("it costs $5", "it costs -$5", 2 / 3),
        ("it costs $5", "it costs \u2212$5", 2 / 3),
        ("3.5", "35", 0.0),
        (".5", "5", 0.0),
        ("1 + 2", "1 - 2", 2 / 3),
        ("10 - 5 = 5", "10 5 = 5", 8 / 9),
        ("it is - 5 degrees", "it is 5 degrees", 8 / 9),
        ("2 * 3", "2 3", 4 / 5),
        ("2**3", "2*3", 2 / 3),
        ("(1 + 2) * 3", "1 + 2 * 3", 10 / 11),
        ("a != b", "a = b", 2 / 3),
        ("a > b", "a b", 4 / 5),
        ("if !ready", "if ready", 4 / 5),
        ("foo_bar", "foo bar", 0.0),
        ("key sk_Aa1", "key sk_aa1", 0.5),
        ("5 MB1", "5 Mb1", 0.5),
        ("C", "C++", 0.0),
        ("हिन्दी", "हन्दी", 0.0),  # vowel signs are part of the word
        ("我要退款", "我要换货", 0.5),
        ("ขอบคุณ", "ขอบคุณครับ", 0.75),
        ("something", "", 0.0),
        (":)", ":(", 0.0),  # punctuation is all there is
    ],
)
def test_text_gives_the_share_of_words_in_common_and_in_order(teacher, student, score):
    assert compare("text", teacher, student).score == pytest.approx(score)
    assert compare("text", student, teacher).score == pytest.approx(score)


def test_text_agrees_from_the_chosen_similarity_on():
    pair = ("one two three four", "one two three five")

    assert not compare("text", *pair).agree
    assert compare("text", *pair, agree_at=0.75).agree
    assert compare("text", *pair).kinds == ("wording",)
    assert compare("text", *pair).detail["words"] == {"teacher": 4, "student": 4, "common": 3}


def test_of_very_long_texts_the_end_counts_only_where_it_is_the_same():
    long = "word " * 30_000

    assert compare("text", long, long).score == 1.0
    assert compare("text", long, long + "more").score < 0.7


@pytest.mark.parametrize(
    ("measure", "teacher", "student", "score"),
    [
        ("token_f1", "dog bites man", "man bites dog", 1.0),
        ("token_f1", "one two two", "two one three", 2 / 3),
        # the mean of sacrebleu 2.6's CHRF(beta=2, eps_smoothing=False).sentence_score in both directions
        ("chrf", "the cat sat on the mat", "the cat is on the mat", 0.6325154667623061),
        ("chrf", "refund", "refunds are possible within 30 days", 0.2821914821228047),
        ("chrf", "Guten Morgen", "Guten Abend", 0.32813362144035835),
        ("chrf", "", "a", 0.0),
        ("edit", "kitten", "sitting", 1 - 5 / 13),
        ("edit", "", "", 1.0),
    ],
)
def test_text_by_other_measures(measure, teacher, student, score):
    assert compare("text", teacher, student, measure=measure).score == pytest.approx(score)
    assert compare("text", student, teacher, measure=measure).score == pytest.approx(score)


@pytest.mark.parametrize("measure", ["token_f1", "chrf", "edit"])
def test_by_every_measure_the_end_of_a_very_long_text_counts(measure):
    long = "word " * 30_000

    assert compare("text", long, long, measure=measure).score == 1.0
    assert compare("text", long, long + "more", measure=measure).score < 1.0
    assert compare("text", long, long + "else " * 30_000, measure=measure).score < 0.75


def test_a_detail_of_white_space_alone_is_cut_like_any_other():
    assert short("\n" * 300) == "… (300 characters)"
