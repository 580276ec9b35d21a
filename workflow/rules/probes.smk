# Not part of `all`: snakemake --cores 8 probes
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
        str(Layout("{dataset}").probes("{variant}", "{seed}")),
    log:
        "results/{dataset}/logs/probe/{variant}/{seed}.log",
    benchmark:
        "results/{dataset}/benchmarks/probe/{variant}/{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: lambda wildcards: threads_of(dataset_parameters(wildcards.dataset).evaluate)
    resources:
        gpu=lambda wildcards: gpus_of(dataset_parameters(wildcards.dataset).evaluate),
    message:
        "Probe {wildcards.variant}, seed {wildcards.seed}, on {wildcards.dataset}"
    shell:
        "cada probe {wildcards.dataset} --variant {wildcards.variant} --seed {wildcards.seed} 2> {log}"


rule probe_tables:
    input:
        workflow=MATRIX,
        probes=expand(rules.probe.output, variant=matrix.rows, seed=matrix.seeds, allow_missing=True),
        variants=VARIANTS,
        code=CODE["probe tables"],
    output:
        expand(f"{PROBE_TABLES}/{{table}}.{{format}}", table=["robustness", "composition"], format=["csv", "md", "tex"], allow_missing=True),
    log:
        "results/{dataset}/logs/probe_tables.log",
    conda:
        "../../environment.yml"
    message:
        "Write the tables of the probes of {wildcards.dataset}"
    shell:
        "cada probe-tables {wildcards.dataset} --workflow {input.workflow} 2> {log}"
