"""The benchmark of search runs, and says every number that docs/own-images.md promises."""

from __future__ import annotations

from benchmarks.search import RUNTIMES, measure


def test_every_number_is_there() -> None:
    found = measure(images=300, rounds=1, persons=2)
    names = {f"rerank_{rerank}_{runtime}_{what}_ms" for rerank in (0, 32) for runtime in RUNTIMES for what in ("median", "p99")}
    names |= {f"{what}_{runtime}_images_per_s" for runtime in RUNTIMES for what in ("indexing", "unchanged")}
    names |= {f"cold_{runtime}_s" for runtime in RUNTIMES} | {f"memory_{runtime}_mb" for runtime in RUNTIMES}
    assert names <= found.keys()
    assert all(found[name] > 0 for name in names)
