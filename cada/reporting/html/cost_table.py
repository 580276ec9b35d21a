"""What each variant costs: parameters and operations, counted from the sizes, and seconds, where Snakemake measured them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cada.reporting.formats import Section, Table, csv_text

COUNTED = ("trained", "searched", "reranked", "step_flops", "search_flops", "rerank_flops")
STEPS = ("train", "evaluate", "probe")


@dataclass(frozen=True)
class Cost:
    """One variant: parameters that are trained, that the first stage and that the whole search read; operations of one
    training step, and of one query in the first stage and in re-ranking; mean seconds of each of STEPS.

    Re-ranking's are None for a variant that does not re-rank, seconds where they were not measured.
    """

    variant: str
    trained: int
    searched: int
    reranked: int | None
    step_flops: float
    search_flops: int
    rerank_flops: int | None
    seconds: Mapping[str, float | None]


@dataclass(frozen=True)
class Counting:
    """For what the operations are counted."""

    batch: int
    train_tokens: Mapping[str, int]  # of a training caption, by variant
    query_tokens: int
    gallery: int
    top_k: int


def cost_table(dataset: str, costs: Sequence[Cost], shared: Mapping[str, float | None], counting: Counting, *, seeds: int) -> Table:
    """The table as a reader sees it; `shared` are seconds of the steps that all variants have in common."""
    columns = ("variant", "trained", "first stage", "re-ranking", "FLOP/step", "FLOP/query", "FLOP/re-ranking")
    timed = [f"{step}, s" for step in STEPS]
    rows = tuple((*_counted(cost), *(_text(cost.seconds[step], 0) for step in STEPS)) for cost in costs)
    return Table(
        f"Cost on {dataset}",
        (*columns, *timed),
        1,
        (Section("Parameters (trained, read by the first stage, read with re-ranking), operations, and seconds of one seed", rows),),
        tuple(_notes(costs, shared, counting, seeds)),
    )


def cost_csv(dataset: str, costs: Sequence[Cost], shared: Mapping[str, float | None], *, seeds: int) -> str:
    """All numbers: a line for each variant, whose seconds are means over the seeds, and for each shared step; empty where unknown."""
    columns = ["dataset", "kind", "name", "seeds", *COUNTED, *(f"{step}_seconds" for step in STEPS), "seconds"]
    lines = []
    for cost in costs:
        counted = ["" if (value := getattr(cost, name)) is None else f"{value:.0f}" for name in COUNTED]
        lines.append([dataset, "variant", cost.variant, str(seeds), *counted, *(_text(cost.seconds[step], 2) for step in STEPS), ""])
    blank = [""] * (len(COUNTED) + len(STEPS) + 1)
    lines += [[dataset, "step", step, *blank, _text(seconds, 2)] for step, seconds in shared.items()]
    return csv_text(columns, lines)


def scaled(value: float) -> str:
    """A large number with three figures: 1.23 M, 45.6 G."""
    for prefix, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            digits = 2 if value < 10 * size else 1 if value < 100 * size else 0
            return f"{value / size:.{digits}f} {prefix}"
    return f"{value:.0f}"


def _counted(cost: Cost) -> list[str]:
    parameters = [scaled(cost.trained), scaled(cost.searched), scaled(cost.reranked) if cost.reranked else ""]
    operations = [scaled(cost.step_flops), scaled(cost.search_flops), scaled(cost.rerank_flops) if cost.rerank_flops else ""]
    return [cost.variant, *parameters, *operations]


def _text(seconds: float | None, digits: int) -> str:
    return "" if seconds is None else f"{seconds:.{digits}f}"


def _notes(costs: Sequence[Cost], shared: Mapping[str, float | None], counting: Counting, seeds: int) -> list[str]:
    tokens = dict.fromkeys(counting.train_tokens.values())
    listed = [", ".join(name for name, own in counting.train_tokens.items() if own == number) for number in tokens]
    lengths = ", ".join(f"{number}" + (f" ({names})" if len(tokens) > 1 else "") for number, names in zip(tokens, listed, strict=True))
    notes = [
        f"FLOP: operations, counted by formula, a product of (n, a) and (a, b) as 2nab. A step: {counting.batch} pairs with captions of "
        f"{lengths} tokens, the mean length or what they are padded to, forward and backward. A query: a caption of "
        f"{counting.query_tokens} tokens encoded and compared with {counting.gallery} pictures"
        + (f", and its re-ranking of {counting.top_k}." if any(cost.rerank_flops for cost in costs) else "."),
    ]
    if all(seconds is None for cost in costs for seconds in cost.seconds.values()):
        return [*notes, "Seconds: none were measured. Snakemake measures them when it runs a step, DVC does not."]
    many = f", means over {seeds} seeds" if seeds > 1 else ""
    notes.append(
        f"Seconds by the clock of Snakemake's last run of each step{many}. They depend on the machine and on what else it did; of a "
        "training that was interrupted they cover the last part. Empty: not measured."
    )
    own = [seconds for cost in costs for seconds in cost.seconds.values() if seconds is not None]
    common = {step: seconds for step, seconds in shared.items() if seconds is not None}
    total = sum(common.values()) + seeds * sum(own)
    alike = f"Steps that all variants share: {', '.join(f'{step} {seconds:.0f} s' for step, seconds in common.items())}. "
    return [*notes, f"{alike if common else ''}All these steps, one after another, with all seeds: {total / 60:.0f} min."]
