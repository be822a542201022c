#!/bin/sh
# SPDX-License-Identifier: MIT
# First use of ./doit: install the system packages (or say what to type), then make .venv from the
# hash-pinned requirements. Runs again when requirements.txt, the table of packages or this file changes.
# With the word `docs` it adds what builds the site, which nobody needs to build media.
set -eu

# Which package proves itself by which program or file.
table=vfioneer/system/packages.txt

say() { printf '%s\n' "vfioneer: $*" >&2; }
die() { say "$*"; exit 1; }

# What runs in the background, and what is thrown away when it is interrupted.
job=
half=
interrupted() {
    [ -z "$job" ] || kill "$job" 2>/dev/null || :
    [ -z "$half" ] || rm -rf "$half"
    say 'interrupted; type it again, and it goes on'
    exit 130
}
trap interrupted INT
# in_background COMMAND...: its words go to $log; Ctrl-C reaches this script alone.
in_background() {
    "$@" >"$log" 2>&1 9<&- &
    job=$!
}

# what_to_type COMMAND WHY: end with the one line that root has to type.
what_to_type() {
    say "$2"
    printf '\nas root, type\n\n    %s\n\nand then what you typed again\n' "$1" >&2
    case $1 in
        *nginx*) say 'if that starts nginx and you do not want it: systemctl disable --now nginx (serve runs its own)' ;;
    esac
    exit 1
}

# without_services COMMAND...: run it with starting of services forbidden (policy-rc.d(8)), and leave
# nginx disabled for the next boot, too.
without_services() {
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 0755 "$policy"
        # shellcheck disable=SC2064  # the words are to be expanded now
        trap "$as_root rm -f $policy" EXIT
    fi
    "$@" || return 1
    $as_root systemctl disable nginx.service >/dev/null 2>&1 || :
}

