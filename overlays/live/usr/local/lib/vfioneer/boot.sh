# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# What makes the disk boot: initramfs and GRUB, as Manjaro's own installer sets them up.

install_boot_loader() {
    in_target mkinitcpio -P
    chmod 0600 "$TARGET"/boot/initramfs*
    if [ "$FIRMWARE" = uefi ]; then
        mountpoint -q /sys/firmware/efi/efivars ||
            mount -t efivarfs efivarfs "$TARGET/sys/firmware/efi/efivars" || true
    fi
    in_target /usr/local/lib/vfioneer/boot-loader "$DISK"
    local images=("$TARGET"/boot/initramfs*)
    STEP_DETAIL="${#images[@]} initramfs images"
}
