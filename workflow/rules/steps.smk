# One rule for each step of cada/pipeline.py: train, evaluate, tables and so on.
for step in STEPS:

    rule:
        name:
            step.rule
        input:
            recipe=recipe_of(step),
            made=inputs_of(step),
        output:
            outputs_of(step),
        log:
            beside(step, "logs", ".log"),
        benchmark:
            beside(step, "benchmarks", ".tsv")
        conda:
            "../../environment.yml"
        threads: threads_of(step)
        resources:
            **resources_of(step),
        params:
            command=command_of(step),
        message:
            of_wildcards(step.message)
        shell:
            # `exec`: the step sees the end of Snakemake, and not that of a shell between them
            "exec workflow/scripts/step.sh {params.command} 2> {log:q}"
