rule tables:
    input:
        workflow=MATRIX,
        manifest=rules.data.output,
        metrics=expand(rules.evaluate.output.metrics, variant=matrix.rows, seed=matrix.seeds, allow_missing=True),
        rankings=expand(rules.evaluate.output.rankings, variant=matrix.rows, seed=matrix.seeds, allow_missing=True),
        histories=expand(rules.train.output.history, variant=matrix.rows, seed=matrix.seeds, allow_missing=True),
        variants=VARIANTS,
        published="params/published.csv",
        code=CODE["tables"],
    output:
        *[
            reported(f"{TABLES}/{table}.{format}", "table")
            for table in ("ablation", "pairs", "comparison", "sensitivity")
            for format in ("csv", "html", "md", "tex")
        ],
        f"{TABLES}/scores.json",
    log:
        f"{REPORTS}/logs/tables.log",
    benchmark:
        f"{REPORTS}/benchmarks/tables.tsv"
    conda:
        "../../environment.yml"
    message:
        "Write the tables of {wildcards.dataset}"
    shell:
        "cada tables {wildcards.dataset} --workflow {input.workflow} 2> {log}"