present() {
    alternatives=$1
    while [ -n "$alternatives" ]; do
        first=${alternatives%%|*}
        case $first in
            /*) [ -e "$first" ] && return 0 ;;
            *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$first" >/dev/null && return 0 ;;
        esac
        case $alternatives in *'|'*) alternatives=${alternatives#*|} ;; *) alternatives='' ;; esac
    done
    return 1
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
}

missing_packages() { # SYSTEM: debian, arch
    while read -r proof debian arch named; do
        case $proof in '' | '#'*) continue ;; esac
        [ "$1" = debian ] && package=$debian || package=$arch
        [ "$package" = - ] || [ "$named" = named ] || present "$proof" || printf '%s\n' "$package"
    done <"$table"
    interpreter=$(find_python)
    if [ -z "$interpreter" ]; then
        [ "$1" = debian ] && printf '%s\n' python3 python3-venv python3-dev || echo python
    elif [ "$1" = debian ]; then
        # Debian splits what a virtual environment and a compiled library need from the interpreter.
        "$interpreter" -c 'import ensurepip' 2>/dev/null || echo python3-venv
        "$interpreter" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' 2>/dev/null || echo python3-dev
    fi
}

# Two first uses at once: the second waits, and then finds most of it done.
exec 9<setup.sh
if command -v flock >/dev/null && ! flock -n 9; then
    say 'another set-up is running in this checkout: waiting for it'
    flock 9
fi

if command -v apt-get >/dev/null; then
    packages=$(missing_packages debian | sort -u | tr '\n' ' ')
    install="apt-get install -y --no-install-recommends ${packages% }"
    refresh='apt-get update -q'
    typed="apt-get update && $install"
elif command -v pacman >/dev/null; then
    packages=$(missing_packages arch | sort -u | tr '\n' ' ')
    install="pacman -S --needed --noconfirm ${packages% }"
    refresh=
    # Arch keeps no old packages: what the lists of yesterday name may be gone.
    typed="pacman -Syu --needed ${packages% }"
else
    die 'neither apt-get nor pacman is here: vfioneer builds on Debian, Ubuntu, Arch and Manjaro'
fi

if [ -n "${packages% }" ]; then
    # shellcheck disable=SC2086  # words on purpose
    set -- $packages
    [ $# = 1 ] && missing='a system package is missing' || missing="$# system packages are missing"
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif ! command -v sudo >/dev/null; then
        what_to_type "$typed" "$missing, and there is no sudo"
    elif sudo -n true 2>/dev/null || [ -t 0 ]; then
        # sudo hands on no variables: debconf is not to ask.
        as_root='sudo env DEBIAN_FRONTEND=noninteractive'
    else
        what_to_type "$typed" "$missing, and sudo would ask for a password"
    fi
    if [ -t 0 ] && [ "${CI:-}" != true ]; then
        printf 'vfioneer: install these system packages?  %s\n[Y/n] ' "$packages" >&2
        read -r answer || answer=n
        case $answer in [nN]*) what_to_type "$typed" 'nothing was installed' ;; esac
    fi
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if [ -n "$refresh" ]; then
        say "reading the lists of packages ($refresh)"
        # shellcheck disable=SC2086  # words on purpose
        if ! $as_root $refresh >"$log" 2>&1; then
            cat "$log" >&2
            what_to_type "$typed" "$refresh failed (its words are above)"
        fi
    fi
    rm -f "$log"
    say "installing $# system packages: ${packages% }"
    # Debian starts a daemon as it installs it; nginx is here for `serve` alone and is to stay off.
    quiet_services() { "$@"; }
    case $install in
        *apt-get*nginx*) quiet_services() { without_services "$@"; } ;;
    esac
    # shellcheck disable=SC2086  # words on purpose
    quiet_services $as_root $install >&2 9<&- || what_to_type "$typed" 'the packages could not be installed (see above)'
fi

# install_libraries FILE: by pip, as pinned. pip is silent for a quarter of a minute, or speaks of every
# file: what it is at is told instead.
install_libraries() {
    libraries=$(grep -c '^[a-z0-9]' "$1")
    log=$(mktemp)
    in_background .venv/bin/python -m pip install --progress-bar off --disable-pip-version-check --require-hashes -r "$1"
    said=
    while kill -0 "$job" 2>/dev/null; do
        at=$(sed -n 's/^Collecting \([^ =;]*\).*/\1/p; s/^ *Building wheel for \([^ ]*\) .*/building \1/p; s/^Installing collected.*/installing all of them/p' "$log" | tail -n 1)
        if [ "$at" != "$said" ]; then
            said=$at
            case $at in *' '*) say "  $at" ;; *) say "  $(grep -c '^Collecting ' "$log") of $libraries: $at" ;; esac
        fi
        sleep 1
    done
    if ! wait "$job"; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "pip could not install $1 (see above); nothing else was changed. When that is mended (a proxy, a mirror: pip config), type what you typed again"
    fi
    rm -f "$log"
}

if [ "${1:-}" = docs ]; then
    say "installing $(grep -c '^[a-z0-9]' docs/requirements.txt) Python libraries that build the site, into .venv"
    install_libraries docs/requirements.txt
    cp docs/requirements.txt .venv/docs-requirements.txt
    exit
fi

python=$(find_python)
[ -n "$python" ] || die "Python 3.11 or newer is needed, and $(python3 --version 2>&1) is what this system has: take Debian 12, Ubuntu 24.04 or newer"
libraries=$(grep -c '^[a-z0-9]' requirements.txt)
if [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "installing $libraries Python libraries anew into .venv"
else
    say "installing $libraries Python libraries for $("$python" --version), into .venv (half a minute)"
    rm -rf .venv
    half=.venv
    log=$(mktemp)
    in_background "$python" -m venv .venv
    wait "$job" || {
        cat "$log" >&2
        rm -rf .venv
        die "$python -m venv .venv failed (see above); mend that, and type it again"
    }
    half=
    rm -f "$log"
fi
install_libraries requirements.txt
# Written last: an interrupted set-up starts again.
cp "$table" requirements.txt setup.sh .venv/
say 'ready'
