# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# The installed system's files: images, overlay, identity, users, packages for the first boot.

LAYERS=/run/miso/sfs

unpack_images() {
    unpack_image rootfs
    remove_hidden "$LAYERS/desktopfs"
    unpack_image desktopfs
    remove_whiteouts
    chmod 0755 "$TARGET"
    rm -f "$TARGET"/{rootfs,desktopfs}-pkgs.txt
    STEP_DETAIL="$(df -h --output=used "$TARGET" | tail -n 1 | tr -d ' ') on the disk"
}

# unpack_image NAME: with its progress on the console, counted in inodes.
unpack_image() {
    local image=$IMAGES/$1.sfs total watcher result=0
    total=$(unsquashfs -s "$image" | awk '/^Number of inodes/ { print $NF }')
    # It is ended in the middle of whatever it does, which is no failure of the installation.
    (trap - ERR && progress "$1" "$total") &
    watcher=$!
    unsquashfs -f -n -d "$TARGET" "$image" >/dev/null || result=$?
    kill "$watcher" || true
    wait "$watcher" || true
    return "$result"
}

# progress NAME INODES: what has arrived on the disk so far, until somebody ends it.
progress() {
    local before
    before=$(inodes)
    while sleep 5; do
        status started unpack "$1 $((($(inodes) - before) * 100 / ($2 + 1))) %"
    done
}

inodes() {
    df --output=iused "$TARGET" | tail -n 1
}

# remove_hidden UPPER: delete below TARGET what an overlayfs upper directory hides: files behind
# whiteouts (character devices 0:0) and the content of opaque directories
# (Documentation/filesystems/overlayfs.rst).
remove_hidden() {
    local path
    while read -r path; do
        rm -rf "${TARGET:?}/$path"
    done < <(whiteouts "$1")
    if command -v getfattr >/dev/null; then
        while read -r path; do
            rm -rf "${TARGET:?}/$path"
        done < <(cd "$1" && getfattr -R -P -h -n trusted.overlay.opaque . 2>/dev/null |
            sed -n 's/^# file: //p')
    fi
}

whiteouts() {
    (cd "$1" && find . -type c -exec stat -c '%t:%T %n' {} + | sed -n 's|^0:0 \./||p')
}

remove_whiteouts() {
    local path
    while read -r path; do
        rm -f "$TARGET/$path"
    done < <(whiteouts "$TARGET")
}

configure_target() {
    cp -R /usr/share/vfioneer/host/. "$TARGET/"
    cp /etc/vfioneer/medium.json "$TARGET/etc/vfioneer/medium.json"
    write_fstab
    mount_api
    set_identity
    set_locale
    make_users
    enable_services
}

write_fstab() {
    {
        echo '# Written by vfioneer.'
        printf 'UUID=%s / ext4 defaults,noatime 0 1\n' "$(blkid -s UUID -o value "$(partition 2)")"
        if [ "$FIRMWARE" = uefi ]; then
            printf 'UUID=%s /boot/efi vfat umask=0077 0 2\n' \
                "$(blkid -s UUID -o value "$(partition 1)")"
        fi
    } >"$TARGET/etc/fstab"
}

mount_api() {
    mount -t proc proc "$TARGET/proc"
    mount --rbind /sys "$TARGET/sys"
    mount --make-rslave "$TARGET/sys"
    mount --rbind /dev "$TARGET/dev"
    mount --make-rslave "$TARGET/dev"
    mount -t tmpfs tmpfs "$TARGET/run"
    # grub-install asks udev about the disk.
    mkdir -p "$TARGET/run/udev"
    mount --bind /run/udev "$TARGET/run/udev"
}

in_target() {
    chroot "$TARGET" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin \
        LC_ALL=C HOME=/root "$@"
}

# Nothing that identifies a machine may be the same on two: the first boot makes the machine-id.
set_identity() {
    : >"$TARGET/etc/machine-id"
    rm -f "$TARGET/var/lib/dbus/machine-id"
    mkdir -p "$TARGET/var/lib/dbus"
    ln -s /etc/machine-id "$TARGET/var/lib/dbus/machine-id"
    rm -f "$TARGET"/etc/ssh/ssh_host_*
    in_target ssh-keygen -A
}

