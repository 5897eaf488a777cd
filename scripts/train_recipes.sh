#!/usr/bin/env bash
# Trains every classifier recipe on its own data, those that fit on SVHN's crops, and one by cross-validation, measures
# the embedded detector on the same crops, and puts the tables between the marks in docs/classifiers.md. Killed and started
# again, it goes on.
#
#   scripts/train_recipes.sh DATA RUNS        PYTHON=.venv/bin/python by default
set -euo pipefail
data=$(realpath "$1") runs=$(realpath -m "$2")
cd "$(dirname "$0")/.."
train() { "${PYTHON:-.venv/bin/python}" scripts/train.py "$@"; }

for recipe in $(train list --names); do
    train "$recipe" --data "$data" --out "$runs/$recipe"
done
for recipe in $(train list --names --dataset svhn); do
    train "$recipe" --data "$data" --out "$runs/$recipe-svhn" --dataset svhn
done
train cifar10-mlp --data "$data" --out "$runs/cifar10-mlp-folds" --folds 5
mkdir -p "$runs/detector"
train evaluate --data "$data" --split test --json "$runs/detector/evaluation.json"
train list --runs "$runs" --detector "$runs/detector/evaluation.json" --into docs/classifiers.md
