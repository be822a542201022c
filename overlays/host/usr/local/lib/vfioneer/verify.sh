# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# The guide's own checks, on this boot: the IOMMU is on, its default domain is passthrough, the groups
# are those of the inventory, vfio-pci has every function, no bridge was touched.

CHECKS=()
PROBLEMS=()

# check NAME RESULT EVIDENCE: RESULT is ok or what is wrong.
check() {
    CHECKS+=("$1|$2|$3")
    if [ "$2" != ok ]; then PROBLEMS+=("$1: $2"); fi
}

verify_machine() {
    CHECKS=()
    PROBLEMS=()
    local unbound=
    case " $(cat /proc/cmdline) " in
        *" vfioneer.bind=off "*) unbound=yes ;;
    esac
    check_iommu
    check_passthrough_domain
    local address ids subsystem group when _class
    while read -r address ids subsystem group when _class; do
        case $address in '#'* | '') continue ;; esac
        if [ "$when" = never ]; then
            check_twin "$address"
            continue
        fi
        check_function "$address" "$ids" "$subsystem" "$group"
        if [ "$when" = boot ]; then check_driver "$address" vfio-pci; fi
    done </etc/vfioneer/functions
    check_bridges
    check_hugepages
    # For who reports later on in this boot.
    printf '%s\n' "${CHECKS[@]}" >"$STATE/checks"
    write_report started verify ""
    if [ -n "$unbound" ]; then
        give_up "started by the entry that isolates nothing; the guest is not started"
    fi
    if [ ${#PROBLEMS[@]} -gt 0 ]; then
        local all
        all=$(printf '%s; ' "${PROBLEMS[@]}")
        give_up "the guest is not started: ${all%; }"
    fi
    STEP_DETAIL="${#CHECKS[@]} checks"
}

check_iommu() {
    local groups=(/sys/kernel/iommu_groups/*)
    if [ -e "${groups[0]}" ]; then
        check iommu ok "${#groups[@]} groups"
    else
        check iommu "it is off (firmware: VT-d or AMD-Vi; kernel: intel_iommu=on)" "no groups"
    fi
}

check_passthrough_domain() {
    local line
    line=$(journalctl -k -b -o cat | grep -m 1 'iommu: Default domain type' || true)
    case $line in
        *Passthrough*) check domain ok "$line" ;;
        '') check domain "the kernel says nothing of it" "" ;;
        *) check domain "not passthrough" "$line" ;;
    esac
}

# check_function ADDRESS IDS SUBSYSTEM GROUP: it is there and is what the inventory says.
check_function() {
    local device=/sys/bus/pci/devices/$1 found
    if [ ! -e "$device" ]; then
        check "function $1" "there is nothing at this address; $(elsewhere "$2")" ""
        return
    fi
    found=$(hex "$device/vendor"):$(hex "$device/device")
    if [ "$found" != "$2" ]; then
        check "function $1" "it is $found, the inventory says $2" ""
        return
    fi
    if [ "$3" != - ]; then
        found=$(hex "$device/subsystem_vendor"):$(hex "$device/subsystem_device")
        if [ "$found" != "$3" ]; then
            check "function $1" "its subsystem is $found, the inventory says $3" ""
            return
        fi
    fi
    check "function $1" ok "$2"
    check_group "$1" "$4"
}

# elsewhere IDS: where a card that was moved to another slot is now.
elsewhere() {
    local device found=
    for device in /sys/bus/pci/devices/*; do
        if [ "$(hex "$device/vendor"):$(hex "$device/device")" = "$1" ]; then
            found+=" ${device##*/}"
        fi
    done
    if [ -n "$found" ]; then
        printf '%s is at%s' "$1" "$found"
    else
        printf 'no %s is in this machine' "$1"
    fi
}

# Group numbers move with the kernel; what counts is who shares a group.
check_group() {
    local device=/sys/bus/pci/devices/$1 member driver strangers=
    if [ ! -e "$device/iommu_group" ]; then
        check "group of $1" "it is in no IOMMU group" ""
        return
    fi
    for member in "$device"/iommu_group/devices/*; do
        if is_passed "${member##*/}" || is_exempt "$member"; then continue; fi
        driver=
        if [ -e "$member/driver" ]; then driver=$(basename "$(readlink "$member/driver")"); fi
        # A host or ISA bridge is a device to vfio: without a driver it does no harm.
        case $(cat "$member/class"):$driver in
            0x06*: | 0x06*:vfio-pci | 0x06*:pci-stub) ;;
            0x06*) strangers+=" ${member##*/} (a bridge, which its driver $driver holds)" ;;
            *) strangers+=" ${member##*/}" ;;
        esac
    done
    if [ -n "$strangers" ]; then
        check "group of $1" "it is shared with$strangers, which the guest does not get" ""
    else
        check "group of $1" ok "$(basename "$(readlink "$device/iommu_group")") (inventory: $2)"
    fi
}

