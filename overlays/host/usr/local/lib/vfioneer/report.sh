# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# /var/lib/vfioneer/report.json: where this host stands, for vfioneer-status, people and monitoring.

# json TEXT: a JSON string (RFC 8259): control characters become blanks.
json() {
    local text
    text=$(printf '%s' "$1" | tr '\000-\037' ' ' | sed 's/[\\"]/\\&/g')
    printf '"%s"' "$text"
}

# report_pci: every function with its ids and group, so that a later review sees what has moved.
# Builtins only: a process for each device would take long on a slow machine.
report_pci() {
    local device group vendor product comma=
    for device in /sys/kernel/iommu_groups/*/devices/*:*:*.*; do
        [ -r "$device/vendor" ] || continue
        group=${device#/sys/kernel/iommu_groups/}
        read -r vendor <"$device/vendor" || continue
        read -r product <"$device/device" || continue
        printf '%s\n  {"address": "%s", "ids": "%s:%s", "group": %d}' \
            "$comma" "${device##*/}" "${vendor#0x}" "${product#0x}" "${group%%/*}"
        comma=,
    done
}

# reserve_room: what is kept back so that a full disk can still be told in the report.
reserve_room() {
    [ -s "$STATE/reserve" ] || head -c 65536 /dev/zero >"$STATE/reserve" || true
}

# write_report STATE STEP DETAIL
write_report() {
    local entry name result evidence line comma='' firmware=''
    if [ -r /sys/class/dmi/id/bios_version ]; then
        read -r firmware </sys/class/dmi/id/bios_version || true
    fi
    {
        printf '{"host": %s, "state": %s, "step": %s, "detail": %s,\n' \
            "$(json "$VFIONEER_HOST")" "$(json "$1")" "$(json "$2")" "$(json "$3")"
        printf ' "kernel": %s, "arguments": %s,\n' \
            "$(json "$(uname -r)")" "$(json "$(cat /proc/cmdline)")"
        printf ' "firmware": %s,\n' "$(json "$firmware")"
        printf ' "done": ['
        for entry in "$STAMPS"/*; do
            case $entry in *.begun | *'*') continue ;; esac
            printf '%s%s' "$comma" "$(json "${entry##*/}")"
            comma=', '
        done
        printf '],\n "checks": ['
        comma=
        for entry in "${CHECKS[@]}"; do
            IFS='|' read -r name result evidence <<<"$entry"
            printf '%s\n  {"check": %s, "result": %s, "evidence": %s}' \
                "$comma" "$(json "$name")" "$(json "$result")" "$(json "$evidence")"
            comma=,
        done
        printf '\n ],\n "pci": ['
        report_pci
        printf '\n ],\n "guest": ['
        comma=
        while IFS='|' read -r result name evidence; do
            printf '%s\n  {"at": %d, "event": %s, "detail": %s}' \
                "$comma" "$result" "$(json "$name")" "$(json "$evidence")"
            comma=,
        done < <(cat "$STATE/guest-events" 2>/dev/null || true)
        printf '\n ],\n "moved": ['
        comma=
        while read -r line; do
            printf '%s%s' "$comma" "$(json "$line")"
            comma=', '
        done < <(cat "$STATE/moved" 2>/dev/null || true)
        printf ']}\n'
    } >"$STATE/report.json.partial" || return 1
    mv "$STATE/report.json.partial" "$STATE/report.json"
}
