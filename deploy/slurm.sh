#!/bin/bash
# A run in parts on a Slurm cluster: every task of the array works on one part; `merge` joins them.
#
#   sbatch --array=1-16 deploy/slurm.sh medqa.jsonl recipe.yaml runs/medqa
#   reasonmed merge runs/medqa.part-* -o runs/medqa        # once all tasks have ended
#
# A task that was stopped is submitted again with the same words: it goes on where it stood, and nothing is paid twice.
#SBATCH --job-name=reasonmed
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
set -euo pipefail

if [ $# -ne 3 ]; then
  echo "usage: sbatch --array=1-N $0 QUESTIONS RECIPE RUN" >&2
  exit 2
fi
questions=$1 recipe=$2 run=$3
number=${SLURM_ARRAY_TASK_ID:?submit this with --array=1-N}
parts=${SLURM_ARRAY_TASK_MAX:-${SLURM_ARRAY_TASK_COUNT:?submit this with --array=1-N}}

exec "${REASONMED:-reasonmed}" run "$questions" -r "$recipe" --shard "$number/$parts" -o "$run.part-$number"