set_locale() {
    # What is there already is not generated again: that takes a minute on a slow machine.
    if ! has_locale && [ -e "$TARGET/etc/locale.gen" ]; then
        sed -i "s/^# *\(${LOCALE//./\\.}\)/\1/" "$TARGET/etc/locale.gen"
        grep -q "^$LOCALE" "$TARGET/etc/locale.gen" ||
            echo "$LOCALE UTF-8" >>"$TARGET/etc/locale.gen"
        in_target locale-gen
        has_locale || give_up "the base cannot make the locale $LOCALE"
    fi
    echo "LANG=$LOCALE" >"$TARGET/etc/locale.conf"
    echo "KEYMAP=$KEYMAP" >"$TARGET/etc/vconsole.conf"
    [ -e "$TARGET/usr/share/zoneinfo/$TIMEZONE" ] || give_up "the base knows no time zone $TIMEZONE"
    ln -sf "/usr/share/zoneinfo/$TIMEZONE" "$TARGET/etc/localtime"
    hwclock --systohc --utc || true
}

# Names are compared as glibc does: en_US.UTF-8 is listed as en_US.utf8.
has_locale() {
    in_target locale -a | sed 's/UTF-8$/utf8/' | grep -qxF "${LOCALE/%UTF-8/utf8}"
}

make_users() {
    local name comment groups group secret keys home
    while IFS='|' read -r name comment groups; do
        case $name in '#'* | '') continue ;; esac
        for group in ${groups//,/ }; do
            in_target getent group "$group" >/dev/null || in_target groupadd --system "$group"
        done
        if in_target getent passwd "$name" >/dev/null; then
            give_up "the base has a user $name of its own; choose another name"
        fi
        # Bases have groups such as operator; a user of that name takes it as his own.
        in_target getent group "$name" >/dev/null || in_target groupadd "$name"
        in_target useradd -m -g "$name" -s /bin/bash -c "$comment" -G "$groups" "$name"
        secret=$TARGET/etc/vfioneer/secrets/$name
        if [ -e "$secret" ]; then
            # On standard input: arguments can be read by everybody.
            printf '%s:%s\n' "$name" "$(cat "$secret")" | in_target chpasswd -e
        else
            # `*` instead of `!`: no password fits, but the account is not locked for keys.
            in_target usermod -p '*' "$name"
        fi
        keys=$TARGET/etc/vfioneer/keys/$name
        if [ -e "$keys" ]; then
            home=$(in_target getent passwd "$name" | cut -d : -f 6)
            install -d -m 0700 "$TARGET$home/.ssh"
            install -m 0600 "$keys" "$TARGET$home/.ssh/authorized_keys"
            in_target chown -R "$name:$name" "$home/.ssh"
        fi
    done <"$TARGET/etc/vfioneer/users"
    in_target usermod -p '*' root
    rm -rf "$TARGET/etc/vfioneer/secrets" "$TARGET/etc/vfioneer/keys"
}

# The packages and the guest's image, checked as they lie on the disk.
copy_bulk() {
    local store=$TARGET/var/lib/vfioneer damaged
    mkdir -p "$store"
    if [ -d "$MEDIUM" ]; then
        copy_from_medium "$store"
    else
        copy_from_server "$store"
    fi
    sync
    # One line a file: sha256, bytes, path.
    if ! awk '{ print $1 "  " $3 }' /etc/vfioneer/bulk |
        (cd "$store" && sha256sum --quiet --check -) >/run/vfioneer/bulk.check 2>&1; then
        damaged=$(sed -n 's/: FAILED.*//p' /run/vfioneer/bulk.check | tr '\n' ' ')
        give_up "damaged or missing: ${damaged:-$(tail -n 1 /run/vfioneer/bulk.check)}"
    fi
    STEP_DETAIL="$(wc -l </etc/vfioneer/bulk) files"
}

finish_target() {
    cp "$LOG" "$TARGET/var/lib/vfioneer/install.log"
    sync
    umount -R "$TARGET"
    write_mark installed
    sync
}