is_passed() {
    grep -q "^$1 .* \(boot\|guest-start\) " /etc/vfioneer/functions
}

# is_exempt DEVICE: vfio leaves it to the host's driver. The kernel goes by the header type, any but
# 0 (vfio_main.c), not by the class: an ISA bridge or an NVSwitch is a device like others.
is_exempt() {
    local kind
    kind=$(od -An -tu1 -j14 -N1 "$1/config" 2>/dev/null | tr -d ' ')
    if [ -n "$kind" ]; then
        [ $((kind & 127)) -ne 0 ]
        return
    fi
    case $(cat "$1/class") in 0x0604* | 0x0607* | 0x0609*) return 0 ;; esac
    return 1
}

check_driver() {
    local link=/sys/bus/pci/devices/$1/driver found=none
    if [ -e "$link" ]; then found=$(basename "$(readlink "$link")"); fi
    if [ "$found" = "$2" ]; then
        check "driver of $1" ok "Kernel driver in use: $found"
    else
        check "driver of $1" "the driver in use is $found, not $2" "Kernel driver in use: $found"
    fi
}

# A function that only looks like one of the guest's: it stays with the host.
check_twin() {
    local link=/sys/bus/pci/devices/$1/driver found=none
    if [ -e "$link" ]; then found=$(basename "$(readlink "$link")"); fi
    if [ "$found" = vfio-pci ]; then
        check "twin $1" "vfio-pci has it, though it stays with the host" ""
    else
        check "twin $1" ok "Kernel driver in use: $found"
    fi
}

check_bridges() {
    local device touched=
    for device in /sys/bus/pci/drivers/vfio-pci/*:*:*.*; do
        [ -e "$device/class" ] || continue
        # An NVSwitch has the class of a bridge, and may be the guest's.
        case $(cat "$device/class") in
            0x06*) is_passed "${device##*/}" || touched+=" ${device##*/}" ;;
        esac
    done
    if [ -n "$touched" ]; then
        check bridges "vfio-pci has$touched" ""
    else
        check bridges ok "none is bound to vfio-pci"
    fi
}

# Pages that are missing on the guest's own node would be missed as it starts.
check_hugepages() {
    local node count kib have file
    [ -e "${VFIONEER_HUGEPAGES:=/etc/vfioneer/hugepages}" ] || return 0
    while read -r node count kib; do
        case $node in '#'* | '') continue ;; esac
        file=${VFIONEER_NODES:-/sys/devices/system/node}/node$node/hugepages/hugepages-${kib}kB/nr_hugepages
        have=$(cat "$file" 2>/dev/null || echo 0)
        if [ "$have" -ge "$count" ]; then
            check "hugepages of node $node" ok "$have of $count pages of $kib KiB"
        else
            check "hugepages of node $node" "there are $have of $count pages of $kib KiB" ""
        fi
    done <"$VFIONEER_HUGEPAGES"
}

hex() {
    local value
    value=$(cat "$1")
    printf '%s' "${value#0x}"
}
