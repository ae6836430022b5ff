#!/usr/bin/env bash
# Installs what c4trace is compared with by `make bench`: LTTng-UST from Debian, orjson into .venv, toxiproxy (built by Go)
# and mitmproxy (in a venv of its own) into build/peers. What cannot be had is named; `make bench` then leaves it out.
#
# Exit: 0 all there, 1 something is missing.
set -uo pipefail

readonly mitmproxy=mitmproxy==11.0.2
readonly orjson=orjson==3.13.0
readonly toxiproxy=github.com/Shopify/toxiproxy/v2/cmd/server

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
peers=$root/build/peers
python=${PYTHON:-python3}
missing=0

without() {
    printf 'bench-peers: without %s: %s\n' "$1" "$2" >&2
    missing=1
}

# Runs a command; where it fails, its last line says why there will be no $1.
try() {
    local name=$1 log
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || without "$name" "$(tail -n 1 "$log")"
    rm -f "$log"
}

# The newest toxiproxy that this Go can build.
toxiproxy_version() {
    local go
    go=$(go env GOVERSION 2>/dev/null | grep -o '[0-9]*\.[0-9]*' | head -n 1)
    if printf '1.23\n%s\n' "$go" | sort -CV; then echo v2.12.0; else echo v2.5.0; fi
}

install_toxiproxy() { GOBIN=$peers go install "$toxiproxy@$(toxiproxy_version)" && mv "$peers/server" "$peers/toxiproxy"; }

install_mitmproxy() {
    "$python" -m venv --clear "$peers/mitmproxy" &&
        "$peers/mitmproxy/bin/pip" install --quiet --disable-pip-version-check "$mitmproxy"
}

install_orjson() { "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check "$orjson"; }

mkdir -p "$peers"
try "system packages" "$root/tools/require-system.sh" peers
try orjson install_orjson
[ -x "$peers/toxiproxy" ] || try toxiproxy install_toxiproxy
[ -x "$peers/mitmproxy/bin/mitmdump" ] || try mitmproxy install_mitmproxy
exit "$missing"
