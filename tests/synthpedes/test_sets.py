"""The drawn sets of params/: nobody of a pre-training is in a train, val or test split, of its own set or of another."""

from __future__ import annotations

from cada.config import Synthesis, known_datasets, load_dataset
from cada.synthpedes.attributes import Attributes, families, for_pretraining

DRAWN = {name: synthesis for name in known_datasets() if (synthesis := load_dataset(name).data.synthesis)}


def attributes(synthesis: Synthesis, *splits: str) -> set[Attributes]:
    return {person.attributes for split in splits for person in families(synthesis.seed, split, getattr(synthesis.persons, split))}


def test_every_set_has_a_seed_of_its_own() -> None:
    assert len({synthesis.seed for synthesis in DRAWN.values()}) == len(DRAWN) >= 3


def test_nobody_who_is_trained_or_tested_on_can_have_been_seen() -> None:
    """By construction, and once by looking: a tenth of what the shipped start has seen, since drawing all takes seconds."""
    seen = attributes(
        DRAWN["start"].model_copy(update={"persons": DRAWN["start"].persons.model_copy(update={"pretrain": 18_000})}), "pretrain"
    )
    assert all(map(for_pretraining, seen))
    for synthesis in DRAWN.values():
        others = attributes(synthesis, "train", "val", "test")
        assert not any(map(for_pretraining, others))
        assert not seen & others
