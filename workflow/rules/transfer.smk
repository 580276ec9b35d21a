# Part of `all` where there are several data sets: snakemake --cores 8 transfers
rule transfer:
    input:
        searched=str(Layout("{target}").manifest),
        model=rules.train.output.model,
        metrics=rules.evaluate.output.metrics,
        parameters=expand("params/{{dataset}}/{file}.yaml", file=["train", "evaluate"]),
        data="params/{target}/data.yaml",
        variant=variant_file,
        code=CODE["transfer"],
    output:
        str(Layout("{dataset}").transfer("{target}", "{variant}", "{seed}")),
    log:
        "results/{dataset}/logs/transfer/{target}/{variant}/{seed}.log",
    benchmark:
        "results/{dataset}/benchmarks/transfer/{target}/{variant}/{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: threads_of("transfer")
    resources:
        **resources_of("transfer"),
    message:
        "Search {wildcards.target} with {wildcards.variant} of {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "cada transfer {wildcards.dataset} --to {wildcards.target} --variant {wildcards.variant} --seed {wildcards.seed} 2> {log}"


rule transfer_tables:
    input:
        workflow=MATRIX,
        metrics=expand(rules.evaluate.output.metrics, dataset=matrix.datasets, variant=matrix.rows, seed=matrix.seeds),
        transfers=[
            file
            for dataset, target in permutations(matrix.datasets, 2)
            for file in expand(rules.transfer.output, dataset=dataset, target=target, variant=matrix.rows, seed=matrix.seeds)
        ],
        variants=VARIANTS,
        code=CODE["transfer tables"],
    output:
        expand(f"{TRANSFERS}/transfer.{{format}}", format=["csv", "html", "md", "tex"]),
    log:
        f"{TRANSFERS}/logs/transfer_tables.log",
    conda:
        "../../environment.yml"
    message:
        "Write the table of transfers between data sets"
    shell:
        "cada transfer-tables --workflow {input.workflow} 2> {log}"
