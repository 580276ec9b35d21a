"""The grammar: a sentence or a few about a drawn person, with the gold attribute phrases and the facts they state.

What counts as a phrase: modifiers and head noun of something seen on the person ("gray hooded jacket"), bare garments too ("hat").
Outside: determiners, possessives, "pair of", places ("on the front") and predicative adjectives ("the shirt is red").
A person noun is a phrase only with a modifier ("slim man").
"""

from __future__ import annotations

from typing import NamedTuple

from cada.synthpedes.attributes import Attributes
from cada.synthpedes.nouns import Describer, Fragment, article, is_plural
from cada.synthpedes.randomness import Stream
from cada.synthpedes.words import words

# How often (in 100) something that can be seen is spoken of.
MENTION = {"hair": 56, "hat": 82, "glasses": 62, "upper": 99, "lower": 96, "shoes": 64, "bag": 84, "umbrella": 92, "build": 40}
HEAD_TO_FOOT = ("hair", "hat", "glasses", "upper", "lower", "shoes", "bag", "umbrella")
VERB = {"hair": "have", "build": "have", "umbrella": "hold", "bag": "carry"}  # everything else is worn
Run = tuple[str, list[str]]  # a verb class and the items it governs


class GoldPhrase(NamedTuple):
    """A gold attribute phrase; `start` and `end` index the normalised caption."""

    start: int
    end: int
    head: str
    modifiers: tuple[str, ...]
    slot: str


class DrawnCaption(NamedTuple):
    """A caption, its phrases in order, and the value of every attribute slot that it states."""

    text: str
    phrases: tuple[GoldPhrase, ...]
    facts: dict[str, str]


def write_caption(person: Attributes, view: str, hidden: frozenset[str], random: Stream) -> DrawnCaption:
    """Describe a person seen from `view` (front, back or side); `hidden` are the slots that this image does not show."""
    sex = person.sex if random.chance(82) else None
    they, their = words()["pronoun"][sex]
    noun = random.choice(words()["person"][sex] if sex else words()["anyone"])
    describer = Describer(person, hidden, their, terse=random.chance(12), random=random)
    if sex:
        describer.facts["sex"] = sex
    items = [item for item in _order(random) if _visible(item, person, hidden) and random.chance(MENTION[item])]
    spoken_later = next((item for item in items if item in ("upper", "lower", "shoes") and random.chance(7)), None)
    runs = _runs([item for item in items if item != spoken_later])
    opening = random.choice((1, 2, 2, 3))
    sentences = [_opening(describer, noun, runs[:opening])]
    for start in range(opening, len(runs), 2):  # he has ..., or: the woman carries ...
        subject, plural = (they, they == "they") if random.chance(70) else (f"the {noun}", False)
        sentences.append([(subject, None), *_clauses(describer, runs[start : start + 2], plural=plural)])
    if spoken_later:  # his shirt is red
        item, colour = describer.predicate(spoken_later)
        owner = random.choice((their, "the"))
        sentences.append([(owner, None), (item, spoken_later), (f"{words()['be'][is_plural(item)]} {colour}", None)])
    if random.chance(30):
        sentences.append([(f"{they} {words()['be'][they == 'they']} {describer.any('view', view)}", None)])
    return _assemble(sentences, describer)


def _order(random: Stream) -> list[str]:
    """From head to foot, or garments first, or in any order."""
    kind = random.weighted({"head to foot": 45, "garments first": 35, "any": 20})
    if kind == "head to foot":
        return list(HEAD_TO_FOOT)
    if kind == "garments first":
        return ["upper", "lower", "shoes", *random.shuffled(("hair", "hat", "glasses", "bag", "umbrella"))]
    return random.shuffled(HEAD_TO_FOOT)


def _visible(item: str, person: Attributes, hidden: frozenset[str]) -> bool:
    value = person.umbrella_colour if item == "umbrella" else getattr(person, item)
    return value is not None and item not in hidden


