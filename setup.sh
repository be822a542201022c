#!/bin/sh
# SPDX-License-Identifier: MIT
# First use of ./doit: install the system packages (or say what to type), then make .venv from the
# hash-pinned requirements. Runs again only when requirements.txt or this file changes.
set -eu

# One program or file that proves a package is there, its name on Debian and Ubuntu, on Arch and Manjaro.
wanted='
gcc                                          gcc                      gcc
pkg-config                                   pkg-config               pkgconf
/usr/include/libvirt/libvirt.h               libvirt-dev              libvirt
xorriso                                      xorriso                  libisoburn
mksquashfs                                   squashfs-tools           squashfs-tools
rsync                                        rsync                    rsync
bsdtar                                       libarchive-tools         libarchive
xz                                           xz-utils                 xz
zstd                                         zstd                     zstd
lz4                                          lz4                      lz4
gpg                                          gpg                      gnupg
gpg-agent                                    gpg-agent                gnupg
sfdisk                                       fdisk                    util-linux
debugfs                                      e2fsprogs                e2fsprogs
newuidmap                                    uidmap                   shadow
git                                          git                      git
qemu-system-x86_64                           qemu-system-x86          qemu-base
qemu-img                                     qemu-utils               qemu-img
/usr/share/OVMF|/usr/share/edk2|/usr/share/edk2-ovmf  ovmf            edk2-ovmf
/usr/lib/grub/i386-pc/boot_hybrid.img        grub-pc-bin              grub
/usr/lib/grub/x86_64-efi/iso9660.mod         grub-efi-amd64-bin       grub
grub-mkimage                                 grub-common              grub
mcopy                                        mtools                   mtools
mkfs.fat                                     dosfstools               dosfstools
/usr/lib/ipxe/ipxe.efi|/usr/share/ipxe       ipxe                     ipxe
/usr/lib/ipxe/qemu|/usr/share/qemu/pxe-virtio.rom  ipxe-qemu          qemu-common
dnsmasq                                      dnsmasq-base             dnsmasq
nginx                                        nginx-light              nginx
ip                                           iproute2                 iproute2
mmdebstrap                                   mmdebstrap               mmdebstrap
repo-add                                     pacman-package-manager   pacman
/usr/share/makepkg/util.sh                   makepkg                  pacman
curl                                         curl                     curl
systemd-analyze                              systemd                  systemd
cloud-localds                                cloud-image-utils        cloud-image-utils
shellcheck                                   shellcheck               shellcheck
busybox                                      busybox                  busybox
'

say() { printf '%s\n' "vfioneer: $*" >&2; }
die() { say "$*"; exit 1; }

# without_services COMMAND...: run it with starting of services forbidden (policy-rc.d(8)), and leave
# nginx disabled for the next boot, too.
without_services() {
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 0755 "$policy"
        # shellcheck disable=SC2064  # the words are to be expanded now
        trap "$as_root rm -f $policy" EXIT
    fi
    "$@" || return 1
    $as_root systemctl disable nginx.service >/dev/null 2>&1 || :
}

present() {
    alternatives=$1
    while [ -n "$alternatives" ]; do
        first=${alternatives%%|*}
        case $first in
            /*) [ -e "$first" ] && return 0 ;;
            *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$first" >/dev/null && return 0 ;;
        esac
        case $alternatives in *'|'*) alternatives=${alternatives#*|} ;; *) alternatives='' ;; esac
    done
    return 1
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
}

missing_packages() { # COLUMN: 2 Debian, 3 Arch
    printf '%s' "$wanted" | while read -r proof debian arch; do
        [ -n "$proof" ] || continue
        present "$proof" || { [ "$1" = 2 ] && echo "$debian" || echo "$arch"; }
    done
    interpreter=$(find_python)
    if [ -z "$interpreter" ]; then
        [ "$1" = 2 ] && printf '%s\n' python3 python3-venv python3-dev || echo python
    elif [ "$1" = 2 ]; then
        # Debian splits what a virtual environment and a compiled library need from the interpreter.
        "$interpreter" -c 'import ensurepip' 2>/dev/null || echo python3-venv
        "$interpreter" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' 2>/dev/null || echo python3-dev
    fi
}

if command -v apt-get >/dev/null; then
    packages=$(missing_packages 2 | sort -u | tr '\n' ' ')
    install="apt-get install -y --no-install-recommends $packages"
    refresh='apt-get update -q'
elif command -v pacman >/dev/null; then
    packages=$(missing_packages 3 | sort -u | tr '\n' ' ')
    install="pacman -S --needed --noconfirm $packages"
    refresh=true
else
    die 'neither apt-get nor pacman is here: vfioneer builds on Debian, Ubuntu, Arch and Manjaro'
fi

if [ -n "${packages% }" ]; then
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=sudo
    else
        die "these system packages are missing; as root, type:  $install"
    fi
    if [ -t 0 ] && [ "${CI:-}" != true ]; then
        printf 'vfioneer: install these system packages?  %s\n[Y/n] ' "$packages" >&2
        read -r answer
        case $answer in [nN]*) die "as root, type:  $install" ;; esac
    else
        say "installing system packages: $packages"
    fi
    export DEBIAN_FRONTEND=noninteractive
    # Debian starts a daemon as it installs it; nginx is here for `serve` alone and is to stay off.
    quiet_services() { "$@"; }
    case $install in
        *apt-get*nginx*) quiet_services() { without_services "$@"; } ;;
    esac
    # shellcheck disable=SC2086  # words on purpose
    { $as_root $refresh >/dev/null && quiet_services $as_root $install >&2; } || die "could not install; as root, type:  $install"
fi

python=$(find_python)
[ -n "$python" ] || die 'Python 3.11 or newer is missing'
if [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say 'updating the virtual environment .venv'
else
    say "making the virtual environment .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt \
    || die 'pip could not install requirements.txt (see above); nothing else was changed'
# Written last: an interrupted set-up starts again.
cp setup.sh .venv/setup.sh
cp requirements.txt .venv/requirements.txt
say 'ready'
