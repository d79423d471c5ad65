"""Words as salted hashes, and what is made of these: sampled words, and a point in a space of fixed dimensions.

Nobody can read a text in them.  Pure; the same for the same salt on every machine.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt

from proxy.store.sketches import FIXED_POINT

FREQUENCIES = 256
_READ = 750  # characters of a text's beginning, and as many of its end
_MOST_GRAMS = 128  # of a text that has more, those of the lowest hashes: the same ones in every text
# A number counts as one word whatever it is; in scripts written without spaces each character is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_NUMBER = re.compile(r"\d+")

Hashes = npt.NDArray[np.uint64]


def excerpt(text: str) -> str:
    """As much of a long text as is read: its beginning and its end."""
    return text if len(text) <= 2 * _READ else f"{text[:_READ]} {text[-_READ:]}"


def without_numbers(text: str) -> str:
    """The text with each number as one 0."""
    return _NUMBER.sub("0", text)


def bin_of(salt: bytes, text: str | bytes, bins: int) -> int:
    """The bin of a name among so many, from 1 on: 0 is left for none."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return 1 + int.from_bytes(hashlib.blake2b(data, key=salt, digest_size=8).digest(), "big") % (bins - 1)


def words(salt: bytes, text: str) -> Hashes:
    """The hashes of a text's words, in their order."""
    found = _WORD.findall(without_numbers(excerpt(text).lower()))
    codes = [crc32(word.encode("utf-8", "surrogatepass")) for word in found]
    return _mixed(np.array(codes, np.uint64) + _seed(salt))


def sampled(hashes: Hashes, most: int, bins: int) -> list[int]:
    """The bins of some distinct words, those of the lowest hashes: of each word it is the same whether it is chosen.

    (Bottom-k sampling: Broder 1997; Cohen and Kaplan 2007.)
    """
    lowest = np.unique(hashes)[:most]
    bins_of_them: list[int] = (lowest % np.uint64(bins)).tolist()
    return bins_of_them


def word_features(hashes: Hashes) -> array[int]:
    """Random Fourier features of a text's words and pairs of neighbouring words: 256 cosines, then 256 sines.

    In units of 1 / FIXED_POINT.  The inner product of two texts' features over 256 is near
    ``exp(-|x - y|^2 / 2)``, where x and y are their counts of words and pairs, of length 1: 1 for the same text, some
    0.37 for two that have nothing in common (Rahimi and Recht 2007).  Frequencies are made of random signs, as in
    SimHash (Charikar 2002), so nothing but hashes is needed to make them, and they have no table.
    """
    pairs = _mixed(hashes[:-1] * np.uint64(3) + hashes[1:])
    grams, times = np.unique(np.concatenate([hashes, pairs]), return_counts=True)
    grams, times = grams[:_MOST_GRAMS], times[:_MOST_GRAMS].astype(np.float32)
    length = float(np.sqrt((times * times).sum())) or 1.0
    signs = np.unpackbits(
        _mixed(grams[:, None] + _steps()).astype("<u8").view(np.uint8).reshape(len(grams), FREQUENCIES // 8), axis=1
    )
    # Without BLAS, whose threads cost more than they save here.
    angles = (2.0 * np.einsum("g,gf->f", times, signs.astype(np.float32)) - times.sum()) / length
    turned = np.concatenate([np.cos(angles), np.sin(angles)])
    return array("h", np.rint(turned * FIXED_POINT).astype("<i2").tobytes())


def _mixed(values: Hashes) -> Hashes:
    """Each bit of the outcome depends on each of a value's (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@lru_cache
def _seed(salt: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(b"words", key=salt, digest_size=8).digest(), "big"))


@lru_cache
def _steps() -> Hashes:
    """Of one hash 256 bits: 64 at each step."""
    return np.arange(1, FREQUENCIES // 64 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
