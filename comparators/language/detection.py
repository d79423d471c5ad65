"""Which language a text is in, by py3langid's model: offline."""

from __future__ import annotations

import functools
from typing import Any

# The model knows more; the rare ones are mostly mistakes for their neighbours in short texts.
LANGUAGES = frozenset(
    "af ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn "  # noqa: SIM905
    "ko lo lt lv mk ml mn mr ms my ne nl no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh".split()
)
READ_CHARACTERS = 2_000  # of more text only this much is read: it says enough
_FEWEST_LETTERS = 20
_LEAST_CONFIDENCE = 0.5  # below, another language is about as likely


def language_of(text: str) -> str | None:
    """The language as an ISO 639-1 code; None for fewer than 20 letters, or where the model is not sure."""
    text = text[:READ_CHARACTERS].encode("utf-8", "replace").decode()
    if sum(map(str.isalpha, text)) < _FEWEST_LETTERS:
        return None
    language, confidence = _model().classify(text)
    return str(language) if confidence >= _LEAST_CONFIDENCE else None


@functools.cache
def _model() -> Any:
    """Takes about a second to load, once in a process."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(sorted(LANGUAGES))
    return model
