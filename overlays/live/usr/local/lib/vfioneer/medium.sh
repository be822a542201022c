# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# Where the images, the packages and the guest's image come from: the medium, or the server that the
# machine was booted from.

IMAGES=/run/miso/bootmnt/manjaro/x86_64
MEDIUM=/run/miso/bootmnt/vfioneer
# Seconds after which a silent server counts as gone, how often it is asked again, seconds between.
SILENCE=30
RETRIES=5
PAUSE=3

# kernel_argument KEY: the value of KEY= on the kernel's command line.
kernel_argument() {
    local word words
    read -ra words </proc/cmdline
    for word in "${words[@]}"; do
        if [ "${word%%=*}" = "$1" ]; then
            printf '%s\n' "${word#*=}"
            return
        fi
    done
}

# The disks that the live system runs from, as lsblk names them.
medium_disks() {
    local source
    source=$(findmnt -n -o SOURCE /run/miso/bootmnt || true)
    [ -b "$source" ] || return 0
    printf '%s\n' "${source##*/}"
    lsblk -n -o PKNAME "$source" | sed '/^$/d'
}

# The server, for machines booted over the network or from memory.
server() {
    local base
    base=$(kernel_argument vfioneer.server)
    [ -z "$base" ] || printf '%s\n' "$base$VFIONEER_HOST/vfioneer"
}

# Bring up the management network as the installed host will have it: the initramfs left the
# interface down, or under another name.
network_up() {
    local connection
    for connection in /usr/share/vfioneer/host/etc/NetworkManager/system-connections/*; do
        install -m 0600 "$connection" /etc/NetworkManager/system-connections/
    done
    systemctl start NetworkManager.service
    # Only one that was running before has to be told; one that is still starting refuses to listen.
    nmcli connection reload || true
    nm-online -q -t 90 || give_up "no network: $(nmcli -t -f DEVICE,STATE device | tr '\n' ' ')"
}

# copy_from_medium DIRECTORY: everything that /etc/vfioneer/bulk lists, in few processes.
copy_from_medium() {
    local part
    while read -r part; do
        cp -R "$MEDIUM/$part" "$1/" || give_up "the medium cannot be read: $(tail -n 1 "$LOG")"
    done < <(awk '{ sub("/.*", "", $3); print $3 }' /etc/vfioneer/bulk | sort -u)
    chmod -R u+w "$1"
}

# copy_from_server DIRECTORY: the same over the network, by one curl that tries again.
copy_from_server() {
    local base
    base=$(server)
    [ -n "$base" ] || give_up "neither on the medium nor on a server (no vfioneer.server= argument)"
    network_up
    awk -v base="$base" '{ print "url = \"" base "/" $3 "\"\noutput = \"" $3 "\"" }' \
        /etc/vfioneer/bulk >/run/vfioneer/bulk.curl
    (cd "$1" && curl --fail --silent --show-error --location --create-dirs --retry "$RETRIES" \
        --retry-delay "$PAUSE" --retry-all-errors --connect-timeout "$SILENCE" --speed-limit 1 \
        --speed-time "$SILENCE" --fail-early --config /run/vfioneer/bulk.curl) ||
        give_up "cannot fetch from $base: $(tail -n 1 "$LOG")"
}
