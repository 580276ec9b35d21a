"""Every word of the captions, and the vocabulary file made from them.

Where a table maps an attribute's value to several wordings, each is as likely as the others. Nothing here says left or right:
training may mirror an image. `{...}` are places that the grammar fills.
"""

from __future__ import annotations

import re
import string

PERSON = {"man": ("man", "man", "guy", "male", "gentleman"), "woman": ("woman", "woman", "lady", "female", "girl")}
ANYONE = ("person", "pedestrian", "individual")
PRONOUN = {"man": ("he", "his"), "woman": ("she", "her"), None: ("they", "their")}
BUILD = {"slim": ("slim", "thin", "slender"), "heavy": ("heavy", "stout", "large")}
BUILD_NOUN = ("build", "figure")

COLOUR: dict[str, tuple[str, ...]] = {
    name: (name,) for name in ("black", "white", "red", "orange", "yellow", "green", "blue", "pink", "brown", "blonde")
}
COLOUR |= {"gray": ("gray", "gray", "grey"), "purple": ("purple", "purple", "violet")}

HAIR = {
    "short": ("short {colour} hair", "short {colour} hair", "{colour} short hair"),
    "long": ("long {colour} hair", "{colour} long hair"),
}
TAIL = (("{colour} hair", "in a", "ponytail"), ("hair", "tied in a", "{colour} ponytail"), ("", "", "{colour} ponytail"))
BALD = ("bald head", "shaved head")

HAT = {"cap": ("cap", "baseball cap"), "beanie": ("beanie", "knit cap", "wool hat"), "hat": ("brimmed hat", "sun hat")}
GLASSES = {"glasses": ("glasses", "eyeglasses"), "sunglasses": ("sunglasses", "dark glasses")}
UPPER = {
    "tank top": ("tank top", "sleeveless top"),
    "t-shirt": ("t-shirt", "t-shirt", "tee", "short-sleeved shirt"),
    "shirt": ("shirt", "button-up shirt", "collared shirt"),
    "sweater": ("sweater", "pullover", "jumper"),
    "hoodie": ("hoodie", "hooded sweatshirt", "hooded top"),
    "jacket": ("jacket", "open jacket"),
    "coat": ("coat", "long coat", "overcoat"),
    "dress": ("dress",),
}
LOWER = {
    "pants": ("pants", "trousers", "slacks"),
    "jeans": ("jeans", "denim pants"),
    "shorts": ("shorts", "short pants"),
    "skirt": ("skirt", "short skirt"),
    "long skirt": ("long skirt", "maxi skirt"),
}
SHOES = {"sneakers": ("sneakers", "trainers", "sports shoes"), "boots": ("boots", "high boots"), "shoes": ("leather shoes", "dress shoes")}
BAG = {
    "backpack": ("backpack", "rucksack"),
    "handbag": ("handbag", "purse"),
    "shoulder bag": ("shoulder bag", "messenger bag", "crossbody bag"),
}
UMBRELLA = ("umbrella",)
# A wider word leaves the type open.
WIDE = {"hat": ("hat",), "upper": ("top",), "shoes": ("shoes", "footwear"), "bag": ("bag",)}
UNCOUNTABLE = ("footwear", "hair")

PATTERN = {
    "striped": ("striped", "stripe"),
    "checked": ("checked", "plaid", "checkered"),
    "dotted": ("dotted", "spotted"),
    "print": ("printed", "graphic"),
}
PATTERN_NOUN = {
    "striped": ("stripes",),
    "checked": ("checks", "squares"),
    "dotted": ("dots", "polka dots", "spots"),
    "print": ("print", "logo", "design"),
}

# After "he", after "they", and behind a noun.
FINITE = {
    "wear": (("wears", "wear"), ("is wearing", "are wearing"), ("is dressed in", "are dressed in"), ("is in", "are in")),
    "have": (("has", "have"),),
    "carry": (("carries", "carry"), ("is carrying", "are carrying"), ("has", "have")),
    "hold": (("holds", "hold"), ("is holding", "are holding"), ("is under", "are under")),
}
PARTICIPLE = {
    "wear": ("wearing", "dressed in", "in"),
    "have": ("with",),
    "carry": ("carrying", "with"),
    "hold": ("holding", "under"),
}
BE = ("is", "are")
PLACE = {
    "hat": ("on {their} head",),
    "backpack": ("on {their} back", "over both shoulders"),
    "handbag": ("in one hand", "in {their} hand"),
    "shoulder bag": ("across {their} body", "over one shoulder"),
    "umbrella": ("over {their} head", "above {their} head"),
    "print": ("on the front", "on the chest"),
}
VIEW = {
    "front": ("walking toward the camera", "facing the camera", "standing still"),
    "back": ("walking away from the camera", "seen from behind", "facing away"),
    "side": ("walking past the camera", "seen from the side", "walking along the street"),
}
OPENING = ("a", "a", "the", "this")
THERE = ("there is a", "this is a", "the picture shows a")
JOIN = ("an", "and", "with", "a pair of", "the")

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHARACTERS = string.digits + string.ascii_lowercase
_PIECE = re.compile(r"[a-z]+|[-,']")


def _strings(value: object) -> list[str]:
    """All strings of a table, at any depth; a table's keys are values of attributes, no words."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [text for item in value for text in _strings(item)] if isinstance(value, tuple) else []


def grammar_words() -> list[str]:
    """Every word piece that a caption can hold, split at punctuation as BERT's basic tokeniser does, in alphabetical order."""
    persons = (PERSON, ANYONE, PRONOUN, BUILD, BUILD_NOUN)
    things = (COLOUR, HAIR, TAIL, BALD, HAT, GLASSES, UPPER, LOWER, SHOES, BAG, UMBRELLA, WIDE, PATTERN, PATTERN_NOUN)
    sentences = (FINITE, PARTICIPLE, BE, PLACE, VIEW, OPENING, THERE, JOIN)
    text = " ".join(_strings((persons, things, sentences)))
    return sorted(set(_PIECE.findall(re.sub(r"\{\w+\}", " ", text))))


def vocabulary() -> list[str]:
    """BERT's WordPiece vocabulary: special tokens, the grammar's words, then single characters and their continuations."""
    words = [word for word in grammar_words() if len(word) > 1]
    marks = [character for character in string.punctuation if character.isprintable()]
    pieces = [*SPECIAL, *words, *marks, *CHARACTERS, *(f"##{character}" for character in CHARACTERS)]
    return list(dict.fromkeys(pieces))
