#!/bin/sh
# Commit the data set and all outputs to DVC. Refuses while Snakemake has work left: DVC would certify stale files.
#   --config 'variants=[dual]'   and what else is given goes to Snakemake: a part of the matrix is recorded
set -eu

# An unpacked archive has all but the history: DVC, which keeps its records beside git's, would end without a word.
[ -e .git ] || git rev-parse --git-dir >/dev/null 2>&1 || {
    echo "record: nothing is recorded with DVC, because this folder is no git clone. To record, work in a clone (git clone), or call git init first." >&2
    exit 0
}
plan=$(snakemake --cores 1 --dry-run "$@" -- all 2>&1) || { printf '%s\n' "$plan" >&2; exit 1; }
case $plan in
    *"Nothing to be done"*) ;;
    *)
        echo "record: Snakemake has work left (snakemake --dry-run all shows it). Run snakemake --cores 8 all first." >&2
        exit 1
        ;;
esac
python workflow/scripts/unlisted.py
targets=$(python workflow/scripts/targets.py)
[ ! -d data/SynthPEDES ] || targets="$targets data.dvc"
# Re-linked files would have new modification times, and Snakemake would run what lies behind them again.
dvc commit --quiet --force --no-relink $targets
