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
    message:
        "Draw or check the data set {wildcards.dataset}"
    shell:
        "cada data prepare {wildcards.dataset} 2> {log}"
