rule data:
    input:
        parameters="params/{dataset}/data.yaml",
        code=CODE["data"],
    output:
        "results/{dataset}/data/manifest.json",
    log:
        "results/{dataset}/logs/data.log",
    benchmark:
        "results/{dataset}/benchmarks/data.tsv"
    conda:
        "../../environment.yml"
    shell:
        "cada data prepare {wildcards.dataset} 2> {log}"
