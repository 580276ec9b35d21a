from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cada.analysis.explanation import MASKED, MATCH, Expected, Explanation
from cada.reporting.figures.explanation import IN_ROW, explanation_figure
from cada.reporting.figures.style import save, style


def told(phrases: int, *readers: str) -> Explanation:
    random = np.random.default_rng(phrases)
    expected = tuple((Expected("coat", (("jacket", 0.5), ("hat", 0.25))),) for _ in range(phrases)) if MASKED in readers else ()
    names = tuple(f"a $5 coat_{place}" for place in range(phrases))
    maps = {reader: random.random((phrases, 6, 3)) for reader in readers}
    return Explanation(np.zeros((48, 24, 3), np.uint8), 0.75, names, tuple(random.random(phrases)), maps, expected)


@pytest.mark.parametrize(
    ("phrases", "readers", "axes"),
    [(0, (), [1]), (2, (MATCH,), [3]), (3, (MATCH, MASKED), [1 + 3 * 3]), (IN_ROW + 1, (MATCH, MASKED), [1 + 3 * IN_ROW, 1 + 3])],
)
def test_every_phrase_has_its_maps_and_words(phrases: int, readers: tuple[str, ...], axes: list[int], tmp_path: Path) -> None:
    with style():
        figure = explanation_figure(told(phrases, *readers), "A $5 coat.")
        save(figure, tmp_path, "explanation")
    assert [len(part.axes) for part in figure.subfigs] == axes
    assert "A $5 coat." in figure.get_suptitle() and "75%" in figure.get_suptitle()
    written = [text.get_text() for part in figure.subfigs for own in part.axes for text in own.texts]
    assert all("jacket 50%" in text for text in written) and len(written) == (phrases if MASKED in readers else 0)
    with Image.open(tmp_path / "explanation.png") as drawn:
        assert drawn.width > 500
