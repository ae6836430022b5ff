#!/usr/bin/env bash
# Names the system packages that are missing for one purpose, with the command that installs them; as root with apt it
# installs them itself.
#
#   require-system.sh setup      what builds c4trace: Python with venv and headers, a C compiler, make
#   require-system.sh litecore   what the real LiteCore of tests/real needs: ICU, a JDK, Maven
#   require-system.sh test       what tests run beside c4trace: openssl; and Prometheus, Chromium, pkg-config, Rust, a JDK,
#                                Maven, and gcc and qemu for arm64, without which some are skipped
#   require-system.sh observe    what `make observe` starts: Prometheus
#   require-system.sh peers      what `make bench` compares with or measures by: LTTng-UST, Go for toxiproxy, valgrind
#
# PYTHON names the interpreter (python3). Exit: 0 all there, or only tests will be skipped (one line says so);
# 1 something is missing (where CI is set also what tests could be skipped without), 2 wrong usage.
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

# The Debian packages that are missing for $purpose and that it cannot do without, one a line.
needed() {
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
    observe)
        have prometheus || echo prometheus
        ;;
    test)
        have openssl || echo openssl
        [ -z "${CI:-}" ] || wished
        ;;
    peers)
        can_include lttng/tracepoint.h || echo liblttng-ust-dev
        { have lttng && have lttng-sessiond; } || echo lttng-tools
        have go || echo golang-go
        have valgrind || echo valgrind
        ;;
    esac
}

# Those without which tests are skipped, one a line.
wished() {
    [ "$purpose" = test ] || return 0
    if ! { have prometheus && have promtool; }; then echo prometheus; fi
    have chromium || echo chromium
    have pkg-config || echo pkgconf
    have tmux || echo tmux
    have cargo || echo cargo
    have javac || echo default-jdk-headless
    have mvn || echo maven
    have qemu-aarch64 || echo qemu-user
    have aarch64-linux-gnu-gcc || printf '%s\n' gcc-aarch64-linux-gnu libc6-dev-arm64-cross
}

missing() { { needed && wished; } | sort -u; }

# Runs a command during which no package starts its service. (A body in parentheses, so that the trap is its own.)
without_services() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    fi
    "$@"
)

apt_install() {
    apt-get update || return
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@" || return
    # Of Prometheus we want the programs only: its service starts at the next boot neither.
    if [[ " $* " == *" prometheus "* ]] && have systemctl; then systemctl disable prometheus.service || true; fi
}

# Installs packages, or tells in its last line why not.
install() {
    local log status=0
    log=$(mktemp)
    echo "require-system: installing $*"
    without_services apt_install "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" != 0 ]; then
        tail -n 5 "$log" >&2
        printf 'require-system: apt-get could not install %s\n' "$*" >&2
    fi
    rm -f "$log"
    return "$status"
}

may_install() { [ "$(id -u)" = 0 ] && have apt-get; }

case $purpose in
setup) require_usable_python ;;
litecore | observe | test | peers) ;;
*)
    echo "usage: require-system.sh setup|litecore|observe|test|peers" >&2
    exit 2
    ;;
esac

mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0
if may_install && install "${packages[@]}"; then
    mapfile -t packages < <(missing)
    [ ${#packages[@]} -gt 0 ] || exit 0
fi
how="sudo apt-get update && sudo apt-get install -y ${packages[*]}"
mapfile -t without < <(needed)
[ ${#without[@]} -eq 0 ] || fail "missing: ${without[*]}; install with: $how"
echo "require-system: missing, so that some tests will be skipped: ${packages[*]}; install with: $how"
