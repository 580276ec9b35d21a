"""The grammar: true, consistent, and with exact gold phrases."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import mean

import pytest

from cada.datasets.text import MAX_WORDS, normalise_caption
from cada.synthpedes.attributes import Attributes, families
from cada.synthpedes.captions import DrawnCaption, write_caption
from cada.synthpedes.randomness import Stream
from cada.synthpedes.words import grammar_words, vocabulary

VOCABULARY = Path("params/synthpedes/vocab.txt")
HIDDEN = (frozenset[str](), frozenset({"glasses", "pattern", "shoes"}), frozenset({"hair"}))


def written() -> list[tuple[Attributes, frozenset[str], DrawnCaption]]:
    found = []
    for number, person in enumerate(families(17, "test", 600)):
        for turn, view in enumerate(("front", "back", "side", "front", "back")):
            hidden = HIDDEN[turn % 3]
            found.append((person.attributes, hidden, write_caption(person.attributes, view, hidden, Stream(17, number, turn))))
    return found


CAPTIONS = written()


def test_length() -> None:
    lengths = sorted(len(normalise_caption(caption.text, 1000).split()) for _, _, caption in CAPTIONS)
    assert 22 < mean(lengths) < 26
    assert lengths[len(lengths) // 20] >= 11
    assert lengths[len(lengths) * 19 // 20] <= 38
    assert lengths[-1] <= MAX_WORDS


def test_facts_are_true_and_visible() -> None:
    for person, hidden, caption in CAPTIONS:
        assert caption.facts, caption.text
        for slot, value in caption.facts.items():
            assert getattr(person, slot) == value, caption.text
            assert slot.removesuffix("_colour") not in hidden, caption.text


def test_every_colour_word_is_a_fact() -> None:
    """Nothing is mentioned that is not recorded."""
    synonyms = {"grey": "gray", "violet": "purple"}
    colour = re.compile(r"\b(black|white|gray|grey|red|orange|yellow|green|blue|purple|violet|pink|brown|blonde)\b")
    for _, _, caption in CAPTIONS:
        mentioned = sorted(synonyms.get(word, word) for word in colour.findall(caption.text.lower()))
        assert mentioned == sorted(value for slot, value in caption.facts.items() if slot.endswith("_colour")), caption.text


def test_phrases_are_exact_words_of_the_normalised_caption() -> None:
    for _, _, caption in CAPTIONS:
        text = normalise_caption(caption.text)
        last = 0
        for phrase in caption.phrases:
            assert last <= phrase.start < phrase.end
            last = phrase.end
            found = text[phrase.start : phrase.end]
            assert text[phrase.start - 1 : phrase.start] in ("", " ")
            assert text[phrase.end : phrase.end + 1] in ("", " ", ",")
            *modifiers, head = found.split(" ")
            assert (head, tuple(word for word in modifiers if word != "and")) == (phrase.head, phrase.modifiers)
            assert modifiers[:1] not in (["a"], ["an"], ["the"], ["pair"])
            assert not set(modifiers) & {"his", "her", "their", "of", "with", "in"}


def test_garments_are_never_outside_a_phrase() -> None:
    garments = r"\b(t-shirt|shirt|sweater|hoodie|jacket|coat|jeans|pants|shorts|skirt|sneakers|boots|backpack|handbag|umbrella|cap)\b"
    for _, _, caption in CAPTIONS:
        text = normalise_caption(caption.text)
        for match in re.finditer(garments, text):
            inside = [phrase for phrase in caption.phrases if phrase.start <= match.start() and match.end() <= phrase.end]
            assert len(inside) == 1, (text, match)


@pytest.mark.parametrize("word", ["left", "right"])
def test_mirror_images_keep_their_captions(word: str) -> None:
    assert word not in grammar_words()


def test_person_nouns_and_pronouns_agree() -> None:
    male, female = {"man", "guy", "male", "gentleman", "he", "his"}, {"woman", "lady", "female", "girl", "she", "her"}
    kinds = set()
    for person, _, caption in CAPTIONS:
        words = set(re.findall(r"[a-z]+", caption.text.lower()))
        mentioned = ("man" if words & male else "") + ("woman" if words & female else "")
        assert mentioned == caption.facts.get("sex", ""), caption.text
        assert mentioned in ("", person.sex)
        assert not (mentioned and words & {"they", "their"}), caption.text
        kinds.add(mentioned)
    assert kinds == {"", "man", "woman"}


def test_articles() -> None:
    for _, _, caption in CAPTIONS:
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", caption.text.lower()), caption.text


def test_same_stream_same_caption() -> None:
    person = CAPTIONS[0][0]
    assert write_caption(person, "front", frozenset(), Stream("x")) == write_caption(person, "front", frozenset(), Stream("x"))


def test_committed_vocabulary_is_the_grammars() -> None:
    tokens = VOCABULARY.read_text(encoding="utf-8").split("\n")
    assert tokens == [*vocabulary(), ""]
    assert tokens[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert len(tokens) - 1 == len(set(tokens[:-1])) <= 400


def test_vocabulary_knows_every_word_and_holds_none_in_vain() -> None:
    used = {piece for _, _, caption in CAPTIONS for piece in re.findall(r"[a-z]+|[^\sa-z]", normalise_caption(caption.text))}
    assert used <= set(vocabulary())
    assert len(used) >= 115
    assert {word for word in grammar_words() if len(word) > 1} - used == set()
