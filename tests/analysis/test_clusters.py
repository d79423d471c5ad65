"""Clusters of prompts: put together by their words, and named by no word that few have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.clusters import NAMING_TEXTS, NO_CLUSTER, READ_CHARACTERS, cluster

TOPICS = {
    "flights": ["book", "flight", "airport", "boarding", "gate", "luggage", "airline", "window", "seat"],
    "recipes": ["recipe", "oven", "flour", "butter", "sugar", "bake", "cook", "dinner", "spoon"],
    "banking": ["transfer", "account", "balance", "savings", "deposit", "credit", "loan", "interest", "bank"],
    "weather": ["rain", "sunny", "forecast", "tomorrow", "umbrella", "wind", "storm", "snow", "cold"],
}


def prompts(of_each=150, seed=1):
    random = np.random.default_rng(seed)
    texts, topics = [], []
    for topic, words in TOPICS.items():
        for _ in range(of_each):
            chosen = random.choice(words, 5, replace=False)
            texts.append(f"please can you {' '.join(chosen)} for me")
            topics.append(topic)
    return texts, np.array(topics)


def test_prompts_of_one_topic_come_together():
    texts, topics = prompts()
    found = cluster(texts, seed=1)

    finer = found.of(texts)[:, 0]
    purity = sum(np.unique(topics[finer == each], return_counts=True)[1].max() for each in set(finer)) / len(texts)
    assert len(set(finer)) == 10
    assert purity > 0.95


def test_a_wider_cluster_is_made_of_whole_finer_ones():
    texts, _ = prompts()
    found = cluster(texts, seed=1)

    both = found.of(texts)
    assert {tuple(row) for row in both.tolist()} == {(number, found.wider[number]) for number in set(both[:, 0])}
    assert set(both[:, 1]) == {10, 11}
    assert len(found.terms) == 12


def test_new_prompts_are_put_to_those_that_they_share_words_with():
    texts, topics = prompts()
    found = cluster(texts, seed=1)
    new, new_topics = prompts(20, seed=2)

    topic_of = {number: topics[found.of(texts)[:, 0] == number][0] for number in range(10)}
    told = np.array([topic_of[number] for number in found.of(new)[:, 0]])
    assert (told == new_topics).mean() > 0.95


def test_the_same_texts_and_seed_give_the_same_clusters():
    texts, _ = prompts()

    first, second = cluster(texts, seed=3), cluster(texts, seed=3)
    assert (first.centres == second.centres).all()
    assert first.terms == second.terms


def test_names_are_the_words_of_the_topic():
    texts, topics = prompts()
    found = cluster(texts, seed=1)

    for number in range(10):
        topic = topics[found.of(texts)[:, 0] == number][0]
        words = " ".join(found.terms[number]).split()
        assert 0 < len(words) <= 3
        assert set(words) <= {*TOPICS[topic], "please", "can", "you", "for", "me"}
        assert set(words) & set(TOPICS[topic])


@pytest.mark.parametrize("having", [NAMING_TEXTS - 1, 150])
def test_a_word_that_few_prompts_have_names_nothing(having):
    texts, _ = prompts()
    told = [f"{text} zebedee" if number < having else text for number, text in enumerate(texts)]

    named = " ".join(term for terms in cluster(told, seed=1).terms for term in terms)
    assert ("zebedee" in named) == (having > NAMING_TEXTS)


def test_numbers_and_what_is_no_word_name_nothing():
    texts, _ = prompts()
    told = [f"{text} 4711 {'x' * 30}" for text in texts]

    assert not any(character in "4711x" for terms in cluster(told, seed=1).terms for character in "".join(terms))


def test_of_a_long_prompt_its_beginning_and_its_end_are_read():
    texts, _ = prompts()
    found = cluster(texts, seed=1)
    words, filler = "oven flour butter sugar bake", "lorem ipsum " * READ_CHARACTERS

    told = found.of([words, words + filler, filler + words, filler + words + filler])[:, 0]
    assert told[0] == told[1] == told[2]
    assert told[3] == NO_CLUSTER


def test_scripts_without_spaces_have_words_too():
    random = np.random.default_rng(1)
    topics = ["航班机场登机行李座位", "食谱烤箱面粉黄油白糖"]
    texts = ["".join(random.permutation(list(topic))) for topic in topics for _ in range(150)]

    finer = cluster(texts, seed=1).of(texts)[:, 0]
    assert not set(finer[:150]) & set(finer[150:])


@given(st.lists(st.text(max_size=30), max_size=8), st.integers(0, 150))
def test_any_texts_have_clusters_or_none(texts, times):
    told = texts + texts[:1] * times
    found = cluster(told, seed=0)

    memberships = found.of([*told, "", "\ud800"])
    assert memberships.shape == (len(told) + 2, 2)
    assert (memberships < len(found.terms)).all() or not found.terms
    assert memberships[-2].tolist() == [NO_CLUSTER, NO_CLUSTER]
