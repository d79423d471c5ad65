"""A small sentence-transformer from a local folder, run with numpy: a text goes in, a vector of length 1 comes out.

The folder is one that sentence-transformers saves: ``config.json`` (BERT with absolute positions and exact GELU:
MiniLM, BGE, E5, GTE and others of up to some 100 million parameters), ``tokenizer.json`` and ``model.safetensors``, and
where they are there ``sentence_bert_config.json``, ``modules.json`` and ``1_Pooling/config.json``.  Nothing is fetched.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparators.base import ComparatorError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Matrix = NDArray[np.float32]

INSTALL = "pip install 'understudy[semantic]'"
FILES = ("config.json", "tokenizer.json", "model.safetensors")
# Of longer texts this many windows are read, evenly spread from the first to the last.
MOST_WINDOWS = 8
_WHAT_WE_DO = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
_MODULES = frozenset({"Transformer", "Pooling", "Normalize"})
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class Shape:
    """How a folder's model is to be run. Reading it imports nothing heavy, so that a configuration can be checked."""

    def __init__(self, folder: Path) -> None:
        """Raises ComparatorError: an extra is not installed, a file is missing, or it is a model of another kind."""
        lacking = [name for name in ("safetensors", "tokenizers") if importlib.util.find_spec(name) is None]
        if lacking:
            raise ComparatorError(f"a local model needs {' and '.join(lacking)}: {INSTALL}")
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ComparatorError(f"{folder} holds no sentence-transformer: {', '.join(missing)} missing")
        config = _json(folder / "config.json")
        for key, expected in _WHAT_WE_DO.items():
            if config.get(key, expected) != expected:
                raise ComparatorError(f"{folder}/config.json: {key} is {config[key]!r}, only {expected!r} can be run")
        sentences = _json(folder / "sentence_bert_config.json")
        try:
            self.layers, self.heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
            self.epsilon = float(config.get("layer_norm_eps", 1e-12))
            positions = int(config["max_position_embeddings"])
            self.longest = min(int(sentences.get("max_seq_length") or positions), positions)
        except (KeyError, TypeError, ValueError) as error:
            raise ComparatorError(f"{folder}/config.json: a size is missing or no number: {error}") from None
        self.lower_case = bool(sentences.get("do_lower_case"))
        self.pooling = _pooling(folder)


