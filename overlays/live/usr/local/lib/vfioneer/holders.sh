# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# What an old system left running on the disk: udev starts logical volumes, arrays and multipath maps
# by itself, and a disk that somebody holds cannot be partitioned (sfdisk: "this disk is in use").

# layers: NAME TYPE MOUNTPOINT of everything that lies on the disk, the disk itself first.
layers() {
    lsblk -n -r -o NAME,TYPE,MOUNTPOINT "$DISK"
}

# holders: NAME (TYPE), one a line, what is neither the disk nor one of its partitions.
holders() {
    layers | awk '$2 != "disk" && $2 != "part" && !seen[$1]++ { print $1 " (" $2 ")" }'
}

# mounts: what is mounted from the disk or from what lies on it; swap can be turned off.
mounts() {
    layers | awk '$3 != "" && $3 != "[SWAP]" && !seen[$1]++ { print $1 " at " $3 }'
}

# Only what the recipe gives away is taken down; what is mounted belongs to somebody in any case.
guard_holders() {
    local found
    found=$(mounts | paste -s -d , -)
    if [ -n "$found" ]; then refuse "$DISK is in use: ${found//,/, } is mounted"; fi
    found=$(holders | paste -s -d , -)
    if [ -n "$found" ] && [ "$DISK_WIPE" != any ]; then
        refuse "$DISK is held by ${found//,/, } and the recipe says wipe: $DISK_WIPE"
    fi
}

# take_down_holders: leaves nothing running on the disk, and has written nothing to it by then. What
# lies on top goes first, so that each round takes what nothing holds any more.
take_down_holders() {
    local round name type
    swapoff -a || true
    for round in 1 2 3 4 5 6 7 8; do
        [ -n "$(holders)" ] || return 0
        while read -r name type; do
            case $type in
                '(raid'* | '(linear)' | '(md)' | '(container)') mdadm --stop "/dev/$name" || true ;;
                *) dmsetup remove --retry "$name" || true ;;
            esac
        done < <(holders | tac)
        udevadm settle
    done
    give_up "nothing was written: $DISK is still held by $(holders | paste -s -d ' ' -) after $round attempts to take it down"
}

# forget_old_signatures: what the old partitions said of themselves, so that udev does not start it again
# once a new partition happens to begin where an old one did.
forget_old_signatures() {
    local name type _mount
    while read -r name type _mount; do
        if [ "$type" = part ]; then wipefs --all --force --quiet "/dev/$name"; fi
    done < <(layers)
    wipefs --all --force --quiet "$DISK"
}
