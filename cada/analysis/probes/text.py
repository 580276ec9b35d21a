"""Changes of captions, one function for each kind. Each draws from its own random stream; what it cannot change it returns as it is.

The first three keep the meaning or a part of it: a good model loses little. Swapped colours and negation make the caption false with the
same words: a good model notices.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from cada.analysis.probes.captions import CaptionPhrase, ProbedCaption, rewrite
from cada.analysis.probes.synonyms import Groups
from cada.phrases.masking import Span
from cada.phrases.tagging import tag
from cada.phrases.tokens import tokenise
from cada.synthpedes.randomness import Stream

TextChange = Callable[[ProbedCaption, Stream], str]

_LONG_WORD = re.compile(r"(?<![^\W\d_])[a-z]{4,}(?![^\W\d_])")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_HAIR = frozenset(("afro", "bangs", "beard", "braid", "braids", "bun", "dreadlocks", "goatee", "hair", "haircut", "mustache", "ponytail"))
_SHADES = frozenset(("bright", "dark", "deep", "light", "medium", "neon", "pale"))
_SAME_COLOUR = {"grey": "gray", "violet": "purple", "blond": "blonde"}
# What may be between a verb or a joint and a phrase.
_BEFORE_PHRASE = re.compile(
    r"""
    (?:(?<![\w-])(?P<with>with\ ))?
    (?:(?<![\w-])(?P<determiner>(?:an?|the|this|his|her|their|its|some)\ ))?
    (?:(?<![\w-])(?P<measure>(?:pairs?|sets?)\ of\ ))?$
    """,
    re.VERBOSE,
)
_JOINT = r"(?:\s*,\s*and\b|\s*,|\s+and\b|\s*&)\s*"
_JOINT_BEFORE, _JOINT_BEHIND = re.compile(rf"{_JOINT}$"), re.compile(rf"^{_JOINT}")
_PREPOSITION_BEFORE = re.compile(r"(?<![\w-])(?:with|in)\s*$")


def text_changes(*, typing_errors: float, synonyms: float, dropped_phrases: float, groups: Groups) -> dict[str, TextChange]:
    """Kind to change; the numbers are shares of what can be changed."""
    return {
        "typing_errors": functools.partial(mistype, share=typing_errors),
        "synonyms": functools.partial(replace_synonyms, share=synonyms, groups=groups),
        "dropped_phrases": functools.partial(drop_phrases, share=dropped_phrases),
        "swapped_colours": swap_colours,
        "negation": negate,
    }


def mistype(caption: ProbedCaption, random: Stream, *, share: float) -> str:
    """One typing error in `share` of the words with four letters or more; first letters stay."""
    words = list(_LONG_WORD.finditer(caption.text))
    changes = []
    for place in _chosen(len(words), share, random):
        errors = [found for found in misspellings(words[place][0]).values() if found]
        changes.append((words[place].span(), random.choice(random.choice(errors))))
    return rewrite(caption.text, changes)


def misspellings(word: str) -> Mapping[str, Sequence[str]]:
    """What one typing error makes of a word in lower case: two letters swapped, one left out, doubled, or its neighbour's key hit."""
    places = range(1, len(word))
    transposed = [word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :] for i in places[1:] if word[i] != word[i - 1]]
    neighbours = [word[:i] + key + word[i + 1 :] for i in places for key in _neighbours(word[i])]
    return {
        "transposed": transposed,
        "omitted": [word[:i] + word[i + 1 :] for i in places],
        "doubled": [word[:i] + word[i] + word[i:] for i in places],
        "neighbour": neighbours,
    }


def _neighbours(letter: str) -> str:
    """The letters beside one on the same row of an American keyboard."""
    row = next(keys for keys in _KEYS if letter in keys)
    place = row.index(letter)
    return row[max(place - 1, 0) : place] + row[place + 1 : place + 2]


def replace_synonyms(caption: ProbedCaption, random: Stream, *, share: float, groups: Groups) -> str:
    """Another wording for `share` of the words that are in one of the `groups`; of overlapping wordings the longest counts."""
    others = _others(groups)
    found = list(_wordings(groups).finditer(caption.text))
    changes = [(found[place].span(), random.choice(others[found[place][0]])) for place in _chosen(len(found), share, random)]
    return rewrite(caption.text, changes)


@functools.cache
def _others(groups: Groups) -> dict[str, tuple[str, ...]]:
    return {word: tuple(other for other in group if other != word) for group in groups for word in group}


