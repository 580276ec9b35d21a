rule chapter:
    input:
        workflow=MATRIX,
        manifest=rules.data.output,
        tables=rules.tables.output,
        figures=rules.figures.output,
        attention=rules.attention.output,
        probes=[] if is_sweep(MATRIX) else rules.probe_tables.output,
        vocabulary="results/{dataset}/initial/vocab.txt",
        parameters=expand("params/{{dataset}}/{file}.yaml", file=parameters.DatasetParameters.model_fields),
        variants=VARIANTS,
        code=CODE["chapter"],
    output:
        f"{CHAPTER}/brief.html",
        f"{CHAPTER}/chapter.html",
        *[f"{CHAPTER}/cost.{format}" for format in ("csv", "html", "md", "tex")],
    log:
        f"{REPORTS}/logs/chapter.log",
    benchmark:
        f"{REPORTS}/benchmarks/chapter.tsv"
    conda:
        "../../environment.yml"
    message:
        "Write the report's chapter on {wildcards.dataset}"
    shell:
        "cada chapter {wildcards.dataset} --workflow {input.workflow} 2> {log}"


rule report:
    input:
        workflow=MATRIX,
        chapters=expand(rules.chapter.output, dataset=matrix.datasets),
        transfers=rules.transfer_tables.output if len(matrix.datasets) > 1 else [],
        variants=VARIANTS,
        code=CODE["report"],
    output:
        f"{REPORT}/report.html",
    log:
        f"{REPORT}/logs/report.log",
    benchmark:
        f"{REPORT}/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    message:
        "Bind the report"
    shell:
        "cada report --workflow {input.workflow} 2> {log}"
