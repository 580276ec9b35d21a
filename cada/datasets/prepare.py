"""The data step: draw the set when it is missing, check every record, write the manifest."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from cada import config
from cada.datasets import manifest as manifests
from cada.datasets.formats import read_annotation
from cada.datasets.holdout import with_val
from cada.datasets.prepared import read_source, source_files
from cada.datasets.records import Record
from cada.datasets.text import MAX_WORDS
from cada.datasets.validation import THREADS, Findings, validate
from cada.errors import CadaError, of_file
from cada.storage import files
from cada.storage.paths import Layout, set_lock
from cada.synthpedes.generate import ANNOTATION, SYNTHESIS, description, draw_set
from cada.synthpedes.oracles import oracle_scores

WORTH_SHARING = 500  # persons


def prepare(dataset: str, data: config.Data, *, output: Path, force: bool = False) -> None:
    """Draw the set if `data.synthesis` is set and the set is missing (or `force`), check every record, write the manifest `output`."""
    with files.exclusive(set_lock(data.root), f"preparing {data.root}"):
        if data.synthesis:
            _ensure_drawn(data.root, data.synthesis, force=force)
        elif force:
            raise CadaError(f"{dataset}: --force draws a set anew, but {data.root} is user-supplied, not drawn. Call without --force.")
        records = read_source(dataset, data)
        findings = inspect(dataset, data, records=records)
        if findings.problems:
            raise CadaError("\n".join(findings.problems))
        if "val" not in findings.counts:
            print(_without_val(dataset, data), file=sys.stderr)
        facts = {
            "dataset": dataset,
            "format": data.format,
            "annotation": manifests.annotation_facts(source_files(dataset, data)),
            "splits": findings.counts,
            "truncated_captions": findings.truncated,
        }
        if names := {record.name: record.person for record in records if record.name}:
            facts["persons"] = dict(sorted(names.items()))  # all other results have the numbers
        if data.synthesis:
            test = [record for record in read_annotation(data.root / ANNOTATION) if record["split"] == "test"]
            facts["oracles"] = oracle_scores(test, data.gallery_parts)
        manifests.write(output, facts, images=findings.images)
        print(f"{output}: {_summary(findings)}", file=sys.stderr)


def inspect(dataset: str, data: config.Data, *, records: Sequence[Record]) -> Findings:
    """All checks of a set on the disk: it can be trained and tested on, and `held_out_persons` can become val where there is none."""
    where = Layout(dataset).params("data")
    findings = validate(
        data.root,
        records,
        expected={split: counts.model_dump() for split, counts in sorted(data.expected.items())} if data.expected else None,
        annotation=source_files(dataset, data),
        where=where,
        remedy=manifests.remedy(dataset, drawn=data.synthesis is not None),
    )
    problems = [f"{data.root}: no record has the split {split}. Add some." for split in ("train", "test") if split not in findings.counts]
    if data.held_out_persons is not None:
        try:
            with_val(records, how="held_out", persons=data.held_out_persons, where=where)
        except CadaError as error:
            problems.append(str(error))
    return findings._replace(problems=(*findings.problems, *problems))


def _summary(findings: Findings) -> str:
    splits = [f"{split} {', '.join(f'{number:,} {kind}' for kind, number in counts.items())}" for split, counts in findings.counts.items()]
    return f"{'; '.join(splits)}; {findings.truncated:,} captions are cut after {MAX_WORDS} words."


def _without_val(dataset: str, data: config.Data) -> str:
    if data.held_out_persons is None:
        effect = f"params/{dataset}/data.yaml has no held_out_persons, so only variants with absent_val: test can be trained."
    else:
        effect = f"{data.held_out_persons} train persons are held out as val, or test serves as val where absent_val is test."
    return f"{dataset}: the annotation has no val split; {effect}"


def _ensure_drawn(root: Path, synthesis: config.Synthesis, *, force: bool) -> None:
    """Draw into a folder beside `root` and rename it: what bears the final name is whole."""
    if root.exists():
        if not (root / SYNTHESIS).is_file():
            raise CadaError(f"{root}: not a drawn set (no {SYNTHESIS}), so it is left alone. Move it away or choose another root.")
        if files.read_json(root / SYNTHESIS) == description(synthesis) and not force:
            return
        print(f"{root}: drawn anew" + (" as requested." if force else ": its parameters have changed."), file=sys.stderr)
    partial, old = (root.with_name(f".{root.name}.{state}") for state in ("partial", "old"))
    try:
        _remove(partial)
        _remove(old)
        draw_set(partial, synthesis, processes=_processes(synthesis))
        if root.exists():
            root.rename(old)
        partial.rename(root)
        _remove(old)
    except OSError as error:
        raise of_file(error, root, "cannot be drawn") from error
    finally:
        _remove(partial)


def _processes(synthesis: config.Synthesis) -> int:
    """One a core; for some hundred persons a second one takes longer to start than to draw."""
    return THREADS if sum(dict(synthesis.persons).values()) >= WORTH_SHARING else 1


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