@functools.cache
def _wordings(groups: Groups) -> re.Pattern[str]:
    longest_first = sorted((word for group in groups for word in group), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")


def drop_phrases(caption: ProbedCaption, random: Stream, *, share: float) -> str:
    """Leave out `share` of the phrases, one at least, with their articles and the comma or "and" that joined them; one phrase stays.

    What is left need not be a sentence ("a man wearing and black shoes" has lost its verb's object).
    """
    text, phrases = caption.text, caption.phrases
    for place in reversed(_chosen(len(phrases), share, random)[: len(phrases) - 1]):
        phrase = phrases[place]
        match = _before(text, phrase)
        before, behind = text[: match.start()] + (match["with"] or ""), text[phrase.end :]
        shorter = _JOINT_BEFORE.sub("", before)
        if shorter == before and place + 1 < len(phrases) and _joined(caption.text, phrase, phrases[place + 1]):
            behind = _JOINT_BEHIND.sub(" ", behind)
        if shorter == before and behind == text[phrase.end :]:
            shorter = _PREPOSITION_BEFORE.sub("", before)
        text = f"{shorter} {behind}"  # what is before keeps its place, for the phrases there
    return " ".join(text.split()).replace(" ,", ",")


def _before(text: str, phrase: CaptionPhrase) -> re.Match[str]:
    """The "with", determiner and "pair of" before a phrase."""
    match = _BEFORE_PHRASE.search(text[: phrase.start])
    assert match, "every part of the expression may be missing"
    return match


def _joined(text: str, phrase: CaptionPhrase, following: CaptionPhrase) -> bool:
    """Whether nothing but a comma or "and" is between two phrases."""
    return bool(_JOINT_BEHIND.fullmatch(text[phrase.end : _before(text, following).start()]))


def swap_colours(caption: ProbedCaption, random: Stream) -> str:
    """Exchange the colours of two things: "red shirt and dark blue jeans" becomes "dark blue shirt and red jeans".

    The words stay the same; which belongs to which does not. Hair, skin and persons are left out: their colours are of other kinds.
    """
    things = [phrase for phrase in caption.phrases if phrase.head not in _HAIR and _kind(phrase) not in ("p", "b")]
    colours = [found for phrase in things for found in _colours(caption.text, phrase)]
    pairs = [(one, two) for one, two in combinations(colours, 2) if one[0] != two[0] and one[2] != two[2]]
    if not pairs:
        return caption.text
    (_, first, _), (_, second, _) = random.choice(pairs)
    return rewrite(caption.text, [(first, caption.text[slice(*second)]), (second, caption.text[slice(*first)])])


def _colours(text: str, phrase: CaptionPhrase) -> list[tuple[CaptionPhrase, Span, str]]:
    """The phrase's colours with their shades, such as "dark blue": whose they are, where they are, and which."""
    tokens = tokenise(text[phrase.start : phrase.end])
    kinds = "".join("s" if token.text in _SHADES else kind for token, kind in zip(tokens, tag(tokens), strict=True))
    found = []
    for match in re.finditer("s*c+", kinds):
        span = (phrase.start + tokens[match.start()].start, phrase.start + tokens[match.end() - 1].end)
        words = text[slice(*span)].split(" ")
        found.append((phrase, span, " ".join(_SAME_COLOUR.get(word, word) for word in words)))
    return found


def negate(caption: ProbedCaption, random: Stream) -> str:
    """Say that one thing is not there: "with a backpack" becomes "without a backpack", "wears a hat" "wears no hat".

    Phrases about the person as such ("slim man") are left alone.
    """
    things = [phrase for phrase in caption.phrases if _kind(phrase) != "p"]
    if not things:
        return caption.text
    phrase = random.choice(things)
    match = _before(caption.text, phrase)
    no = f"without {match['determiner'] or ''}" if match["with"] else "no "
    return f"{caption.text[: match.start()]}{no}{match['measure'] or ''}{caption.text[phrase.start :]}"


def _kind(phrase: CaptionPhrase) -> str:
    """The lexicon's class of the phrase's head: n for a thing, p for a person, b for a part of the body."""
    return tag(tokenise(phrase.head))


def _chosen(count: int, share: float, random: Stream) -> list[int]:
    """`share` of `count` places, rounded to the nearest but one at least, in order; none of none."""
    wanted = min(count, max(1, int(share * count + 0.5)))
    return sorted(random.shuffled(range(count))[:wanted])
