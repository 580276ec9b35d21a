"""The published code's attribute words: every word piece that NLTK's tagger calls an adjective or a noun."""

from __future__ import annotations

from collections.abc import Sequence

from cada.errors import CadaError

ATTRIBUTE_TAGS = frozenset({"JJ", "NN", "NNS", "NNP", "NNPS"})
TAGGER = "averaged_perceptron_tagger_eng"


def attribute_words(captions: Sequence[Sequence[str]]) -> list[list[bool]]:
    """For each caption's word pieces, without special tokens, whether the tagger calls it an attribute.

    The tag of a piece depends on its neighbours, so a caption comes whole and begins with its first word.
    Errors: `CadaError` when the tagger's data is not installed.
    """
    import nltk  # two seconds, which only the published masking needs to spend

    try:
        tagged = nltk.pos_tag_sents([list(pieces) for pieces in captions])
    except LookupError as error:
        raise CadaError(
            f"ara_masking: words needs NLTK's {TAGGER}, which is not installed. Run `cada data fetch nltk-tagger`, "
            "or choose ara_masking: phrases."
        ) from error
    return [[tag in ATTRIBUTE_TAGS for _, tag in sentence] for sentence in tagged]
