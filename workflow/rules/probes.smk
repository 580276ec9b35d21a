rule probe:
    input:
        manifest=rules.data.output,
        phrases=rules.phrases.output,
        model=rules.train.output.model,
        evaluation=rules.evaluate.output,
        parameters=expand("params/{{dataset}}/{file}.yaml", file=["data", "train", "evaluate", "probe"]),
        variant=variant_file,
        code=CODE["probe"],
    output:
        probes="results/{dataset}/probes/{variant}/{seed}.json",
        outcomes="results/{dataset}/probes/{variant}/{seed}.parquet",
    log:
        "results/{dataset}/logs/probe/{variant}/{seed}.log",
    benchmark:
        "results/{dataset}/benchmarks/probe/{variant}/{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: threads_of("probe")
    resources:
        **resources_of("probe"),
    message:
        "Probe {wildcards.variant}, seed {wildcards.seed}, on {wildcards.dataset}"
    shell:
        "cada probe {wildcards.dataset} --variant {wildcards.variant} --seed {wildcards.seed} 2> {log}"


rule probe_tables:
    input:
        workflow=MATRIX,
        probes=expand(rules.probe.output.probes, variant=matrix.rows, seed=matrix.seeds, allow_missing=True),
        outcomes=expand(rules.probe.output.outcomes, variant=matrix.rows, seed=matrix.seeds, allow_missing=True),
        variants=VARIANTS,
        code=CODE["probe tables"],
    output:
        *[
            reported(f"{PROBE_TABLES}/{table}.{format}", "probe")
            for table in ("robustness", "contrasts", "composition", "attributes")
            for format in ("csv", "html", "md", "tex")
        ],
    log:
        f"{REPORTS}/logs/probe_tables.log",
    benchmark:
        f"{REPORTS}/benchmarks/probe_tables.tsv"
    conda:
        "../../environment.yml"
    message:
        "Write the tables of the probes of {wildcards.dataset}"
    shell:
        "cada probe-tables {wildcards.dataset} --workflow {input.workflow} 2> {log}"
