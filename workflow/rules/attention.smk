rule attention:
    input:
        workflow=MATRIX,
        manifest=rules.data.output,
        phrases=rules.phrases.output,
        models=expand(rules.train.output.model, variant=matrix.rows, seed=matrix.seeds, allow_missing=True),
        rankings=rules.tables.input.rankings,
        variants=VARIANTS,
        parameters=expand("params/{{dataset}}/{file}.yaml", file=["data", "evaluate"]),
        code=CODE["attention"],
    output:
        *[reported(f"{ATTENTION}/attention.{format}", "figure") for format in ("png", "svg")],
        f"{ATTENTION}/captions.json",
    log:
        f"{REPORTS}/logs/attention.log",
    benchmark:
        f"{REPORTS}/benchmarks/attention.tsv"
    conda:
        "../../environment.yml"
    threads: lambda wildcards: dataset_parameters(wildcards.dataset).evaluate.compute.threads
    message:
        "Draw what phrases of {wildcards.dataset} look at"
    shell:
        "cada attention {wildcards.dataset} --workflow {input.workflow} 2> {log}"
