"""The lists of synonyms: no word in two groups, all of them words that a caption has, the grammar's in its vocabulary."""

from __future__ import annotations

from collections import Counter

import pytest

from cada.analysis.probes.synonyms import COMMON, Groups, grammar_groups
from cada.datasets.text import normalise_caption
from cada.synthpedes.words import grammar_words


@pytest.mark.parametrize("groups", [COMMON, grammar_groups()], ids=["common", "grammar"])
def test_no_wording_has_two_meanings(groups: Groups) -> None:
    counts = Counter(word for group in groups for word in group)
    assert [word for word, count in counts.items() if count > 1] == []
    assert all(len(group) > 1 for group in groups)
    assert all(word == normalise_caption(word) for word in counts)


def test_the_grammar_has_seen_its_own_synonyms() -> None:
    known = set(grammar_words()) | {"-"}
    for group in grammar_groups():
        for wording in group:
            assert set(wording.replace("-", " - ").split()) <= known


def test_a_few_of_the_grammar() -> None:
    groups = grammar_groups()
    assert ("gray", "grey") in groups
    assert ("jeans", "denim pants") in groups
    assert ("man", "guy", "male", "gentleman") in groups
    assert ("striped", "stripe") in groups
    assert not any("red" in group for group in groups)
