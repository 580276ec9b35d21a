#!/bin/sh
# Install Slurm for the tests of its profile where it is missing (Debian, Ubuntu: as root or with sudo).
set -eu

missing=
for name in munged slurmctld slurmd sbatch; do
    PATH=$PATH:/usr/sbin command -v "$name" >/dev/null || missing=$name
done
if [ -z "$missing" ]; then exit 0; fi
export DEBIAN_FRONTEND=noninteractive
as_root=
if [ "$(id -u)" != 0 ]; then as_root="sudo --non-interactive"; fi
if ! { $as_root apt-get update --quiet=2 && $as_root apt-get install --quiet=2 --no-install-recommends slurm-wlm munge; }; then
    echo "slurm: Slurm is missing and cannot be installed here. Install it: apt-get install slurm-wlm munge" >&2
    exit 1
fi
