"""Exact-span precision and recall against gold phrases."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from cada.datasets.text import normalise_caption
from cada.phrases.chunking import parse
from cada.synthpedes.attributes import families
from cada.synthpedes.captions import write_caption
from cada.synthpedes.randomness import Stream

Gold = tuple[str, set[tuple[int, int]]]  # raw caption, spans in the normalised caption


def read_marked(path: Path) -> list[Gold]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [gold_of(line.replace("\\n", "\n")) for line in lines if line and not line.startswith("#")]


def gold_of(marked: str) -> Gold:
    """Normalisation leaves the brackets where they are; a phrase that the last word cuts has no closing one."""
    spans, start, position = set(), 0, 0
    for character in normalise_caption(marked).replace("[ ", "["):
        if character == "[":
            start = position
        elif character == "]":
            spans.add((start, position))
        else:
            position += 1
    return re.sub(r"[\[\]]", "", marked), spans


def drawn_captions(persons: int) -> Iterable[Gold]:
    for index, person in enumerate(families(20, "test", persons)):
        for view in ("front", "back", "side"):
            caption = write_caption(person.attributes, view, frozenset(), Stream(20, "caption", index, view))
            yield caption.text, {(phrase.start, phrase.end) for phrase in caption.phrases}


def precision_and_recall(captions: Iterable[Gold]) -> tuple[float, float]:
    found = right = wanted = 0
    for caption, gold in captions:
        spans = {(phrase.start, phrase.end) for phrase in parse(caption)}
        found, right, wanted = found + len(spans), right + len(spans & gold), wanted + len(gold)
    return right / found, right / wanted


def test_gold_is_read_as_marked() -> None:
    caption, spans = gold_of('A [tall, thin man].His ["nike" bag]')
    assert caption == 'A tall, thin man.His "nike" bag'
    assert spans == {(2, 16), (21, 29)}
    assert normalise_caption(caption)[21:29] == "nike bag"


def test_the_files_hold_what_they_say() -> None:
    folder = Path(__file__).parent
    assert len(read_marked(folder / "handwritten.txt")) == 150
    assert len(read_marked(folder / "heldout.txt")) == 50


def test_the_scores_are_right_on_a_known_case() -> None:
    one_of_two = ("a red hat and a blue coat", {(2, 9), (0, 1)})
    assert precision_and_recall([one_of_two]) == (0.5, 0.5)


# On first contact with the parser handwritten.txt gave F1 0.899, and 0.997 after tuning on it. heldout.txt gave 0.926 on first contact;
# a word lost from the lexicon, which a unit test found, brought it to 0.934.
@pytest.mark.parametrize(("file", "least"), [("handwritten.txt", 0.98), ("heldout.txt", 0.90)])
def test_captions_written_by_hand(file: str, least: float) -> None:
    precision, recall = precision_and_recall(read_marked(Path(__file__).parent / file))
    assert 2 * precision * recall / (precision + recall) >= least


def test_drawn_captions() -> None:
    precision, recall = precision_and_recall(drawn_captions(600))
    assert precision >= 0.95
    assert recall >= 0.95
