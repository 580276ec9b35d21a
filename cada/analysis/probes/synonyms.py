"""Words that mean the same in a caption about a pedestrian, in groups.

For a drawn set the groups are the wordings of the grammar. In training the model has seen each of them with the same kinds of things, so
the probe tests whether it has learned that they mean the same. For other sets they are common words, which a model may have seen or not.
A word with two meanings in such captions ("top", "male", "checked") is in no group of ours.
"""

from __future__ import annotations

from cada.synthpedes.words import words

Groups = tuple[tuple[str, ...], ...]

COMMON: Groups = (
    ("man", "guy", "gentleman"),
    ("woman", "lady"),
    ("person", "pedestrian", "individual"),
    ("t-shirt", "tee shirt", "tee"),
    ("sweater", "pullover"),
    ("hoodie", "hooded sweatshirt"),
    ("overcoat", "long coat"),
    ("button-up shirt", "button-down shirt", "collared shirt"),
    ("tank top", "sleeveless top"),
    ("pants", "trousers", "slacks"),
    ("jeans", "denim pants"),
    ("sweatpants", "sweat pants", "joggers", "jogging pants"),
    ("sneakers", "trainers", "tennis shoes", "running shoes", "athletic shoes"),
    ("high heels", "high-heeled shoes"),
    ("flip flops", "flip-flops"),
    ("backpack", "rucksack", "knapsack"),
    ("handbag", "purse"),
    ("messenger bag", "crossbody bag"),
    ("cell phone", "cellphone", "mobile phone"),
    ("glasses", "eyeglasses", "spectacles"),
    ("sunglasses", "sun glasses"),
    ("beanie", "knit cap"),
    ("baseball cap", "ball cap"),
    ("umbrella", "parasol"),
    ("plaid", "checkered"),
    ("striped", "stripy"),
    ("gray", "grey"),
    ("purple", "violet"),
    ("navy", "navy blue"),
    ("slim", "slender"),
    ("overweight", "heavyset", "stout"),
)


def grammar_groups() -> Groups:
    """The wordings of each value in the generator's grammar, where there are two or more."""
    tables = words()
    of_values = ("person", "build", "colour", "hat", "glasses", "upper", "lower", "shoes", "bag", "wide", "pattern", "pattern_noun")
    wordings = [group for name in of_values for group in tables[name].values()]
    distinct = (tuple(dict.fromkeys(group)) for group in (*wordings, tables["anyone"], tables["build_noun"], tables["bald"]))
    return tuple(group for group in distinct if len(group) > 1)
