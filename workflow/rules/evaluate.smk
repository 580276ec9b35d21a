rule evaluate:
    input:
        manifest=rules.data.output,
        model=rules.train.output.model,
        parameters=expand("params/{{dataset}}/{file}.yaml", file=["data", "train", "evaluate"]),
        variant=variant_file,
        code=CODE["evaluate"],
    output:
        metrics="results/{dataset}/metrics/{variant}/{seed}.json",
        rankings="results/{dataset}/rankings/{variant}/{seed}.parquet",
    log:
        "results/{dataset}/logs/evaluate/{variant}/{seed}.log",
    benchmark:
        "results/{dataset}/benchmarks/evaluate/{variant}/{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: threads_of("evaluate")
    resources:
        **resources_of("evaluate"),
    message:
        "Evaluate {wildcards.variant}, seed {wildcards.seed}, on {wildcards.dataset}"
    shell:
        "cada evaluate {wildcards.dataset} --variant {wildcards.variant} --seed {wildcards.seed} 2> {log}"
