from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

from cada.reporting.figures.style import save, style


@pytest.mark.parametrize("nested", [False, True], ids=["panels", "panels in parts"])
def test_the_last_digits_of_a_layout_are_not_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nested: bool) -> None:
    execute = ConstrainedLayoutEngine.execute

    def shaken(engine: ConstrainedLayoutEngine, figure: Figure) -> object:
        """What the solver finds when its objects lie elsewhere: it differs by rounding errors."""
        result = execute(engine, figure)
        for part in figure.subfigs:
            part.bbox_relative.set_points(part.bbox_relative.get_points() + noise.normal(0, 1e-15, (2, 2)))
        for axes in figure.get_axes():
            axes.set_position(Bbox(axes.get_position(original=True).get_points() + noise.normal(0, 1e-15, (2, 2))), which="original")
        return result

    def drawn() -> list[bytes]:
        with style():
            figure = Figure()
            for part in figure.subfigures(1, 2) if nested else [figure]:
                part.suptitle("Two panels")
                for axes in part.subplots(1, 2):
                    axes.plot([0, 1], [0, 3])
                    axes.imshow(np.arange(6).reshape(2, 3))
            save(figure, tmp_path, "drawn")
        return [path.read_bytes() for path in sorted(tmp_path.iterdir())]

    noise = np.random.default_rng(0)
    plain = drawn()
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", shaken)
    assert all(drawn() == plain for _ in range(3))
