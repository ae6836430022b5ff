#!/usr/bin/env bash
# Names the system packages that are missing for one purpose, with the command that installs them; as root with apt it
# installs them itself.
#
#   require-system.sh setup      what builds c4trace: Python with venv and headers, a C compiler, make
#   require-system.sh litecore   what the real LiteCore of tests/real needs: ICU, a JDK, Maven
#
# PYTHON names the interpreter (python3). Exit: 0 all there, 1 something is missing, 2 wrong usage.
set -euo pipefail

python=${PYTHON:-python3}
purpose=${1:-}

have() { command -v "$1" >/dev/null 2>&1; }

asks_python() { "$python" -c "$1" >/dev/null 2>&1; }

compiles() { echo "#include <$1>" | gcc -E - >/dev/null 2>&1; }

# The Debian packages that are missing for $purpose, one a line.
missing() {
    case $purpose in
    setup)
        have "$python" || echo python3
        asks_python 'import ensurepip, venv' || echo python3-venv
        asks_python 'import os, sysconfig; os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))' ||
            echo python3-dev
        have gcc || echo gcc
        have make || echo make
        { have gcc && ! compiles stdio.h; } && echo libc6-dev || true
        ;;
    litecore)
        compiles unicode/ucol.h || echo libicu-dev
        have javac || echo default-jdk-headless
        have mvn || echo maven
        ;;
    esac
}

fail() {
    printf 'require-system: %s\n' "$*" >&2
    exit 1
}

install() {
    local log
    log=$(mktemp)
    echo "require-system: installing $*"
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"; } \
        >"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install $*"
    fi
    rm -f "$log"
}

case $purpose in
setup | litecore) ;;
*)
    echo "usage: require-system.sh setup|litecore" >&2
    exit 2
    ;;
esac

mapfile -t packages < <(missing)
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! have apt-get; then
        fail "missing: ${packages[*]}; install with: sudo apt-get install -y ${packages[*]}"
    fi
    install "${packages[@]}"
    mapfile -t packages < <(missing)
    [ ${#packages[@]} -eq 0 ] || fail "$python still lacks ${packages[*]}: choose another with make PYTHON=/usr/bin/python3"
fi
if [ "$purpose" = setup ] && ! asks_python 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    fail "$("$python" --version 2>&1) is too old, 3.11 or later is needed: choose another with make PYTHON=..."
fi
