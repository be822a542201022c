# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# pacman, so that a power cut in the middle of it loses nothing.
#
# What pacman writes reaches the disk when the file system likes: after a cut, files and pacman's own
# records may be empty, a record half written counts as no package, and an empty configuration file is
# taken for the administrator's own. So what there was is written down before, whole and flushed:
# pacman's records and /etc. A transaction that was cut off is undone in these two and made again over
# whatever lies on the disk.

# transaction WORD...: run pacman with these words.
transaction() {
    local options=(--noconfirm --noprogressbar) result=0 interrupted=
    # Nothing else runs this early: a lock is left from a boot that was cut off.
    rm -f /var/lib/pacman/db.lck
    if [ -e "$STAMPS/packages.begun" ]; then
        status started "$STEP" "pacman was cut off in the middle: what there was before is put back"
        put_back
        # Lists of what mirrors have, and packages that were being fetched, may be empty as well.
        rm -rf /var/lib/pacman/sync /var/cache/pacman/pkg
        mkdir -p /var/lib/pacman/sync /var/cache/pacman/pkg
        touch "$STATE/packages.interrupted"
    else
        write_down
        touch "$STAMPS/packages.begun"
        sync
    fi
    if [ -e "$STATE/packages.interrupted" ]; then
        # Files may lie there that no record knows.
        interrupted=yes
        options+=(--overwrite '*')
    fi
    pacman "$@" "${options[@]}" || result=$?
    if [ "$result" != 0 ]; then
        # It may have failed after it removed an old record (a full disk); people mend things from here
        # on, so that nothing is put back later.
        touch "$STATE/packages.interrupted"
        put_back
        forget
        return "$result"
    fi
    judge_packages "$interrupted"
    forget
}

# forget: after this the next boot puts nothing back, so that all of it has to be on the disk.
forget() {
    sync
    rm -rf "$STAMPS/packages.begun" "$STATE/before"
    sync
}

write_down() {
    rm -rf "$STATE/before" "$STATE/before.new"
    mkdir -p "$STATE/before.new"
    cp -a /etc "$STATE/before.new/etc"
    cp -a /var/lib/pacman/local "$STATE/before.new/local"
    pacman -Q | sort >"$STATE/before.new/packages"
    database_errors >"$STATE/before.new/errors"
    sync
    mv "$STATE/before.new" "$STATE/before"
    sync
}

# rsync writes a file beside the old one and renames it, so that this may be cut off, too.
put_back() {
    rsync -aHAX --checksum --delete "$STATE/before/local/" /var/lib/pacman/local/
    rsync -aHAX --checksum --delete "$STATE/before/etc/" /etc/
    sync
}

database_errors() {
    pacman -Dk 2>&1 | grep -v 'No database errors' | sort || true
}

# judge_packages INTERRUPTED: pacman's own look at its records and at every file of the packages that
# the transaction brought. What a file has inside is looked at where somebody pulled the plug.
judge_packages() {
    local fresh wrong depth=-Qk
    if [ -n "$1" ]; then depth=-Qkk; fi
    wrong=$(database_errors | comm -13 "$STATE/before/errors" -)
    mapfile -t fresh < <(pacman -Q | sort | comm -13 "$STATE/before/packages" - | cut -d ' ' -f 1)
    if [ "${#fresh[@]}" -gt 0 ]; then
        # Owners and times are changed by tmpfiles and hooks, and configuration is allowed to differ.
        wrong+=$(LC_ALL=C pacman "$depth" "${fresh[@]}" 2>&1 | grep -v '^backup file' |
            grep -E '\((No such file or directory|Size mismatch|[A-Z0-9]+ checksum mismatch)\)' || true)
    fi
    [ -z "$wrong" ] || give_up "pacman finds its own work wanting: $(tail -n 3 <<<"$wrong")"
}
