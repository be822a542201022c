# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# The packages of the guide, by pacman: from the repository that came with the medium, or from mirrors.

# The base's images hold no keyring, and the keys of a machine are its own: Manjaro's installer makes
# it on the target, too. Without it an administrator's first `pacman -S` fails.
make_keyring() {
    local file names=()
    if ! command -v pacman-key >/dev/null; then
        STEP_DETAIL="the base has no pacman-key"
        return
    fi
    # Whatever a boot that was cut off has left.
    rm -rf /etc/pacman.d/gnupg
    pacman-key --init
    for file in /usr/share/pacman/keyrings/*.gpg; do
        if [ -e "$file" ]; then names+=("$(basename "$file" .gpg)"); fi
    done
    if [ "${#names[@]}" -gt 0 ]; then pacman-key --populate "${names[@]}"; fi
    gpgconf --homedir /etc/pacman.d/gnupg --kill all || true
    STEP_DETAIL="keys of ${names[*]:-nobody: the base brings no keyring}"
}

# mend_keyring: a keyring that was emptied since is told, and made again.
mend_keyring() {
    command -v pacman-key >/dev/null || return 0
    if pacman-key --list-keys 2>/dev/null | grep -q '^pub'; then return; fi
    status started "$STEP" "pacman's keyring holds no key: it is made again"
    make_keyring
}

install_packages() {
    local wanted
    read -ra wanted <<<"$PACKAGES $PACKAGES_ALSO"
    check_clock
    if [ "$PACKAGES_SOURCE" = medium ]; then
        # What the base has in an older build than the medium goes along, too.
        transaction --config /etc/vfioneer/pacman.conf -Syu --needed "${wanted[@]}"
    else
        nm-online -q -t 120 || give_up "no network, and the recipe takes packages from mirrors"
        mend_keyring
        choose_mirrors
        refresh_keyrings
        # Partial upgrades are unsupported: the whole system goes along.
        transaction -Syu --needed "${wanted[@]}"
    fi
    rm -f "$STATE/packages.interrupted"
    STEP_DETAIL=$(pacman -Q "${wanted[@]%%=*}" | tr "\n" ",")
}

# check_clock: a clock from before the base was made makes signatures and certificates look wrong.
check_clock() {
    local today second
    for second in $(seq 60); do
        today=$(date -u +%F)
        if [[ ! $today < $BASE_DATE ]]; then return; fi
        # Time servers need a network, and the medium's packages no right clock.
        [ "$PACKAGES_SOURCE" != medium ] || break
        sleep 1
    done
    status started "$STEP" "the clock says $today, which is before this system was made ($BASE_DATE)"
    [ "$PACKAGES_SOURCE" = medium ] ||
        give_up "the clock says $today, before this system was made ($BASE_DATE), also after $second seconds: set it (timedatectl set-time)"
}

# The list of the images is as old as they are.
choose_mirrors() {
    command -v pacman-mirrors >/dev/null || return 0
    timeout 180 pacman-mirrors -f 3 ||
        status started "$STEP" "pacman-mirrors found no mirror; the base's list stays"
}

# Packages may be signed by people who came after the base was released: their keys first.
refresh_keyrings() {
    local keyrings
    mapfile -t keyrings < <(pacman -Qq | sed -n '/-keyring$/p')
    if [ "${#keyrings[@]}" -gt 0 ]; then transaction -Sy --needed "${keyrings[@]}"; fi
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
