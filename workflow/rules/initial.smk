rule initial:
    input:
        manifest=rules.data.output,
        parameters=expand("params/{{dataset}}/{file}.yaml", file=["data", "model", "initial"]),
        code=CODE["initial"],
    output:
        expand("results/{{dataset}}/initial/{file}", file=MODEL),
    log:
        "results/{dataset}/logs/initial.log",
    benchmark:
        "results/{dataset}/benchmarks/initial.tsv"
    conda:
        "../../environment.yml"
    threads: threads_of("initial")
    resources:
        **resources_of("initial"),
    message:
        "Make the initial weights of {wildcards.dataset}"
    shell:
        "cada initial {wildcards.dataset} 2> {log}"
