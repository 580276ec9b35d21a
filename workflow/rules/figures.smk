rule figures:
    input:
        workflow=MATRIX,
        manifest=rules.data.output,
        metrics=rules.tables.input.metrics,
        rankings=rules.tables.input.rankings,
        histories=rules.tables.input.histories,
        pairs=f"{TABLES}/pairs.csv",
        variants=VARIANTS,
        parameters="params/{dataset}/data.yaml",
        code=CODE["figures"],
    output:
        *[
            reported(f"{FIGURES}/{figure}.{format}", "figure")
            for figure in ("ablation", "pairs", "recall", "sensitivity", "training", "successes", "failures")
            for format in ("png", "svg")
        ],
        f"{FIGURES}/recall.csv",
        f"{FIGURES}/captions.json",
    log:
        f"{REPORTS}/logs/figures.log",
    benchmark:
        f"{REPORTS}/benchmarks/figures.tsv"
    conda:
        "../../environment.yml"
    message:
        "Draw the figures of {wildcards.dataset}"
    shell:
        "cada figures {wildcards.dataset} --workflow {input.workflow} 2> {log}"