class SentenceModel:
    """The model itself. Texts longer than a window (256 tokens for MiniLM) are cut into windows that do not overlap.

    A text's vector is the mean of its windows' unit vectors, weighted by their tokens, at length 1 again.
    """

    def __init__(self, folder: Path) -> None:
        """Raises ComparatorError like ``Shape``, or where the weights are not what ``config.json`` says."""
        from tokenizers import Tokenizer

        self.shape = Shape(folder)
        self._weights = _weights(folder, self.shape)
        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(self.shape.longest)
        except Exception as error:  # noqa: BLE001 - the library raises no other
            raise ComparatorError(f"{folder}/tokenizer.json cannot be read: {error}") from None

    def vector(self, text: str) -> Matrix:
        """The text as a vector of length 1."""
        import numpy as np

        windows = self.windows(text)
        total: Matrix = np.sum([len(ids) * self._window(ids) for ids in windows], axis=0, dtype=np.float32)
        return _unit(total)

    def windows(self, text: str) -> list[list[int]]:
        """The token ids of each window that is read, with the special tokens that each begins and ends with."""
        text = text.encode("utf-8", "replace").decode()
        whole = self._tokenizer.encode(text.lower() if self.shape.lower_case else text)
        windows = [whole, *whole.overflowing]
        if len(windows) > MOST_WINDOWS:
            last = len(windows) - 1
            windows = [windows[round(place * last / (MOST_WINDOWS - 1))] for place in range(MOST_WINDOWS)]
        return [window.ids for window in windows]

    def _window(self, ids: list[int]) -> Matrix:
        # One window at a time: nothing is padded, so nothing has to be masked, and no text's vector depends on others.
        hidden = self._hidden(ids)
        return _unit(hidden[0] if self.shape.pooling == "cls" else hidden.mean(axis=0))

    def _hidden(self, ids: list[int]) -> Matrix:
        """BERT's encoder (Devlin et al. 2019): one row for each token."""
        at = self._weights
        hidden = (
            at["embeddings.word_embeddings.weight"][ids]
            + at["embeddings.position_embeddings.weight"][: len(ids)]
            + at["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._normed(hidden, "embeddings.LayerNorm")
        for number in range(self.shape.layers):
            layer = f"encoder.layer.{number}"
            hidden = self._normed(
                hidden + self._attention(hidden, f"{layer}.attention"), f"{layer}.attention.output.LayerNorm"
            )
            inner = _gelu(self._dense(hidden, f"{layer}.intermediate.dense"))
            hidden = self._normed(hidden + self._dense(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return hidden

    def _attention(self, hidden: Matrix, name: str) -> Matrix:
        import numpy as np

        tokens, width = hidden.shape
        query, key, value = (
            self._dense(hidden, f"{name}.self.{role}").reshape(tokens, self.shape.heads, -1).swapaxes(0, 1)
            for role in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.float32(math.sqrt(width / self.shape.heads))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        return self._dense(mixed.swapaxes(0, 1).reshape(tokens, width), f"{name}.output.dense")

    def _dense(self, rows: Matrix, name: str) -> Matrix:
        product: Matrix = rows @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return product

    def _normed(self, rows: Matrix, name: str) -> Matrix:
        import numpy as np

        centred = rows - rows.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self.shape.epsilon))
        normed: Matrix = centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed


@functools.lru_cache(maxsize=2)
def model_in(folder: Path, version: str) -> SentenceModel:  # noqa: ARG001 - what the cache goes by
    """The model of a folder, loaded once for the whole process, and again when the folder holds another one.

    Args:
        folder: Where it lies.
        version: Changes with what lies there, such as ``fingerprint``.
    """
    return SentenceModel(folder)


def fingerprint(folder: Path) -> str:
    """A name that changes with the folder's model: other weights or another tokenizer give other similarities."""
    stats = [(folder / name).stat() for name in FILES]
    return _fingerprint(folder, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))


@functools.lru_cache(maxsize=16)
def _fingerprint(folder: Path, files: tuple[tuple[int, int], ...]) -> str:  # noqa: ARG001 - what the cache goes by
    digest = hashlib.blake2b(digest_size=6)
    for name in FILES:
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def _json(path: Path) -> dict[str, Any]:
    """A file's JSON object; an empty one where there is no file."""
    try:
        value = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise ComparatorError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise ComparatorError(f"{path} is no JSON object")
    return value


def _pooling(folder: Path) -> str:
    modules = folder / "modules.json"
    if modules.is_file():
        try:
            types = [str(module["type"]).rpartition(".")[2] for module in json.loads(modules.read_text("utf-8"))]
        except (OSError, ValueError, RecursionError, TypeError, KeyError) as error:
            raise ComparatorError(f"{modules} cannot be read: {type(error).__name__}") from None
        unknown = sorted(set(types) - _MODULES)
        if unknown:
            raise ComparatorError(f"{modules}: {', '.join(unknown)} cannot be run, only {', '.join(sorted(_MODULES))}")
    pooling = _json(folder / "1_Pooling" / "config.json")
    chosen = sorted(key for key, on in pooling.items() if key.startswith("pooling_mode_") and on is True)
    if len(chosen) > 1 or not set(chosen) <= set(_POOLINGS):
        raise ComparatorError(f"{folder}/1_Pooling: {' with '.join(chosen)} cannot be run, only mean or cls")
    return _POOLINGS[chosen[0]] if chosen else "mean"


def _weights(folder: Path, shape: Shape) -> Mapping[str, Matrix]:
    import numpy as np
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / "model.safetensors")
    except Exception as error:  # noqa: BLE001 - the library's own, and others for types that numpy does not have
        raise ComparatorError(f"{folder}/model.safetensors cannot be read: {type(error).__name__}: {error}") from None
    weights = {
        name.removeprefix("bert."): tensor.astype(np.float32, copy=False)
        for name, tensor in tensors.items()
        if np.issubdtype(tensor.dtype, np.floating)
    }
    lacking = [name for name in _names(shape.layers) if name not in weights]
    if lacking:
        raise ComparatorError(
            f"{folder}/model.safetensors lacks {lacking[0]} and {len(lacking) - 1} more of BERT's tensors"
        )
    return weights


def _names(layers: int) -> list[str]:
    """Every tensor that the encoder needs."""
    per_layer = (
        *(f"attention.self.{role}" for role in ("query", "key", "value")),
        *("attention.output.dense", "attention.output.LayerNorm"),
        *("intermediate.dense", "output.dense", "output.LayerNorm"),
    )
    parts = ["embeddings.LayerNorm", *(f"encoder.layer.{n}.{part}" for n in range(layers) for part in per_layer)]
    tables = [f"embeddings.{which}_embeddings.weight" for which in ("word", "position", "token_type")]
    return tables + [f"{part}.{what}" for part in parts for what in ("weight", "bias")]


def _gelu(values: Matrix) -> Matrix:
    """Each value times its normal distribution function, by Abramowitz and Stegun 7.1.26 (within 1.5e-7)."""
    import numpy as np

    distance = np.abs(values) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * distance)
    series = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * np.float32(1.061405429))))
    )
    erf = np.copysign(1 - series * np.exp(-distance * distance), values)
    product: Matrix = np.float32(0.5) * values * (1 + erf)
    return product


def _unit(vector: Matrix) -> Matrix:
    import numpy as np

    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector
