# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# What happened to the guest: $STATE/guest-events, one line an event, `seconds|kind|text`, the last 50.

# guest_event KIND TEXT
guest_event() {
    local file=$STATE/guest-events text
    text=$(printf '%s' "$2" | tr -c '[:print:]' ' ' | tr '|' ' ')
    {
        tail -n 49 "$file" 2>/dev/null || true
        printf '%s|%s|%s\n' "$(date +%s)" "$1" "$text"
    } >"$file.partial"
    mv "$file.partial" "$file"
}

# events_since SECONDS: how many crashes and resets there were within that time.
events_since() {
    # An awk that goes on without its file would print a zero of its own.
    [ -e "$STATE/guest-events" ] || {
        echo 0
        return 0
    }
    awk -F '|' -v since="$(($(date +%s) - $1))" \
        '$1 >= since && ($2 == "crash" || $2 == "watchdog") { count++ } END { print count + 0 }' \
        "$STATE/guest-events" 2>/dev/null || echo 0
}
