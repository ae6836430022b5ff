#!/usr/bin/env bash
# Puts a real Couchbase LiteCore 3.0.0 and the ICU libraries it wants into .litecore/, for tests/real.
#
# LiteCore comes from the Maven artifact com.couchbase.lite:couchbase-lite-java:3.0.0 and is a test dependency
# only: it is never committed (Couchbase's Community Edition licence). It is linked to ICU 54, so tools/icu54.c
# is built against this machine's ICU and put beside it under the names it asks for.
#
# Kept between checkouts in ${XDG_CACHE_HOME:-~/.cache}/c4trace/litecore-3.0.0. Running it again does nothing.
# Exit: 0 ready, or not to be had here and the tests will be skipped (one line says why);
#       1 not to be had here although CI is set.
set -euo pipefail

readonly artifact=com.couchbase.lite:couchbase-lite-java:3.0.0
readonly member=libs/linux/x86_64/libLiteCore.so
readonly so_sha256=6dfc72e4c68b4d0c3291b2d411a6734b025ce07b029ed5c46396bac69c90e1bb

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=$root/.litecore
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/c4trace/litecore-3.0.0
shim=$root/tools/icu54.c
python=${PYTHON:-python3}
scratch=()

say() { printf 'litecore: %s\n' "$*"; }

# Ends the script: a failure where CI is set, a skip of tests/real elsewhere.
without() {
    if [ -n "${CI:-}" ]; then
        say "$* (in CI tests/real may not be skipped)" >&2
        exit 1
    fi
    say "tests/real will be skipped: $*"
    exit 0
}

fingerprint() { sha256sum "$1" | cut -d ' ' -f 1; }

# True if folder $1 holds the right LiteCore, shims built from today's source, and all of it loads here.
complete() {
    [ -f "$1/libLiteCore.so" ] && [ -f "$1/icu54.sha256" ] &&
        [ "$(fingerprint "$1/libLiteCore.so")" = "$so_sha256" ] &&
        [ "$(cat "$1/icu54.sha256")" = "$(fingerprint "$shim")" ] &&
        loads "$1/libLiteCore.so" 2>/dev/null
}

loads() { "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1]).c4repl_newWithSocket' "$1"; }

# Makes a copy of folder $1 appear as folder $2 in one step.
install_folder() {
    local new=$2.new.$$ old=$2.old.$$
    scratch+=("$new" "$old")
    mkdir -p "$(dirname "$2")"
    cp -a "$1" "$new"
    [ ! -e "$2" ] || mv -T "$2" "$old"
    mv -T "$new" "$2"
    rm -rf "$old"
}

# ICU's headers, a JDK and Maven: installed if we may, else named.
require_packages() {
    "$root/tools/require-system.sh" litecore 2>"$build/packages.log" || without "$(tail -n 1 "$build/packages.log")"
}

# Links library $1, its own file name as SONAME, from the other arguments.
make_library() { gcc -O2 -Wall -Wextra -Werror -fPIC -shared -Wl,-soname,"$(basename "$1")" -o "$@"; }

# Fills folder $1 with LiteCore and the libraries it is linked to.
make_folder() {
    mvn -q -B dependency:copy -Dartifact=$artifact -DoutputDirectory="$build/jar" >"$build/mvn.log" 2>&1 ||
        without "Maven could not get $artifact: $(grep -m 1 -o 'ERROR.*' "$build/mvn.log" || tail -n 1 "$build/mvn.log")"
    "$python" -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
        "$build"/jar/*.jar $member >"$1/libLiteCore.so"
    [ "$(fingerprint "$1/libLiteCore.so")" = $so_sha256 ] ||
        without "$artifact holds another libLiteCore.so than the one these tests were written for"
    { make_library "$1/libicuuc.so.54" "$shim" -licuuc -licui18n &&
        make_library "$1/libicui18n.so.54" -x c /dev/null &&
        make_library "$1/libicudata.so.54" -x c /dev/null; } 2>"$build/gcc.log" ||
        without "gcc could not build the ICU 54 libraries: $(grep -m 1 error "$build/gcc.log" || tail -n 1 "$build/gcc.log")"
    fingerprint "$shim" >"$1/icu54.sha256"
    loads "$1/libLiteCore.so" 2>"$build/load.log" || without "LiteCore does not load here: $(tail -n 1 "$build/load.log")"
}

if complete "$target"; then
    say "LiteCore 3.0.0 is in .litecore/ already"
    exit 0
fi
[ "$(uname -s)/$(uname -m)" = Linux/x86_64 ] || without "LiteCore 3.0.0 for Java exists for x86-64 Linux only"

build=$(mktemp -d)
trap 'rm -rf "$build" "${scratch[@]}"' EXIT
trap 'exit 130' INT TERM

mkdir -p "$(dirname "$cache")" 2>/dev/null && [ -w "$(dirname "$cache")" ] || cache=$build/cache
exec 9>"$cache.lock"
flock 9 # two checkouts may be set up at the same time

if ! complete "$cache"; then
    require_packages
    mkdir "$build/litecore"
    make_folder "$build/litecore"
    install_folder "$build/litecore" "$cache"
fi
install_folder "$cache" "$target"
say "LiteCore 3.0.0 is in .litecore/"
