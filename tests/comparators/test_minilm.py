"""The forward pass of a sentence-transformer, held to similarities that sentence-transformers' own pages publish."""

import importlib.util
import json
import math
import re

import numpy as np
import pytest

from comparators.base import ComparatorError
from comparators.minilm import MOST_WINDOWS, SentenceModel, Shape, _gelu, fingerprint, model_in
from tests.fakes.sentence_models import real_model, tiny_model


@pytest.fixture(scope="module")
def minilm():
    return model_in(real_model(), "")


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny(tiny_folder):
    return SentenceModel(tiny_folder)


def similarities(model, left, right):
    return np.array([[float(model.vector(one) @ model.vector(other)) for other in right] for one in left])


def test_similarities_are_those_of_sentence_transformers_quickstart(minilm):
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]

    assert similarities(minilm, texts, texts) == pytest.approx(
        np.array([[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]), abs=6e-5
    )


def test_similarities_are_those_of_sentence_transformers_page_on_textual_similarity(minilm):
    left = ["The new movie is awesome", "The cat sits outside", "A man is playing guitar"]
    right = ["The dog plays in the garden", "The new movie is so great", "A woman watches TV"]

    assert similarities(minilm, left, right) == pytest.approx(
        np.array([[0.0543, 0.8939, -0.0502], [0.2838, -0.0029, 0.1310], [0.2277, -0.0136, -0.0327]]), abs=6e-5
    )


def test_the_real_model_reads_windows_of_its_own_length_not_the_tokenizers(minilm):
    [short, *more] = minilm.windows("money " * 200)

    assert (len(short), more) == (202, [])
    assert [len(window) for window in minilm.windows("money " * 600)] == [256, 256, 94]


def test_long_texts_with_the_same_content_stay_near_and_others_far(minilm):
    weather = "It rained all night and the river is high. The forecast says more rain is coming from the west. " * 40
    reworded = "All night there was rain, and the river stands high. More rain from the west is forecast. " * 40
    finance = "The quarterly report shows higher revenue. Shareholders approved the dividend at the meeting. " * 40

    [[near, far]] = similarities(minilm, [weather], [reworded, finance])

    assert len(minilm.windows(weather)) > 1
    assert near > 0.8
    assert far < 0.3


def test_vectors_have_length_one_and_come_out_the_same_every_time(tiny):
    for text in ["", "the cat sat", "the cat sat on the mat " * 20, "\ud800 \x00 日本語"]:
        assert np.linalg.norm(tiny.vector(text)) == pytest.approx(1, abs=1e-6)
        assert (tiny.vector(text) == tiny.vector(text)).all()


def test_a_text_is_cut_into_windows_with_their_own_special_tokens_and_pooled_by_their_length(tiny):
    cls, sep, longest = 2, 3, 16
    text = "the cat sat on the mat is late not yes no a b c the cat"

    first, second = tiny.windows(text)

    assert len(first) == longest
    assert (first[0], first[-1], second[0], second[-1]) == (cls, sep, cls, sep)
    mean = len(first) * tiny._window(first) + len(second) * tiny._window(second)
    assert tiny.vector(text) == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_of_very_long_texts_windows_are_read_from_the_first_to_the_last(tiny):
    windows = tiny.windows("the " * 14 + "cat " * 14 * 500 + "mat " * 14)

    the, cat, mat = 4, 5, 8
    assert len(windows) == MOST_WINDOWS
    assert [window[1] for window in windows] == [the, *[cat] * (MOST_WINDOWS - 2), mat]


def test_attention_sees_the_order_of_words(tiny):
    assert not np.allclose(tiny.vector("the cat sat"), tiny.vector("sat the cat"), atol=1e-3)


def test_gelu_is_the_exact_one():
    values = np.linspace(-8, 8, 4001, dtype=np.float32)

    exact = [0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in map(float, values)]

    assert _gelu(values) == pytest.approx(np.array(exact), abs=2e-6)


def test_half_precision_and_prefixed_weights_are_read(tmp_path, tiny):
    half = SentenceModel(tiny_model(tmp_path / "half", half=True))
    prefixed = SentenceModel(tiny_model(tmp_path / "prefixed", prefix="bert."))

    assert half.vector("the cat sat") == pytest.approx(tiny.vector("the cat sat"), abs=0.02)
    assert (prefixed.vector("the cat sat") == tiny.vector("the cat sat")).all()


def test_pooling_by_the_first_token_is_done_where_the_folder_says_so(tmp_path, tiny):
    folder = tiny_model(tmp_path)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')

    cls = SentenceModel(folder)

    [ids] = tiny.windows("the cat sat")
    first = tiny._hidden(ids)[0]
    assert cls.vector("the cat sat") == pytest.approx(first / np.linalg.norm(first), abs=1e-6)


def test_a_model_is_loaded_once_for_the_process(tiny_folder):
    assert model_in(tiny_folder, "1") is model_in(tiny_folder, "1")
    assert model_in(tiny_folder, "1") is not model_in(tiny_folder, "2")


def test_the_fingerprint_changes_with_the_weights_alone(tmp_path):
    one, same, other = (
        tiny_model(tmp_path / name, seed=seed) for name, seed in [("one", 0), ("same", 0), ("other", 1)]
    )

    assert fingerprint(one) == fingerprint(same) != fingerprint(other)
    tiny_model(one, seed=1)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no JSON object"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "num_hidden_layers"),
        (lambda folder: tiny_model(folder, model_type="mpnet"), "model_type is 'mpnet', only 'bert' can be run"),
        (lambda folder: tiny_model(folder, hidden_act="relu"), "hidden_act is 'relu'"),
        (lambda folder: tiny_model(folder, position_embedding_type="relative_key"), "position_embedding_type"),
        (
            lambda folder: (folder / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.Dense"}])),
            "Dense cannot be run",
        ),
        (lambda folder: (folder / "modules.json").write_text("[3]"), "modules.json cannot be read"),
        (
            lambda folder: [
                (folder / "1_Pooling").mkdir(),
                (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}'),
            ],
            "pooling_mode_max_tokens cannot be run",
        ),
    ],
)
def test_a_folder_that_cannot_be_run_is_said_before_anything_is_loaded(tmp_path, damage, says):
    damage(tiny_model(tmp_path))

    with pytest.raises(ComparatorError, match=re.escape(says)) as raised:
        Shape(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json cannot be read"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 20), "model.safetensors cannot be read"),
        (lambda folder: tiny_model(folder, num_hidden_layers=3), "lacks encoder.layer.2"),
    ],
)
def test_files_that_do_not_hold_the_model_are_said_on_loading(tmp_path, damage, says):
    damage(tiny_model(tmp_path))

    with pytest.raises(ComparatorError, match=re.escape(says)):
        SentenceModel(tmp_path)


def test_a_missing_extra_is_said_with_the_command_that_installs_it(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tokenizers" else find(name))

    with pytest.raises(ComparatorError, match=re.escape("needs tokenizers: pip install 'understudy[semantic]'")):
        Shape(tiny_model(tmp_path))
