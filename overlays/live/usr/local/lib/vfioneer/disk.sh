# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# The disk: the mark that says whose it is, partitions and file systems.
#
# GPT on both firmwares. The mark stands in sector 2047, between the partition table and the first
# partition, where nothing else of ours is; it is written first, so that after a power cut at any
# moment the disk is known to be ours and is installed again.

MARK_SECTOR=2047

read_mark() {
    dd if="$DISK" bs=512 skip="$MARK_SECTOR" count=1 status=none | tr -d '\0' | head -n 1 |
        grep -a '^vfioneer ' || true
}

# write_mark STATE: installing or installed.
write_mark() {
    printf 'vfioneer %s %s\n' "$VFIONEER_HOST" "$1" |
        dd of="$DISK" bs=512 seek="$MARK_SECTOR" count=1 conv=sync,fsync,notrunc status=none
}

# partition NUMBER: its device; names that end in a digit have a p in between.
partition() {
    case $DISK in
        *[0-9]) printf '%sp%s\n' "$DISK" "$1" ;;
        *) printf '%s%s\n' "$DISK" "$1" ;;
    esac
}

partition_disk() {
    take_down_holders
    # udev looks at a disk again whenever somebody has written to it, and would start what was just
    # taken down: it waits until the old content has gone.
    udevadm control --stop-exec-queue
    write_mark installing
    forget_old_signatures
    local first
    if [ "$FIRMWARE" = uefi ]; then
        first='size=512MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=vfioneer-esp'
    else
        first='size=2MiB, type=21686148-6449-6E6F-744E-656564454649, name=vfioneer-bios'
    fi
    sfdisk --wipe always --wipe-partitions always "$DISK" <<TABLE
label: gpt
first-lba: 2048
$first
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=vfioneer-root
TABLE
    udevadm control --start-exec-queue
    udevadm settle
    if [ "$FIRMWARE" = uefi ]; then mkfs.fat -F 32 -n VFIONEERESP "$(partition 1)"; fi
    mkfs.ext4 -F -q -L vfioneer-root "$(partition 2)"
    udevadm settle
    mount -o noatime "$(partition 2)" "$TARGET"
    if [ "$FIRMWARE" = uefi ]; then
        mkdir -p "$TARGET/boot/efi"
        mount -o umask=0077 "$(partition 1)" "$TARGET/boot/efi"
    fi
    STEP_DETAIL="$(partition 2)"
}
