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

fail() {
    printf 'require-system: %s\n' "$*" >&2
    exit 1
}

# True if the interpreter is there and this expression is true in it.
python_says() { "$python" -c "import importlib.util, os, sys, sysconfig; sys.exit(not ($1))" 2>/dev/null; }

can_make_venv() { python_says 'importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")'; }

has_headers() { python_says 'os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))'; }

can_include() { echo "#include <$1>" | gcc -E - >/dev/null 2>&1; }

# Ends the script where no package can help.
require_usable_python() {
    if ! have "$python"; then
        [ "$python" = python3 ] || fail "PYTHON=$python is not there: choose another, such as make PYTHON=/usr/bin/python3"
    elif ! python_says 'sys.version_info >= (3, 11)'; then
        fail "$python is $("$python" --version 2>&1), c4trace needs 3.11 or later: choose another with make PYTHON=..."
    elif ! python_says 'sys.base_prefix == "/usr"' && ! { can_make_venv && has_headers; }; then
        fail "$python lacks venv or Python.h, which Debian has for its own only: choose that by make PYTHON=/usr/bin/python3"
    fi
}

# The Debian packages that are missing for $purpose, one a line.
missing() {
    case $purpose in
    setup)
        have "$python" || echo python3
        can_make_venv || echo python3-venv
        has_headers || echo python3-dev
        have gcc || echo gcc
        have make || echo make
        if have gcc && ! can_include stdio.h; then echo libc6-dev; fi
        ;;
    litecore)
        can_include unicode/ucol.h || echo libicu-dev
        have javac || echo default-jdk-headless
        have mvn || echo maven
        ;;
    esac
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
setup) require_usable_python ;;
litecore) ;;
*)
    echo "usage: require-system.sh setup|litecore" >&2
    exit 2
    ;;
esac

mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! have apt-get; then
    fail "missing: ${packages[*]}; install with: sudo apt-get update && sudo apt-get install -y ${packages[*]}"
fi
install "${packages[@]}"
mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] || fail "still missing after apt-get installed them: ${packages[*]}"
