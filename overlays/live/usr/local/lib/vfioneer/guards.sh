# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# Everything that must be true before the first write. All guards run; all reasons are told.

REASONS=()
DISK=

refuse() {
    REASONS+=("$1")
}

run_guards() {
    guard_firmware
    guard_identity
    guard_disk
    if [ -n "$DISK" ]; then
        guard_contents
        guard_holders
        guard_space
    fi
    guard_locale
    guard_images
    if [ ${#REASONS[@]} -gt 0 ]; then
        local all
        all=$(printf '%s; ' "${REASONS[@]}")
        give_up "nothing was written: ${all%; }"
    fi
    STEP_DETAIL="this is $VFIONEER_HOST, disk $DISK"
}

guard_firmware() {
    local mode=bios
    if [ -d /sys/firmware/efi ]; then mode=uefi; fi
    if [ "$mode" != "$FIRMWARE" ]; then
        refuse "the firmware booted in $mode mode, the recipe says $FIRMWARE"
    fi
}

# dmi NAME: a field of /sys/class/dmi/id without the blanks around it.
dmi() {
    sed 's/^[[:space:]]*//; s/[[:space:]]*$//' "/sys/class/dmi/id/$1" 2>/dev/null || true
}

guard_identity() {
    guard_dmi "UUID" product_uuid "${IDENTITY_UUID,,}"
    guard_dmi "serial" product_serial "$IDENTITY_SERIAL"
    guard_dmi "product" product_name "$IDENTITY_PRODUCT"
    guard_dmi "board" board_name "$IDENTITY_BOARD"
    local mac present
    present=$(cat /sys/class/net/*/address)
    for mac in $IDENTITY_MACS; do
        if ! grep -qix "$mac" <<<"$present"; then
            refuse "wrong machine: no interface has the MAC $mac"
        fi
    done
}

# guard_dmi WORD FIELD WANTED
guard_dmi() {
    [ -n "$3" ] || return 0
    local found
    found=$(dmi "$2")
    if [ "${found,,}" != "${3,,}" ]; then
        refuse "wrong machine: its $1 is '$found', not '$3'"
    fi
}

# What the recipe selects, in words.
disk_wish() {
    local words=()
    if [ -n "$DISK_SERIAL" ]; then words+=("serial $DISK_SERIAL"); fi
    if [ -n "$DISK_WWN" ]; then words+=("WWN $DISK_WWN"); fi
    if [ -n "$DISK_MODEL" ]; then words+=("model $DISK_MODEL"); fi
    if [ -n "$DISK_SIZE" ]; then words+=("about $DISK_SIZE bytes"); fi
    case $DISK_SOLID_STATE in
        yes) words+=("solid state") ;;
        no) words+=("rotating") ;;
    esac
    local all
    all=$(printf '%s, ' "${words[@]}")
    printf 'disk with %s\n' "${all%, }"
}

# attribute NAME DISK: one column of lsblk without the blanks around it.
attribute() {
    lsblk -d -n -b -o "$1" "/dev/$2" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//'
}

guard_disk() {
    local name matching=() seen=() medium
    medium=$(medium_disks)
    for name in $(lsblk -d -n -o NAME -I 3,8,65,66,67,68,69,70,71,179,252,253,254,259); do
        [ "$(attribute TYPE "$name")" = disk ] || continue
        if [ "$(attribute SIZE "$name")" = 0 ] || [ "$(attribute RO "$name")" = 1 ]; then continue; fi
        if [ "$(attribute RM "$name")" = 1 ]; then continue; fi
        if grep -qx "$name" <<<"$medium"; then continue; fi
        seen+=("$name ($(attribute SIZE "$name") bytes, serial $(attribute SERIAL "$name"))")
        if disk_matches "$name"; then matching+=("$name"); fi
    done
    local there="there is ${seen[*]:-no disk besides the medium}"
    case ${#matching[@]} in
        0) refuse "no disk matches: wanted a $(disk_wish); $there" ;;
        1) DISK=/dev/${matching[0]} ;;
        *) refuse "${#matching[@]} disks match: wanted one $(disk_wish); $there" ;;
    esac
}

disk_matches() {
    local size
    if [ -n "$DISK_SERIAL" ] && [ "$(attribute SERIAL "$1")" != "$DISK_SERIAL" ]; then return 1; fi
    if [ -n "$DISK_WWN" ] && [ "$(bare_wwn "$(attribute WWN "$1")")" != "$(bare_wwn "$DISK_WWN")" ]; then
        return 1
    fi
    if [ -n "$DISK_MODEL" ] && [ "$(attribute MODEL "$1")" != "$DISK_MODEL" ]; then return 1; fi
    if [ -n "$DISK_SIZE" ]; then
        size=$(attribute SIZE "$1")
        # Labels round: a 120 GB disk may have 111.8 GiB or 128 GB.
        if [ $((size * 100)) -lt $((DISK_SIZE * 93)) ]; then return 1; fi
        if [ $((size * 100)) -gt $((DISK_SIZE * 107)) ]; then return 1; fi
    fi
    case $DISK_SOLID_STATE in
        yes) [ "$(attribute ROTA "$1")" = 0 ] || return 1 ;;
        no) [ "$(attribute ROTA "$1")" = 1 ] || return 1 ;;
    esac
}

# Tools write one WWN with different prefixes.
bare_wwn() {
    local wwn=${1,,} prefix
    for prefix in 0x eui. naa. nvme.; do wwn=${wwn#"$prefix"}; done
    printf '%s' "$wwn"
}

# What the recipe gives away. An installation that was cut off is never worth keeping; a finished one
# is a working host, which a forgotten medium must not install over.
guard_contents() {
    [ "$DISK_WIPE" != any ] || return 0
    local mark found
    mark=$(read_mark)
    case $mark in
        "vfioneer $VFIONEER_HOST installed")
            if [ "$DISK_WIPE" = blank-or-unfinished ]; then
                refuse "$DISK holds a finished installation of this host and the recipe says wipe: $DISK_WIPE (blank-or-ours installs over it)"
            fi
            return
            ;;
        "vfioneer "*" installed")
            refuse "$DISK holds a finished installation of another host ($mark) and the recipe says wipe: $DISK_WIPE (any installs over it)"
            return
            ;;
        "vfioneer "*) return ;;
    esac
    found=$({
        wipefs --noheadings --output TYPE "$DISK"
        lsblk -n -o FSTYPE "$DISK"
    } | sed '/^$/d' | sort -u | tr '\n' ' ')
    if [ -n "$found" ]; then
        refuse "$DISK holds foreign data (${found% }) and the recipe says wipe: $DISK_WIPE"
    fi
}

# What will lie on the disk: the images take up to four times their compressed size.
guard_space() {
    local images bulk size needed
    images=$(du -cb "$IMAGES"/rootfs.sfs "$IMAGES"/desktopfs.sfs | awk 'END { print $1 }')
    bulk=$(awk '{ sum += $2 } END { print sum + 0 }' /etc/vfioneer/bulk)
    size=$(attribute SIZE "${DISK##*/}")
    needed=$((images * 4 + bulk + 1536 * 1024 * 1024))
    if [ "$size" -lt "$needed" ]; then
        refuse "$DISK is too small: it has $size bytes, about $needed are needed"
    fi
}

# The live system is made of the images that are installed: what it cannot generate, the target cannot.
guard_locale() {
    local source=${LOCALE%%.*}
    case $LOCALE in *@*) source+=@${LOCALE##*@} ;; esac
    if [ ! -e "/usr/share/i18n/locales/$source" ] && ! locale -a | grep -qixF "${LOCALE/%UTF-8/utf8}"; then
        refuse "the base knows no locale $LOCALE"
    fi
}

# What will be unpacked is what the medium was made from.
guard_images() {
    local sum name
    while read -r sum name; do
        if [ "$(sha256sum "$IMAGES/$name" | cut -d ' ' -f 1)" != "$sum" ]; then
            refuse "the image $name is damaged (its sha256 is not that of the base)"
        fi
    done </etc/vfioneer/images.sha256
}
