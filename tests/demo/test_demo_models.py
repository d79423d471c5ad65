"""The demonstration's task and models: easy enough for all but the rare language, which one student never learned."""

import importlib.util

import pytest

from proxy.demo import models
from proxy.demo.models import RECIPES, need_demo_packages, train
from proxy.demo.task import INTENTS, RARE, SHARES, examples, traffic
from proxy.errors import UsageError
from proxy.shadow.language import language_segment


@pytest.fixture(scope="module")
def messages():
    return traffic(3000, seed=7)


@pytest.fixture(scope="module")
def labels():
    return {name: train(recipe).label for name, recipe in RECIPES.items()}


def agreement(messages, teacher, student):
    return sum(teacher(message.text) == student(message.text) for message in messages) / len(messages)


def test_the_traffic_is_the_same_each_time_and_no_message_is_sent_twice(messages):
    assert messages == traffic(3000, seed=7)
    assert len({message.text for message in messages}) == 3000
    assert {message.intent for message in messages} == set(INTENTS)


def test_the_rare_language_is_rare_and_its_languages_can_be_told_apart(messages):
    assert 0.03 < sum(message.language == RARE for message in messages) / 3000 < 0.08
    assert {message.language for message in messages} == set(SHARES)
    assert [message for message in messages if language_segment(message.text) != message.language] == []


def test_the_teacher_knows_the_task(messages, labels):
    right = sum(labels["teacher"](message.text) == message.intent for message in messages)
    assert right / len(messages) > 0.99


def test_the_student_agrees_everywhere_but_in_the_rare_language(messages, labels):
    for language in SHARES:
        own = [message for message in messages if message.language == language]
        share = agreement(own, labels["teacher"], labels["student"])
        assert share < 0.5 if language == RARE else share > 0.985
    # On the whole it looks good enough: only the segment tells.
    assert agreement(messages, labels["teacher"], labels["student"]) > 0.95


def test_the_mended_student_agrees_everywhere(messages, labels):
    for language in SHARES:
        own = [message for message in messages if message.language == language]
        assert agreement(own, labels["teacher"], labels["mended"]) > 0.99


def test_a_label_is_what_scikit_learn_predicts(messages):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    recipe = RECIPES["student"]
    pipeline = make_pipeline(
        TfidfVectorizer(
            analyzer=recipe.looks_at, ngram_range=recipe.lengths, max_features=recipe.most, sublinear_tf=True
        ),
        LogisticRegression(C=30.0, max_iter=200),
    )
    known = examples(recipe.languages, each=recipe.each, seed=recipe.seed)
    pipeline.fit([message.text for message in known], [message.intent for message in known])
    texts = [message.text for message in messages[:500]] + ["", "日本語"]
    label = train(recipe).label
    assert [label(text) for text in texts] == list(pipeline.predict(texts))


@pytest.mark.parametrize(("module", "package"), [("sklearn", "scikit-learn"), ("openai", "openai")])
def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch, module, package):
    find = importlib.util.find_spec
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda name: None if name == module else find(name))
    with pytest.raises(UsageError, match=rf"needs {package}: pip install 'understudy\[demo\]'"):
        need_demo_packages()
