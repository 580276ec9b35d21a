"""The noun phrases of the grammar: one item of a person in words, with the slot of every phrase and the facts it states."""

from __future__ import annotations

from dataclasses import dataclass, field

from cada.synthpedes import words
from cada.synthpedes.attributes import Attributes
from cada.synthpedes.randomness import Stream

Fragment = tuple[str, str | None]  # words, and the slot if they are an attribute phrase


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
        return getattr(self, f"_{name}")()

    def predicate(self, slot: str) -> tuple[str, str]:
        """Noun and colour for "his shirt is red"."""
        noun = self._type(slot)
        return noun, self._colour(f"{slot}_colour")

    # --- items ----------------------------------------------------------------------------------------------------

    def _hair(self) -> list[Fragment]:
        style = self.person.hair
        if style == "bald":
            self.facts["hair"] = style
            return self._noun_phrase(self.random.choice(words.BALD), "hair")
        colour = self._colour("hair_colour") if self.random.chance(85) else ""
        if style == "ponytail":
            self.facts["hair"] = style
            hair, link, tail = (part.replace("{colour}", colour).strip() for part in self.random.choice(words.TAIL))
            return [*self._noun_phrase(hair, "hair"), (link, None), (tail, "hair")] if hair else self._noun_phrase(tail, "hair")
        if colour and self.random.chance(20):
            return self._noun_phrase(f"{colour} hair", "hair")
        self.facts["hair"] = style
        return self._noun_phrase(self.random.choice(words.HAIR[style]).replace("{colour}", colour), "hair")

    def _hat(self) -> list[Fragment]:
        colour = self._colour("hat_colour") if self.random.chance(90) else ""
        return self._noun_phrase(f"{colour} {self._type('hat')}", "hat") + self._place("hat", 25)

    def _glasses(self) -> list[Fragment]:
        self.facts["glasses"] = str(self.person.glasses)
        return self._noun_phrase(self.random.choice(words.GLASSES[str(self.person.glasses)]), "glasses")

    def _upper(self) -> list[Fragment]:
        noun = self._type("upper")
        colours = [self._colour("upper_colour")] if self.random.chance(94) else []
        if self.person.pattern == "plain" or "pattern" in self.hidden or self.random.chance(22):
            return self._noun_phrase(" ".join([*colours, noun]), "upper")
        pattern = self.facts["pattern"] = self.person.pattern
        second = [self._colour("pattern_colour")] if self.random.chance(70) else []
        if self.random.chance(40):
            thing = " ".join([*second, self.random.choice(words.PATTERN_NOUN[pattern])])
            decoration = self._noun_phrase(thing, "pattern", pair=False) + (self._place("print", 60) if pattern == "print" else [])
            return [*self._noun_phrase(" ".join([*colours, noun]), "upper"), ("with", None), *decoration]
        kind = self.random.choice(words.PATTERN[pattern])
        return self._noun_phrase(" ".join([" and ".join([*colours, *second]), kind, noun]), "upper")

    def _lower(self) -> list[Fragment]:
        colour = self._colour("lower_colour") if self.random.chance(94) else ""
        return self._noun_phrase(f"{colour} {self._type('lower')}", "lower")

    def _shoes(self) -> list[Fragment]:
        colour = self._colour("shoes_colour") if self.random.chance(94) else ""
        return self._noun_phrase(f"{colour} {self._type('shoes')}", "shoes")

    def _bag(self) -> list[Fragment]:
        colour = self._colour("bag_colour") if self.random.chance(88) else ""
        return self._noun_phrase(f"{colour} {self._type('bag')}", "bag") + self._place(str(self.person.bag), 45)

    def _umbrella(self) -> list[Fragment]:
        colour = self._colour("umbrella_colour") if self.random.chance(90) else ""
        return self._noun_phrase(f"{colour} {self.random.choice(words.UMBRELLA)}", "umbrella") + self._place("umbrella", 25)

    def _build(self) -> list[Fragment]:
        self.facts["build"] = self.person.build
        return self._noun_phrase(f"{self.random.choice(words.BUILD[self.person.build])} {self.random.choice(words.BUILD_NOUN)}", "build")

    # --- their parts ----------------------------------------------------------------------------------------------

    def _colour(self, slot: str) -> str:
        value = getattr(self.person, slot)
        self.facts[slot] = value
        return self.random.choice(words.COLOUR[value])

    def _type(self, slot: str) -> str:
        """The item's noun; now and then a wider word that states no type."""
        value = getattr(self.person, slot)
        if slot in words.WIDE and value != "dress" and self.random.chance(22 if slot in ("shoes", "hat") else 9):
            return self.random.choice(words.WIDE[slot])
        self.facts[slot] = value
        tables = {"hat": words.HAT, "upper": words.UPPER, "lower": words.LOWER, "shoes": words.SHOES, "bag": words.BAG}
        return self.random.choice(tables[slot][value])

    def _noun_phrase(self, text: str, slot: str, *, pair: bool = True) -> list[Fragment]:
        """Determiner and phrase; "a pair of" only for garments that come in pairs."""
        text = " ".join(text.split())
        noun = text.split(" ")[-1]
        if self.terse or noun in words.UNCOUNTABLE:
            return [(text, slot)]
        if is_plural(noun):
            return [("a pair of", None), (text, slot)] if pair and slot != "hair" and self.random.chance(25) else [(text, slot)]
        return [(article(text), None), (text, slot)]

    def _place(self, name: str, percent: int) -> list[Fragment]:
        if self.terse or not self.random.chance(percent):
            return []
        return [(self.random.choice(words.PLACE[name]).replace("{their}", self.their), None)]
