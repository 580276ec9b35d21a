# Read by a Slurm job before Snakemake: snakemake-executor-plugin-slurm-jobstep (0.6.1) drops SLURM_CONF with the rest of SLURM_*
# before it calls srun, which then finds no controller where slurm.conf is not in /etc. The srun beside this file brings it back.
if [ -n "${SLURM_CONF:-}" ] && [ -z "${CADA_SRUN:-}" ]; then
    CADA_SRUN=$(command -v srun)
    CADA_SLURM_CONF=$SLURM_CONF
    PATH=$PWD/workflow/scripts/slurm:$PATH
    export CADA_SRUN CADA_SLURM_CONF PATH
fi
