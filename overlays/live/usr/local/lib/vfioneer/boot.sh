# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# What makes the disk boot: initramfs and GRUB, as Manjaro's own installer sets them up.

install_boot_loader() {
    in_target mkinitcpio -P
    chmod 0600 "$TARGET"/boot/initramfs*
    if [ "$FIRMWARE" = uefi ]; then
        mountpoint -q /sys/firmware/efi/efivars ||
            mount -t efivarfs efivarfs "$TARGET/sys/firmware/efi/efivars" || true
        # Puts itself first in the firmware's boot order.
        in_target grub-install --target=x86_64-efi --efi-directory=/boot/efi \
            --bootloader-id=Manjaro --force
        # The path that firmware tries when its own entries are lost.
        mkdir -p "$TARGET/boot/efi/EFI/boot"
        cp "$TARGET/boot/efi/EFI/Manjaro/grubx64.efi" "$TARGET/boot/efi/EFI/boot/bootx64.efi"
    else
        in_target grub-install --target=i386-pc --recheck --force "$DISK"
    fi
    in_target grub-mkconfig -o /boot/grub/grub.cfg
    local images=("$TARGET"/boot/initramfs*)
    STEP_DETAIL="${#images[@]} initramfs images"
}
