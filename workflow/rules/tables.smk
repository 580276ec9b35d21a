rule tables:
    input:
        workflow=MATRIX,
        manifest=rules.data.output,
        metrics=expand(rules.evaluate.output.metrics, variant=config["variants"], seed=config["seeds"], allow_missing=True),
        variants=VARIANTS,
        published="params/published.csv",
        code=CODE["tables"],
    output:
        report(expand("results/{{dataset}}/tables/{table}", table=TABLES), caption="../report/tables.rst", category="Tables"),
    log:
        "results/{dataset}/logs/tables.log",
    benchmark:
        "results/{dataset}/benchmarks/tables.tsv"
    conda:
        "../../environment.yml"
    message:
        "Write the tables of {wildcards.dataset}"
    shell:
        "cada tables {wildcards.dataset} --workflow {input.workflow} 2> {log}"
