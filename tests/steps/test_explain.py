"""`cada explain`: a figure, and what cannot be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from cada.errors import CadaError
from cada.steps.explain import explain_image
from tests.gallery.conftest import START


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.effect_noise((60, 120), 80).convert("RGB").save(path)
    return path


def test_a_figure_is_drawn(image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explain_image(image, "A man in a red coat and blue jeans.", model=START, output=tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.width > 500
    assert [line.split("%")[1].strip() for line in capsys.readouterr().out.splitlines()] == ["red coat", "blue jeans"]


def test_what_cannot_be_drawn_is_named(image: Path, tmp_path: Path) -> None:
    with pytest.raises(CadaError, match=r"figure\.txt"):
        explain_image(image, "A man.", model=START, output=tmp_path / "figure.txt")
    (tmp_path / "no.jpg").write_text("no image")
    for name in ("no.jpg", "missing.jpg"):
        with pytest.raises(CadaError, match=name):
            explain_image(tmp_path / name, "A man.", model=START, output=tmp_path / "figure.png")
    assert not (tmp_path / "figure.png").exists()
