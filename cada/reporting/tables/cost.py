"""What each variant costs: parameters and operations, counted from the sizes, and seconds, where Snakemake measured them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from cada.reporting.tables.cells import frame, scaled
from cada.reporting.tables.table import Section, Table, Tabulated

COUNTED = ("trained", "searched", "reranked", "step_flops", "search_flops", "rerank_flops")
MEASURED_STEPS = ("train", "evaluate", "probe")


@dataclass(frozen=True)
class VariantCost:
    """One variant: parameters that are trained, that the first stage and that the whole search read; operations of one
    training step, and of one query in the first stage and in re-ranking; mean seconds of each of MEASURED_STEPS.

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
class CountedSizes:
    """The sizes for which the operations are counted."""

    batch: int
    train_tokens: Mapping[str, int]  # of a training caption, by variant
    query_tokens: int
    gallery: int
    top_k: int


def cost_table(
    dataset: str, costs: Sequence[VariantCost], shared: Mapping[str, float | None], sizes: CountedSizes, *, seeds: int
) -> Tabulated:
    """A row for each variant, whose seconds are means over the seeds; in the values also one for each of the `shared` steps, with their
    seconds.
    """
    records, rows = [], []
    for cost in costs:
        own = asdict(cost) | {"kind": "variant", "name": cost.variant, "seeds": seeds, "step_flops": round(cost.step_flops)}
        records.append(own | {f"{step}_seconds": _text(cost.seconds[step], 2) for step in MEASURED_STEPS} | {"seconds": ""})
        counted = ("" if (value := getattr(cost, name)) is None else scaled(value) for name in COUNTED)
        rows.append((cost.variant, *counted, *(_text(cost.seconds[step], 0) for step in MEASURED_STEPS)))
    records += [{"kind": "step", "name": step, "seconds": _text(seconds, 2)} for step, seconds in shared.items()]
    columns = ["dataset", "kind", "name", "seeds", *COUNTED, *(f"{step}_seconds" for step in MEASURED_STEPS), "seconds"]
    values = frame([{"dataset": dataset, **record} for record in records], columns)
    labels = ("variant", "trained", "first stage", "re-ranking", "FLOP/step", "FLOP/query", "FLOP/re-ranking")
    heading = "Parameters (trained, read by the first stage, read with re-ranking), operations, and seconds of one seed"
    notes = (_counted_note(costs, sizes), *_seconds_notes(costs, shared, seeds))
    shown = (*labels, *(f"{step}, s" for step in MEASURED_STEPS))
    return values, Table(f"Cost on {dataset}", shown, 1, (Section(heading, tuple(rows)),), notes)


def _counted_note(costs: Sequence[VariantCost], sizes: CountedSizes) -> str:
    tokens = dict.fromkeys(sizes.train_tokens.values())
    listed = [", ".join(name for name, own in sizes.train_tokens.items() if own == number) for number in tokens]
    lengths = ", ".join(f"{number}" + (f" ({names})" if len(tokens) > 1 else "") for number, names in zip(tokens, listed, strict=True))
    reranking = f", and its re-ranking of {sizes.top_k}" if any(cost.rerank_flops for cost in costs) else ""
    return (
        f"FLOP: operations, counted by formula; a product of (n, a) and (a, b) is 2nab. A step: {sizes.batch} pairs with captions of "
        f"{lengths} tokens, the mean length or what they are padded to, forward and backward. A query: a caption of "
        f"{sizes.query_tokens} tokens encoded and compared with {sizes.gallery} images{reranking}."
    )


def _seconds_notes(costs: Sequence[VariantCost], shared: Mapping[str, float | None], seeds: int) -> list[str]:
    own = [seconds for cost in costs for seconds in cost.seconds.values() if seconds is not None]
    if not own:
        return ["Seconds: none were measured. Snakemake measures them when it runs a step, DVC does not."]
    many = f", means over {seeds} seeds" if seeds > 1 else ""
    common = {step: seconds for step, seconds in shared.items() if seconds is not None}
    total = sum(common.values()) + seeds * sum(own)
    alike = f"Steps that all variants share: {', '.join(f'{step} {seconds:.0f} s' for step, seconds in common.items())}. "
    return [
        f"Seconds by the clock of Snakemake's last run of each step{many}. They depend on the machine and on what else it did; of an "
        "interrupted training they cover the last part. Empty: not measured.",
        f"{alike if common else ''}All these steps, one after another, with all seeds: {total / 60:.0f} min.",
    ]


def _text(seconds: float | None, digits: int) -> str:
    return "" if seconds is None else f"{seconds:.{digits}f}"
