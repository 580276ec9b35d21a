from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cada.reporting.figures.look_alikes import EACH, WrongChoice, draw_failures, look_alikes_figure
from cada.reporting.figures.style import save, style
from cada.reporting.tables.cells import MINUS
from tests.messages import carries


def choices() -> pd.DataFrame:
    """Two choices of each of 20 persons for three kinds, of images and of sentences; of images every second is right, of a swap all."""
    rows = [
        {"chosen": chosen, "kind": kind, "person": person, "image": f"{person}-{number}", "match": 100.0 * (kind == "swap" or number)}
        for chosen in ("image", "sentence")
        for kind in ("type", "colour", "swap")
        for person in range(20)
        for number in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_failures_are_random_wrong_images() -> None:
    table = choices()
    drawn = draw_failures(table, "match")
    assert drawn["kind"].tolist() == ["colour"] * EACH + ["type"] * EACH
    assert (drawn["chosen"] == "image").all() and (drawn["match"] == 0).all()
    assert draw_failures(table, "match").equals(drawn)
    assert len({tuple(draw_failures(table, "match", seed=seed)["person"]) for seed in range(5)}) > 1


def test_every_choice_has_its_sentence_both_images_and_all_scores(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 24, 3), dtype=np.uint8)
    wrong = WrongChoice("A $5 hat.", "another type:\nhat", image, image, {"cosine": (0.25, 0.5), "match": (-1.0, 1.5)})
    with style():
        figure = look_alikes_figure([wrong] * 5, drawn=True)
        save(figure, tmp_path, "look_alikes")
        for drawn, words in ((True, "No image"), (False, "drawn sets")):
            nothing = look_alikes_figure([], drawn=drawn)
            assert carries(nothing.texts[0].get_text(), words)
        save(nothing, tmp_path, "nothing")
    parts = [part for part in figure.subfigs if part.axes]
    assert len(parts) == 5
    for part in parts:
        assert carries(part.get_suptitle(), "A $5 hat.")
        right, other = part.axes
        assert right.get_xlabel() == f"cosine 0.250\nmatch {MINUS}1.000" and other.get_xlabel() == "cosine 0.500\nmatch 1.500"
        assert other.get_title() == "another type:\nhat"
    with Image.open(tmp_path / "look_alikes.png") as shown, Image.open(tmp_path / "nothing.png") as nothing:
        assert shown.width == nothing.width and shown.height > 3 * nothing.height
