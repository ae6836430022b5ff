#!/usr/bin/env bash
# Writes requirements.lock: every version that c4trace runs, is built and is tested with, and the hashes of all its files.
# Universal for CPython 3.11 and later on Linux; without the address of an index, so that any mirror can serve it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check uv
# Not in place: uv would keep the versions it finds in its output.
"$work/venv/bin/uv" pip compile pyproject.toml --all-extras --group dev \
    --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
    --custom-compile-command "make lock" --quiet --output-file "$work/requirements.lock"
cp "$work/requirements.lock" requirements.lock
echo "lock: $(grep -c '==' requirements.lock) packages in requirements.lock"
