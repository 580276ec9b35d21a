"""Changes of captions: hand-made cases, what each change may and may not touch, and that nothing depends on the order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import product

import pytest

from cada.analysis.probes.captions import ProbedCaption
from cada.analysis.probes.synonyms import COMMON, grammar_groups
from cada.analysis.probes.text import drop_phrases, misspellings, mistype, negate, replace_synonyms, swap_colours, text_changes
from cada.synthpedes.randomness import Stream
from tests.analysis.probes.cases import caption, drawn_captions

DRAWN = drawn_captions()
CHANGES = text_changes(typing_errors=0.1, synonyms=1.0, dropped_phrases=0.3, groups=grammar_groups())


def outcomes(change: Callable[[ProbedCaption, Stream], str], marked: str, draws: int = 200) -> set[str]:
    """Everything that a change makes of a caption."""
    return {change(caption(marked), Stream(draw)) for draw in range(draws)}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_depends_on_its_own_stream_alone(kind: str) -> None:
    def changed(captions: list[ProbedCaption]) -> dict[str, str]:
        return {item.image: CHANGES[kind](item, Stream(0, kind, item.image, item.number)) for item in captions}

    assert changed(DRAWN) == changed(DRAWN[::-1])
    assert changed(DRAWN) | changed(DRAWN[5:9]) == changed(DRAWN)
    assert len(set(changed(DRAWN).values()) - {item.text for item in DRAWN}) > 40


@pytest.mark.parametrize("kind", CHANGES)
def test_a_caption_without_anything_to_change_stays(kind: str) -> None:
    assert CHANGES[kind](ProbedCaption("a", 0, "a x in it", ()), Stream(0)) == "a x in it"
    assert CHANGES[kind](ProbedCaption("a", 0, "", ()), Stream(0)) == ""


# --- typing errors ----------------------------------------------------------------------------------------------------


def test_misspellings_of_a_short_word() -> None:
    assert misspellings("shoe") == {
        "transposed": ["sohe", "sheo"],
        "omitted": ["soe", "she", "sho"],
        "doubled": ["shhoe", "shooe", "shoee"],
        "neighbour": ["sgoe", "sjoe", "shie", "shpe", "show", "shor"],
    }
    assert "weed" not in misspellings("weed")["transposed"]


def test_one_error_in_a_share_of_the_long_words() -> None:
    """Each word changed is one of the misspellings of the word that stood there."""
    for item, share in product(DRAWN, (0.0, 0.1, 0.5, 1.0)):
        words, changed = item.text.split(" "), mistype(item, Stream(1, item.image), share=share).split(" ")
        assert len(words) == len(changed)
        pieces = [
            (old, new)
            for before, after in zip(words, changed, strict=True)
            for old, new in zip(re.split(r"[-,]", before), re.split(r"[-,]", after), strict=True)
        ]
        long = [old for old, _ in pieces if len(old) >= 4]
        wrong = [(old, new) for old, new in pieces if old != new]
        assert len(wrong) == max(1, int(share * len(long) + 0.5))
        for old, new in wrong:
            assert len(old) >= 4
            assert old[0] == new[0]
            assert any(new in found for found in misspellings(old).values())


def test_words_with_marks_of_their_own_are_words() -> None:
    for text in outcomes(partial(mistype, share=1.0), "café t-shirt 12345 abc"):
        assert text != "café t-shirt 12345 abc"
        assert text.startswith("café t-s")
        assert text.endswith(" 12345 abc")


# --- synonyms ---------------------------------------------------------------------------------------------------------


def test_the_longest_wording_is_replaced_and_articles_agree() -> None:
    change = partial(replace_synonyms, share=1.0, groups=COMMON)
    assert outcomes(change, "a person in denim pants") == {"a pedestrian in jeans", "an individual in jeans"}
    assert outcomes(change, "an individual with spectacles") == {
        f"a {person} with {word}" for person in ("person", "pedestrian") for word in ("glasses", "eyeglasses")
    }
    assert outcomes(change, "a tee-like thing, womanly") == {"a tee-like thing, womanly"}


def test_a_share_of_the_words_is_replaced() -> None:
    groups = (("one", "1"), ("two", "2"), ("three", "3"), ("four", "4"))
    for share, expected in ((0.0, 1), (0.25, 1), (0.5, 2), (1.0, 4)):
        text = replace_synonyms(caption("one two three four"), Stream(2), share=share, groups=groups)
        assert sum(word.isdigit() for word in text.split()) == expected


def test_synonyms_of_synonyms_lead_back() -> None:
    """Each word of a group is replaced by another one of the same group, and nothing else is touched."""
    number = {word: f"<{place}>" for place, group in enumerate(grammar_groups()) for word in group}
    longest = re.compile("|".join(rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word in sorted(number, key=len, reverse=True)))

    def meaning(text: str) -> str:
        return re.sub(r"\ban\b", "a", longest.sub(lambda match: number[match[0]], text))

    for item in DRAWN:
        changed = replace_synonyms(item, Stream(item.image), share=1.0, groups=grammar_groups())
        assert changed != item.text
        assert meaning(changed) == meaning(item.text)


# --- dropped phrases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("a man wears a [red hat] and a [blue shirt]", {"a man wears a blue shirt", "a man wears a red hat"}),
        ("wearing a [hat], a [shirt], and a pair of [jeans]", {
            "wearing a shirt, and a pair of jeans", "wearing a hat, and a pair of jeans", "wearing a hat, a shirt",
        }),
        ("a woman with [long hair] wears [jeans]", {"a woman wears jeans", "a woman with long hair wears"}),
        ("with a [bag] and [shoes] he walks", {"with shoes he walks", "with a bag he walks"}),
        ("a [hat]", {"a hat"}),
    ],
)  # fmt: skip
def test_a_phrase_goes_with_its_article_and_its_joint(marked: str, expected: set[str]) -> None:
    assert outcomes(partial(drop_phrases, share=0.3), marked) == expected


def test_what_is_kept_stands_whole_and_one_phrase_is_always_kept() -> None:
    for item, share in product(DRAWN, (0.0, 0.3, 1.0)):
        count = len(item.phrases)
        wanted = min(count - 1, max(1, int(share * count + 0.5)))
        changed = drop_phrases(item, Stream(item.image), share=share)
        before = Counter(item.text[phrase.start : phrase.end] for phrase in item.phrases)
        kept = sum(min(number, len(re.findall(rf"\b{re.escape(text)}\b", changed))) for text, number in before.items())
        assert kept >= count - wanted
        words = [Counter(text.replace(",", " ").split()) for text in (changed, item.text)]
        assert words[0] < words[1] if count > 1 else words[0] == words[1]


def test_a_space_before_a_comma_cuts_no_word() -> None:
    """Public captions have such spaces; dropping several phrases must not lose count of them."""
    marked = "the man , who is tall , wears a [red shirt] , [blue jeans] , [white shoes] , a [green hat] and a [black backpack]"
    found = outcomes(partial(drop_phrases, share=0.6), marked)
    assert len(found) == 10, "three of five"
    assert all(text.startswith("the man, who is tall, wears a ") for text in found if "red shirt" in text)
    words = set(re.findall(r"\w+", marked))
    assert all(set(re.findall(r"\w+", text)) < words for text in found)


# --- swapped colours --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("a [red shirt] and [dark blue jeans]", {"a dark blue shirt and red jeans"}),
        ("a [red shirt] and an [orange bag]", {"an orange shirt and a red bag"}),
        ("a [red and white shirt], [blue jeans]", {"a blue and white shirt, red jeans", "a red and blue shirt, white jeans"}),
        ("a [red shirt] and [red jeans]", {"a red shirt and red jeans"}),
        ("[gray shirt], [grey jeans]", {"gray shirt, grey jeans"}),
        ("[black hair] and a [red shirt]", {"black hair and a red shirt"}),
        ("a [white man] in a [black shirt]", {"a white man in a black shirt"}),
        ("a [light blue shirt], [dark blue jeans]", {"a dark blue shirt, light blue jeans"}),
        ("a [black/white shirt] and a [navy blue hat]", {"a navy blue shirt and a black/white hat"}),
        ("a red shirt and [blue jeans]", {"a red shirt and blue jeans"}),
    ],
)
def test_the_colours_of_two_things_are_exchanged(marked: str, expected: set[str]) -> None:
    assert outcomes(swap_colours, marked) == expected


def test_a_swap_keeps_the_bag_of_words() -> None:
    changed = 0
    for item in DRAWN:
        text = swap_colours(item, Stream(item.image))
        words = [Counter("a" if word == "an" else word for word in re.findall(r"[\w-]+", one)) for one in (text, item.text)]
        assert words[0] == words[1]
        changed += text != item.text
    assert changed > 40


# --- negation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("a man with a [backpack]", "a man without a backpack"),
        ("wearing a [red hat]", "wearing no red hat"),
        ("in a pair of [black shoes]", "in no pair of black shoes"),
        ("with a pair of [black shoes]", "without a pair of black shoes"),
        ("carries his [bag]", "carries no bag"),
        ("herewith [shoes]", "herewith no shoes"),
        ("[jeans]", "no jeans"),
        ("a [slim man]", "a slim man"),
        ("-[hat]", "-no hat"),
    ],
)
def test_one_thing_is_negated(marked: str, expected: str) -> None:
    assert outcomes(negate, marked, draws=20) == {expected}


def test_any_thing_may_be_the_one() -> None:
    expected = {"a slim man with a hat and no shoes", "a slim man without a hat and shoes"}
    assert outcomes(negate, "a [slim man] with a [hat] and [shoes]") == expected
