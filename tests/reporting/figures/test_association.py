"""The figure of one pair: what is drawn of its maps and matrices."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from cada.reporting.figures.association import association_figure, figure_caption
from cada.reporting.figures.style import RIGHT, style
from cada.reporting.results.associations import AssociationsFile, Example

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 16, 3), dtype=np.uint8)
EXAMPLE = {
    **{"image": "0.png", "caption": "a red hat and a shirt with blue stripes", "phrases": ["red hat", "blue stripes"]},
    **{"slots": ["hat", "pattern"], "regions": ["hat", "upper"], "coverage": [[0.4, 0.3, 0, 0, 0, 0], [0, 0, 0.9, 0.8, 0.6, 0.2]]},
    **{"maps": [[1, 0, 0, 0, 0, 0], [0, 0, 0, 2, 1, 0]], "looks": [[3.0, 0.1], [0.0, 2.5]], "predicts": [[0.4, 0.9], [-0.02, 1.5]]},
}
FILE = AssociationsFile(
    dataset="toy",
    variant="dual",
    seed=1,
    persons=2,
    pairs=3,
    attributions=["gradient"],
    attribution="gradient",
    trains_match=True,
    trains_decoder=True,
    grid=(3, 2),
    slots={"hat": 0.1, "upper": 0.3, "pattern": 0.1},
    example=Example.model_validate(EXAMPLE),
)


def test_each_row_frames_what_it_chooses_and_in_blue_what_is_right() -> None:
    with style():
        figure = association_figure(FILE, IMAGE)
        figure.canvas.draw()
    above, below = figure.subfigs
    assert [axes.get_title() for axes in above.axes] == ["image", "red hat", "blue\nstripes"]
    frames = [
        [(round(patch.get_x() + 0.48), round(patch.get_y() + 0.46), to_hex(patch.get_edgecolor())) for patch in axes.patches]
        for axes in below.axes
        if all(isinstance(patch, Rectangle) for patch in axes.patches)
    ]
    blue = RIGHT.lower()
    assert frames == [[(0, 0, blue), (1, 1, blue)], [(1, 0, "#000000"), (1, 1, blue)]]  # the stripes are the upper garment's
    assert [text.get_text() for text in below.axes[1].texts] == ["0.4", "0.9", "0.0", "1.5"]


def test_the_outline_is_around_the_patches_that_the_thing_takes() -> None:
    with style():
        above, _ = association_figure(FILE, IMAGE).subfigs
    hat, upper = above.axes[1:]
    assert len(hat.lines) == 4  # one patch: none is covered by half, so it is the one that is covered most
    assert len(upper.lines) == 8  # three patches in an L
    assert {float(value) for line in hat.lines for value in line.get_ydata()} == {-0.5, 7.5}


def test_the_caption_says_by_which_rule_the_pair_was_chosen() -> None:
    caption = figure_caption(FILE)
    assert "dual, seed 1" in caption and "gradient" in caption and "chosen by rule" in caption and "right one" in caption
    assert "right one" not in figure_caption(FILE.model_copy(update={"slots": {}}))
