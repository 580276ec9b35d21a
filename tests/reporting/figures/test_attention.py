from pathlib import Path

import numpy as np
from PIL import Image

from cada.reporting.figures.attention import MAX_PHRASES, AttendedQuery, attention_figure, heated
from cada.reporting.figures.ranked_lists import RankedList
from cada.reporting.figures.style import WRONG, save, style
from tests.messages import carries


def attended(phrases: int, *, rank: int = 1, readers: tuple[str, ...] = ("match",)) -> AttendedQuery:
    random = np.random.default_rng(phrases)
    query = RankedList("A $5 hat and a bag.", "0.png", 0, 7, rank, ("1.png",))
    maps = {reader: random.random((phrases, 6, 3)) for reader in readers}
    image = random.integers(0, 256, (48, 24, 3), dtype=np.uint8)
    return AttendedQuery(query, rank == 1, image, tuple(f"a red_{number} hat" for number in range(phrases)), maps)


def test_a_patch_is_coloured_by_its_share_of_the_highest() -> None:
    grey = np.full((8, 6, 3), 255, dtype=np.uint8)
    shown = heated(grey, np.array([[0.0, 2.0], [4.0, 0.0]]))
    orange = np.array([int(WRONG[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    for rows, columns, share in (
        (slice(4), slice(3), 0),
        (slice(4), slice(3, 6), 0.5),
        (slice(4, 8), slice(3), 1),
        (slice(4, 8), slice(3, 6), 0),
    ):
        assert np.allclose(shown[rows, columns], (1 - 0.85 * share) + 0.85 * share * orange)


def test_a_map_of_zeros_leaves_the_image_grey() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    shown = heated(image, np.zeros((4, 3)))
    assert np.isfinite(shown).all() and np.array_equal(shown[..., 0], shown[..., 2])


def test_every_query_has_a_row_with_its_image_and_the_maps_of_each_reader(tmp_path: Path) -> None:
    queries = [attended(2, readers=("match", "masked word")), attended(MAX_PHRASES + 2, rank=30)]
    with style():
        figure = attention_figure(queries)
        save(figure, tmp_path, "attention")
        save(attention_figure([]), tmp_path, "nothing")
    assert [len(part.axes) for part in figure.subfigs] == [1 + 2 * 2, 1 + MAX_PHRASES]
    assert carries(figure.subfigs[1].get_suptitle(), "rank 30")
    with Image.open(tmp_path / "attention.png") as drawn, Image.open(tmp_path / "nothing.png") as nothing:
        assert drawn.width == nothing.width == int(7.16 * 300)
        assert drawn.height > 3 * nothing.height
