#!/bin/sh
# Loads exported models with the TensorFlow of TF Serving's newest release, in an environment of its own, and
# compares their answers with those of this project's TensorFlow. Called by make check-serving.
set -eu
cd "$(dirname "$0")/.."

lock=serving/tensorflow.lock
other=.venv/serving
uv=$(command -v uv || echo .venv/bin/uv)
version=$(sed -n 's/^tensorflow-cpu==\([0-9.]*\).*/\1/p' "$lock")

"$uv" venv --quiet --allow-existing --python .venv/bin/python "$other"
if ! said=$("$uv" pip sync --quiet --python "$other/bin/python" --require-hashes "$lock" 2>&1); then
    case $said in
    *"not found in the package registry"* | *"no version of tensorflow-cpu=="*)
        echo "check-serving skipped: the package index has no tensorflow-cpu $version"
        exit 0
        ;;
    esac
    echo "$said" >&2
    exit 1
fi

models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
export TF_CPP_MIN_LOG_LEVEL=2
.venv/bin/python scripts/serving_models.py "$models"
"$other/bin/python" scripts/serving_answers.py "$models"
