"""The noun phrases of the grammar: one item of a person in words, with the slot of every phrase and the facts it states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cada.synthpedes.attributes import Attributes
from cada.synthpedes.randomness import Stream
from cada.synthpedes.words import words

Fragment = tuple[str, str | None]  # words, and the slot if they are an attribute phrase
# How often (in 100) an item's colour is mentioned, and its place.
COLOURED = {"hair": 85, "hat": 90, "upper": 94, "lower": 94, "shoes": 94, "bag": 88, "umbrella": 90}
PLACED = {"hat": 25, "bag": 45, "umbrella": 25}
WIDENED = {"shoes": 22, "hat": 22, "upper": 9, "bag": 9}  # mentioned by a word that leaves the type open


def is_plural(noun: str) -> bool:
    """True for "jeans", not for "dress"."""
    return noun.endswith("s") and not noun.endswith("ss")


def article(following: str) -> str:
    """a or an."""
    return "an" if following[0] in "aeiou" else "a"


@dataclass
class Describer:
    """Puts items of one person into words; `facts` grows with every value that was stated."""

    person: Attributes
    hidden: frozenset[str]
    their: str
    terse: bool
    random: Stream
    facts: dict[str, str] = field(default_factory=dict)

    def item(self, name: str) -> list[Fragment]:
        """The words for one item: hair, hat, glasses, upper, lower, shoes, bag, umbrella or build."""
        special = {"hair": self._hair, "upper": self._upper, "build": self._build}
        return special[name]() if name in special else self._thing(name)

    def predicate(self, slot: str) -> tuple[str, str]:
        """Noun and colour for "his shirt is red"."""
        return self._type(slot), self._colour(f"{slot}_colour")

    def build(self, noun: str | None = None) -> str:
        """The build, before a noun or one of its own."""
        self.facts["build"] = self.person.build
        adjective = self.any("build", self.person.build)
        return f"{adjective} {noun or self.any('build_noun')}"

    def any(self, table: str, value: str | None = None) -> Any:
        """One of the words of a table, or of its wordings for a value."""
        return self.random.choice(words()[table] if value is None else words()[table][value])

    def _thing(self, name: str) -> list[Fragment]:
        colour = self._colour_at_times(name)
        noun = self.any("umbrella") if name == "umbrella" else self._type(name)
        place = self.person.bag if name == "bag" else name
        return self._noun_phrase(f"{colour} {noun}", name) + self._place(place or "", PLACED.get(name, 0))

    def _hair(self) -> list[Fragment]:
        style = self.person.hair
        if style == "bald":
            self.facts["hair"] = style
            return self._noun_phrase(self.any("bald"), "hair")
        colour = self._colour_at_times("hair")
        if style == "ponytail":
            self.facts["hair"] = style
            hair, link, tail = (part.replace("{colour}", colour).strip() for part in self.random.choice(words()["tail"]))
            return [*self._noun_phrase(hair, "hair"), (link, None), (tail, "hair")] if hair else self._noun_phrase(tail, "hair")
        if colour and self.random.chance(20):
            return self._noun_phrase(f"{colour} hair", "hair")
        self.facts["hair"] = style
        return self._noun_phrase(self.any("hair", style).replace("{colour}", colour), "hair")

    def _upper(self) -> list[Fragment]:
        noun = self._type("upper")
        colour = self._colour_at_times("upper")
        if self.person.pattern == "plain" or "pattern" in self.hidden or self.random.chance(22):
            return self._noun_phrase(f"{colour} {noun}", "upper")
        pattern = self.facts["pattern"] = self.person.pattern
        second = self._colour("pattern_colour") if self.random.chance(70) else ""
        if self.random.chance(40):
            decoration = self._noun_phrase(f"{second} {self.any('pattern_noun', pattern)}", "pattern", pair=False)
            decoration += self._place("print", 60) if pattern == "print" else []
            return [*self._noun_phrase(f"{colour} {noun}", "upper"), ("with", None), *decoration]
        both = f"{colour} and {second}" if colour and second else colour + second
        return self._noun_phrase(f"{both} {self.any('pattern', pattern)} {noun}", "upper")

    def _build(self) -> list[Fragment]:
        return self._noun_phrase(self.build(), "build")

    def _colour(self, slot: str) -> str:
        self.facts[slot] = getattr(self.person, slot)
        return self.any("colour", self.facts[slot])

    def _colour_at_times(self, name: str) -> str:
        return self._colour(f"{name}_colour") if name in COLOURED and self.random.chance(COLOURED[name]) else ""

    def _type(self, slot: str) -> str:
        """The item's noun; now and then a wider word that states no type."""
        value = getattr(self.person, slot)
        if slot in WIDENED and value != "dress" and self.random.chance(WIDENED[slot]):
            return self.any("wide", slot)
        self.facts[slot] = value
        return self.any(slot, value)

    def _noun_phrase(self, text: str, slot: str, *, pair: bool = True) -> list[Fragment]:
        """Determiner and phrase; "a pair of" only for garments that come in pairs."""
        text = " ".join(text.split())
        noun = text.split(" ")[-1]
        if self.terse or noun in words()["uncountable"]:
            return [(text, slot)]
        if is_plural(noun):
            return [("a pair of", None), (text, slot)] if pair and slot != "hair" and self.random.chance(25) else [(text, slot)]
        return [(article(text), None), (text, slot)]

    def _place(self, name: str, percent: int) -> list[Fragment]:
        if self.terse or not percent or not self.random.chance(percent):
            return []
        return [(self.any("place", name).replace("{their}", self.their), None)]
