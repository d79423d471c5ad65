"""Which language a text is in, by py3langid's model: offline, and never a guess by script alone."""

from __future__ import annotations

import functools
from typing import Any

UNDETERMINED = "und"
# Of more text only this much is read: it says enough.
READ_CHARACTERS = 2_000
FEWEST_LETTERS = 20
# Below this share of probability another language is about as likely.
LEAST_CONFIDENCE = 0.5
# The model knows 140 languages; the rare ones are mostly mistakes for their neighbours in short texts.
LANGUAGES = (
    "af ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn "
    "ko lo lt lv mk ml mn mr ms my ne nl no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh"
)


class LanguageIdentifier:
    """Tells a text's language as an ISO 639-1 code.  The model is loaded, in about a second, when first asked."""

    def __call__(self, text: str) -> str:
        """The language, or ``und``: fewer than 20 letters, no language, or none likely enough."""
        text = text[:READ_CHARACTERS].encode("utf-8", "replace").decode()
        if sum(map(str.isalpha, text)) < FEWEST_LETTERS:
            return UNDETERMINED
        language, confidence = self._model.classify(text)
        return str(language) if confidence >= LEAST_CONFIDENCE else UNDETERMINED

    @functools.cached_property
    def _model(self) -> Any:
        from py3langid.langid import MODEL_FILE
        from py3langid.langid import LanguageIdentifier as Model

        model = Model.from_model_file(MODEL_FILE, norm_probs=True)
        model.set_languages(LANGUAGES.split())
        return model


@functools.cache
def shared_identifier() -> LanguageIdentifier:
    """The one of this process: it holds nothing but the model, which never changes."""
    return LanguageIdentifier()
