# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# The status line, one line an event, on every console (screen and serial) and in the journal:
#   vfioneer: host=gpu01 stage=install state=ok step=partition detail="..."
# Read by people on serial-over-LAN, by rehearsals and by tests. To be sourced after host.env.

# status STATE STEP [DETAIL]    STATE is started, ok or failed; STAGE and VFIONEER_HOST are set.
status() {
    # Quotes would end the detail, a newline the line.
    detail=$(printf '%s' "${3:-}" | tr '"\n' "' ")
    # What is written to the kernel log reaches all consoles and the journal at once, and a getty
    # that takes over a terminal cannot swallow it. `quiet` hides what is milder than a warning.
    # (Not `read`: dash reads byte by byte, and this file answers only the first of these reads.)
    console_level=$(cat /proc/sys/kernel/printk)
    [ "${console_level%%[!0-9]*}" -ge 6 ] || echo 6 >/proc/sys/kernel/printk
    echo "<5>vfioneer: host=$VFIONEER_HOST stage=$STAGE state=$1 step=$2 detail=\"$detail\"" >/dev/kmsg
}
