#!/bin/sh
# Makes .venv from requirements.lock, with uv if it is available or can be installed, otherwise with pip.
# Every package is checked against the hashes in requirements.lock.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3.11}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || {
    echo "galmorph needs Python 3.11; this is: $("$python" --version 2>&1 || echo "$python, which does not run"). Set PYTHON=/path/to/python3.11" >&2
    exit 2
}

# A copied, moved or incomplete environment does not work and is made again.
[ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null || {
    rm -rf .venv
    "$python" -m venv .venv
}

# The entry of uv in requirements.lock, with its hashes.
mine=.venv/uv.lock
sed -n '/^uv==/,/^[^ ]/p' requirements.lock | sed -n '1p; /^ *--hash/p' >"$mine"
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$mine" &&
        uv=.venv/bin/uv || echo "uv cannot be installed; continuing with pip" >&2
fi

echo "installing $(grep -c '^[a-zA-Z0-9].*==' requirements.lock) packages into .venv"
if [ -n "$uv" ]; then
    # Compiled here, as pip does: where Python may not write bytecode, TFX would take 36 s to load, not 14 s.
    "$uv" pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
else
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
