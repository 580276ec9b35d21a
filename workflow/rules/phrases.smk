rule phrases:
    input:
        manifest=rules.data.output,
        parameters=expand("params/{{dataset}}/{file}.yaml", file=["data", "phrases"]),
        code=CODE["phrases"],
    output:
        "results/{dataset}/phrases.parquet",
    log:
        "results/{dataset}/logs/phrases.log",
    benchmark:
        "results/{dataset}/benchmarks/phrases.tsv"
    conda:
        "../../environment.yml"
    message:
        "Parse the captions of {wildcards.dataset}"
    shell:
        "cada phrases {wildcards.dataset} 2> {log}"
