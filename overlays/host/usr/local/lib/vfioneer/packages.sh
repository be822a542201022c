# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# The packages of the guide, by pacman: from the repository that came with the medium, or from mirrors.

make_keyring() {
    # The base's images hold no keyring; Manjaro's own installer makes it here too.
    local keyrings=(/usr/share/pacman/keyrings/*.gpg)
    if [ "$PACKAGES_SOURCE" = medium ]; then
        STEP_DETAIL="not needed: the medium's packages were checked by sha256"
        return
    fi
    pacman-key --init
    if [ -e "${keyrings[0]}" ]; then
        pacman-key --populate
    fi
}

install_packages() {
    local options=(--noconfirm --noprogressbar) wanted
    read -ra wanted <<<"$PACKAGES"
    # Nothing else runs this early: a lock is left from a boot that was cut off.
    rm -f /var/lib/pacman/db.lck
    if [ -e "$STAMPS/packages.begun" ]; then
        # Cut off in the middle: files may lie there without a package, and what was recorded as
        # installed may be empty, because its content was still in memory when the power went.
        options+=(--overwrite '*' --refresh)
        rm -rf /var/cache/pacman/pkg
        mkdir -p /var/cache/pacman/pkg
        local again
        mapfile -t again < <(half_installed)
        wanted+=("${again[@]}")
    else
        options+=(--needed)
        touch "$STAMPS/packages.begun"
        sync
    fi
    if [ "$PACKAGES_SOURCE" = medium ]; then
        # What the base has in an older build than the medium goes along, too.
        pacman --config /etc/vfioneer/pacman.conf -Syu "${options[@]}" "${wanted[@]}"
    else
        nm-online -q -t 120 || give_up "no network, and the recipe takes packages from mirrors"
        refresh_keyrings
        # Partial upgrades are unsupported: the whole system goes along.
        pacman -Syu "${options[@]}" "${wanted[@]}"
    fi
    local names
    read -ra names <<<"$PACKAGES"
    STEP_DETAIL=$(pacman -Q "${names[@]}" | tr "\n" ",")
}

# Packages may be signed by people who came after the base was released: their keys first.
refresh_keyrings() {
    local keyrings
    mapfile -t keyrings < <(pacman -Qq | sed -n '/-keyring$/p')
    if [ "${#keyrings[@]}" -gt 0 ]; then
        pacman -Sy --needed --noconfirm --noprogressbar "${keyrings[@]}"
    fi
}

# The packages recorded since the first attempt began, which are installed again. A record that is
# itself empty goes.
half_installed() {
    local entry name
    while read -r entry; do
        if [ ! -s "$entry/desc" ] || [ ! -s "$entry/files" ]; then
            rm -rf "$entry"
            continue
        fi
        name=${entry##*/}
        printf '%s\n' "${name%-*-*}"
    done < <(find /var/lib/pacman/local -mindepth 1 -maxdepth 1 -type d \
        -newer "$STAMPS/packages.begun")
}

enable_libvirt() {
    systemctl daemon-reload
    systemctl enable --now libvirtd.service
    wait_for_libvirt
    if virsh net-info default >/dev/null 2>&1; then
        virsh net-autostart default
        virsh net-start default || virsh net-info default | grep -q '^Active: *yes'
    fi
    local user
    while IFS='|' read -r user _; do
        case $user in '#'* | '') continue ;; esac
        if getent group libvirt >/dev/null; then gpasswd -a "$user" libvirt; fi
    done </etc/vfioneer/users
}

wait_for_libvirt() {
    local try
    for try in $(seq 60); do
        if virsh uri >/dev/null 2>&1; then return; fi
        sleep 1
    done
    give_up "libvirtd does not answer after $try seconds"
}
