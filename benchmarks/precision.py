"""`python -m benchmarks.precision DATASET`: what ONNX, int8 graphs and int8 tokens change of a release's scores on test.

Every way searches the test images with all test captions, as `cada search` does. Run it after `snakemake --cores 8 all`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measuring import Results
from cada.config.loading import load_dataset
from cada.datasets.loading import Split, take_split
from cada.datasets.prepared import load_records
from cada.gallery import Index
from cada.gallery.options import Runtime, Stored
from cada.steps.export import export_model
from cada.storage.files import write_json
from cada.storage.paths import Layout

WAYS: dict[str, tuple[Runtime, Stored, bool]] = {  # runtime, tokens, whether graphs are int8
    "torch": ("torch", "float16", False),
    "int8_tokens": ("torch", "int8", False),
    "onnx": ("onnx", "float16", False),
    "onnx_int8": ("onnx", "float16", True),
}
FIRST = 10
AT_ONCE = 64  # captions


def first_images(index: Index, split: Split) -> np.ndarray:
    """The first FIRST images (Q, FIRST) of each caption, as places in the split."""
    found = []
    for start in range(0, len(split.captions), AT_ONCE):
        answers = index.search_many(split.captions[start : start + AT_ONCE], k=FIRST)
        found += [[int(Path(hit.path).stem) for hit in hits] for hits in answers]
    return np.array(found)


def compare(release: Path, split: Split) -> Results:
    """R@1 and R@10 of each way, and the share of captions whose first images are those of torch, in the same order."""
    found, of_torch = Results(), np.empty(0)
    with tempfile.TemporaryDirectory() as made:
        images = Path(made) / "images"
        images.mkdir()
        for place, path in enumerate(split.image_paths):
            shutil.copyfile(path, images / f"{place:06}{path.suffix}")
        for name, (runtime, tokens, int8) in WAYS.items():
            model = Path(shutil.copytree(release, Path(made) / name / "model"))
            if runtime == "onnx":
                export_model(model, int8=int8)
            index = Index.create(Path(made) / name / "gallery", model, runtime=runtime, tokens=tokens)
            index.add(images)
            ranked = first_images(index, split)
            of_torch = ranked if name == "torch" else of_torch
            right = split.image_persons[ranked] == split.caption_persons[:, None]
            found[f"{name}_R1_percent"] = 100 * float(right[:, 0].mean())
            found[f"{name}_R10_percent"] = 100 * float(right.any(axis=1).mean())
            found[f"{name}_same_first_ten_percent"] = 100 * float((ranked == of_torch).all(axis=1).mean())
    return found


def main() -> None:
    """Print the numbers, and write them beside those of `make bench`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dataset", nargs="?", default="synthpedes")
    dataset = parser.parse_args().dataset
    layout, source = Layout(dataset), load_dataset(dataset).data
    split = take_split(load_records(dataset, source, manifest=layout.manifest), "test", root=source.root)
    found = compare(layout.release(), split)
    write_json(Path("results/benchmarks-precision.json"), found)
    for name, value in found.items():
        print(f"{name:40} {value:.2f}")


if __name__ == "__main__":
    main()
