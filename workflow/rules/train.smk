rule train:
    input:
        manifest=rules.data.output,
        phrases=rules.phrases.output,
        initial=rules.initial.output,
        parameters=expand("params/{{dataset}}/{file}.yaml", file=["data", "train"]),
        variant=variant_file,
        code=CODE["train"],
    output:
        model=expand("results/{{dataset}}/models/{{variant}}/{{seed}}/{file}", file=MODEL),
        history=report(
            "results/{dataset}/history/{variant}/{seed}.csv",
            caption="../report/history.rst",
            category="Training",
            labels={"data set": "{dataset}", "variant": "{variant}", "seed": "{seed}"},
        ),
    log:
        "results/{dataset}/logs/train/{variant}/{seed}.log",
    benchmark:
        "results/{dataset}/benchmarks/train/{variant}/{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    message:
        "Train {wildcards.variant}, seed {wildcards.seed}, on {wildcards.dataset}"
    shell:
        "cada train {wildcards.dataset} --variant {wildcards.variant} --seed {wildcards.seed} 2> {log}"