def _runs(items: list[str]) -> list[Run]:
    """Neighbours that take the same verb together, four at most; glasses go with hair as well as with garments."""
    runs: list[Run] = []
    for item in items:
        verb = "have" if item == "glasses" and runs and runs[-1][0] == "have" else VERB.get(item, "wear")
        if runs and runs[-1][0] == verb and len(runs[-1][1]) < 4:
            runs[-1][1].append(item)
        else:
            runs.append((verb, [item]))
    return runs


def _opening(describer: Describer, noun: str, runs: list[Run]) -> list[Fragment]:
    """Such as "a slim man with short hair is wearing ...", "there is a woman carrying ...", or tersely "man in red shirt, blue jeans"."""
    subject, runs = _subject(describer, noun, runs)
    if describer.terse:
        return [subject, *_clauses(describer, runs)]
    if describer.random.chance(22):
        return [(_agree(describer.any("there"), subject[0]), None), subject, *_clauses(describer, runs)]
    sentence: list[Fragment] = [(_agree(describer.any("opening"), subject[0]), None), subject]
    if len(runs) > 1 and runs[0][0] == "have":
        sentence += _clauses(describer, runs[:1])
        runs = runs[1:]
    return sentence + _clauses(describer, runs, plural=False)


def _subject(describer: Describer, noun: str, runs: list[Run]) -> tuple[Fragment, list[Run]]:
    """The person noun, with the build before it ("slim man") or among what the person has ("with a slim build")."""
    if describer.person.build == "average" or not describer.random.chance(MENTION["build"]):
        return (noun, None), runs
    if describer.random.chance(30):
        return (noun, None), [("have", ["build"]), *runs]
    return (describer.build(noun), "build"), runs


def _agree(start: str, following: str) -> str:
    """The opening with a or an, as what follows wants it."""
    return f"{start[:-1]}{article(following)}" if start == "a" or start.endswith(" a") else start


def _clauses(describer: Describer, runs: list[Run], *, plural: bool | None = None) -> list[Fragment]:
    """Such as "wears ... and carries ..."; without `plural` such as "wearing ..., carrying ..."."""
    fragments: list[Fragment] = []
    for verb, items in runs:
        if fragments:
            fragments.append((describer.random.choice((",", "and") if plural is None else ("and", ", and")), None))
        spoken = describer.any("participle", verb) if plural is None else describer.any("finite", verb)[plural]
        fragments += [(spoken, None), *_list(describer, items)]
    return fragments


def _list(describer: Describer, items: list[str]) -> list[Fragment]:
    """Such as "a, b and c", now and then "a with b"."""
    fragments = describer.item(items[0])
    for position, item in enumerate(items[1:], start=2):
        last = ("and", "and", "with") if len(items) == 2 else ("and", "and", ", and")
        link = "," if position < len(items) else describer.random.choice(last)
        fragments += [(link, None), *describer.item(item)]
    return fragments


def _assemble(sentences: list[list[Fragment]], describer: Describer) -> DrawnCaption:
    """Write the sentences with capitals and full stops, and find each phrase's place in the normalised caption."""
    raw: list[str] = []
    phrases: list[GoldPhrase] = []
    offset = 0
    for sentence in sentences:
        text = ""
        for part, slot in sentence:
            text += part if not text or part.startswith(",") else f" {part}"
            if slot:
                *modifiers, head = part.split(" ")
                end = offset + len(text)
                phrases.append(GoldPhrase(end - len(part), end, head, tuple(word for word in modifiers if word != "and"), slot))
        raw.append(text if describer.terse and not raw else text[0].upper() + text[1:])
        offset += len(text) + 1
    stop = "." if describer.random.chance(4) else ". "  # as in RSTPReid: "shirt.His"
    end_mark = "" if describer.terse and describer.random.chance(50) else "."
    return DrawnCaption(stop.join(raw) + end_mark, tuple(phrases), describer.facts)
