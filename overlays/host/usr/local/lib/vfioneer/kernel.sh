# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# Kernels that were replaced while they ran, and what a new one has moved.

# A kernel that was upgraded has taken its modules along: kvm and vfio can be loaded again only after
# a restart. Once: what a restart does not mend is for people.
restart_for_the_kernel() {
    local running
    running=$(uname -r)
    [ ! -d "/usr/lib/modules/$running/kernel" ] || return 0
    STEP=restart
    if [ -e "$STATE/restarted" ]; then
        give_up "the running kernel $running has no modules, also after a restart; installed: $(installed_kernels)"
    fi
    require_initramfs
    touch "$STATE/restarted"
    write_report started restart "the running kernel $running was replaced by $(installed_kernels)"
    sync
    status started restart "the running kernel $running was replaced by $(installed_kernels): the machine restarts before its services"
    systemctl reboot
    # The rest belongs to the next boot.
    exit 0
}

installed_kernels() {
    local directory found=
    for directory in /usr/lib/modules/*/; do
        if [ -e "$directory/kernel" ]; then found+=" $(basename "$directory")"; fi
    done
    printf '%s' "${found:- none}" | cut -c 2-
}

# pacman's hook has made the images, unless it failed: without one the next boot would be the last.
require_initramfs() {
    local kernel image missing=
    for kernel in /boot/vmlinuz-*; do
        image=/boot/initramfs-${kernel#/boot/vmlinuz-}.img
        if [ ! -s "$image" ] || [ "$kernel" -nt "$image" ]; then missing=yes; fi
    done
    [ -n "$missing" ] || return 0
    mkinitcpio -P || give_up "the new kernel has no initramfs: mkinitcpio -P failed"
    grub-mkconfig -o /boot/grub/grub.cfg
}

# note_devices: compares the machine's functions, their groups and drivers with those of the boot
# before, and keeps them for the next. $STATE/moved has what differs, one line a thing.
note_devices() {
    local boot
    boot=$(cat /proc/sys/kernel/random/boot_id)
    if [ -e "$STATE/devices" ] && [ "$(head -n 1 "$STATE/devices")" = "$boot" ]; then return 0; fi
    { echo "$boot" && list_devices; } >"$STATE/devices.new"
    if [ -e "$STATE/devices" ]; then
        moved_devices "$STATE/devices" "$STATE/devices.new" >"$STATE/moved.new"
        mv "$STATE/moved.new" "$STATE/moved"
    fi
    mv "$STATE/devices.new" "$STATE/devices"
}

# list_devices: ADDRESS IDS GROUP DRIVER, one function a line, in few processes.
list_devices() {
    local device vendor product address kind target
    local -A group=() driver=()
    while read -r address kind target; do
        case $kind in
            iommu_group) group[$address]=${target##*/} ;;
            driver) driver[$address]=${target##*/} ;;
        esac
    done < <(find /sys/bus/pci/devices/*/ -maxdepth 1 \( -name iommu_group -o -name driver \) \
        -printf '%h %f %l\n' | sed 's,^/sys/bus/pci/devices/,,; s,/ , ,')
    for device in /sys/bus/pci/devices/*; do
        address=${device##*/}
        read -r vendor <"$device/vendor"
        read -r product <"$device/device"
        echo "$address ${vendor#0x}:${product#0x} ${group[$address]:--} ${driver[$address]:--}"
    done
}

# moved_devices BEFORE NOW: numbers of groups mean nothing, so that their members are compared.
moved_devices() {
    awk '
        FNR == 1 { boot++; next }
        { at[boot, $1] = $2; group[boot, $1] = $3; driver[boot, $1] = $4; all[$1] = 1
          if ($3 != "-") members[boot, $3] = members[boot, $3] " " $1 }
        function shared(when, address) {
            if (group[when, address] == "-") return "none"
            return substr(members[when, group[when, address]], 2)
        }
        END {
            for (address in all) {
                before = at[1, address]; now = at[2, address]
                if (before == "") { print address ": " now " is here, which was not before"; continue }
                if (now == "") { print address ": " before " was here before and is gone"; continue }
                if (before != now) { print address ": it is " now ", it was " before; continue }
                if (driver[1, address] != driver[2, address])
                    print address ": its driver is " driver[2, address] ", it was " driver[1, address]
                if (shared(1, address) != shared(2, address))
                    print address ": its group is " shared(2, address) ", it was " shared(1, address)
            }
        }' "$1" "$2" | sort
}
