# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# The guest: its disk, its domain, and its start.

POOL=/var/lib/libvirt/images

# Made once from the image, and never again: what the guest has written is its own.
make_guest_disk() {
    local disk=$POOL/$GUEST.qcow2 image=$STATE/images/$GUEST_IMAGE said
    if [ -e "$disk" ]; then
        STEP_DETAIL="$disk is there already and stays as it is"
        return
    fi
    mkdir -p "$POOL"
    # Of a boot that was cut off.
    rm -f "$disk.partial"
    # Into a variable: on a full disk the log takes nothing any more.
    if ! said=$({ qemu-img convert -O qcow2 "$image" "$disk.partial" &&
        qemu-img resize "$disk.partial" "$GUEST_DISK_SIZE" && sync "$disk.partial"; } 2>&1); then
        said=$(with_space "$disk cannot be made from $GUEST_IMAGE: $said")
        # Half a disk is of no use, and would keep the host's full.
        rm -f "$disk.partial"
        give_up "$said"
    fi
    mv "$disk.partial" "$disk"
    STEP_DETAIL="$disk, $GUEST_DISK_SIZE bytes"
}

define_guest() {
    # Where an interrupted definition left a guest with this name, its UUID is the same and it is
    # simply redefined; its NVRAM is made from the template at its first start.
    mkdir -p /var/lib/libvirt/qemu/nvram
    virsh define --validate "$STATE/domain.xml"
    if [ "$GUEST_AUTOSTART" = yes ]; then
        # Not libvirt's own autostart: that would start the guest before the machine is verified.
        touch "$STATE/autostart"
    fi
}

start_guest() {
    local state
    state=$(virsh domstate "$GUEST" | head -n 1)
    case $state in
        running | paused)
            STEP_DETAIL="$GUEST is $state"
            return
            ;;
    esac
    if [ ! -e "$STATE/autostart" ]; then
        STEP_DETAIL="$GUEST is $state; the recipe says autostart: false"
        return
    fi
    if [ "$(rehearsal)" = paused ]; then
        virsh start --paused "$GUEST"
    else
        virsh start "$GUEST"
    fi
    STEP_DETAIL="$GUEST is $(virsh domstate "$GUEST" | head -n 1), $(vfio_in_use)"
}

# An emulated machine may ask, through QEMU's fw_cfg, to have its guest started paused: there is a
# /dev/kvm in it that cannot run guests. Hardware has no such file.
rehearsal() {
    modprobe -q qemu_fw_cfg 2>/dev/null || true
    cat /sys/firmware/qemu_fw_cfg/by_name/opt/vfioneer/start/raw 2>/dev/null || true
}

# Which IOMMU groups QEMU holds open.
vfio_in_use() {
    local held
    held=$(find /proc/[0-9]*/fd -lname '/dev/vfio/[0-9]*' -printf '%l\n' 2>/dev/null | sort -u | tr '\n' ' ')
    printf 'holds %s\n' "${held:-no vfio group}"
}
