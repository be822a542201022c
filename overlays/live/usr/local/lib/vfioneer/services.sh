# shellcheck shell=bash disable=SC2034,SC2153  # variables are shared with the other parts
# SPDX-License-Identifier: MIT
# The services of the installed system. Manjaro's images enable none on the target: its own installer
# does, by a list of the profile that lies in the live system (buildiso, write_services_conf).

PROFILE=/etc/calamares/modules
# In the order in which Manjaro's installer looks for one.
DISPLAY_MANAGERS='lightdm gdm mdm sddm lxdm slim'

enable_services() {
    local units=(NetworkManager.service sshd.service vfioneer-first-boot.service) unit
    if [ -n "$SERIAL_CONSOLE" ]; then units+=("serial-getty@${SERIAL_CONSOLE%%,*}.service"); fi
    for unit in $(profile_services); do
        # One that cannot be enabled (not there, or static) is passed over, as Calamares does.
        if can_be_enabled "$unit"; then units+=("$unit"); else echo "not enabled: $unit"; fi
    done
    if [ "$DESKTOP" = yes ]; then
        for unit in $(display_manager); do units+=("$unit.service"); done
    fi
    in_target systemctl enable "${units[@]}"
    if [ "$DESKTOP" = yes ]; then
        in_target systemctl set-default graphical.target
    else
        in_target systemctl set-default multi-user.target
    fi
}

# profile_services: what the profile enables on the target, as units; both forms that buildiso writes.
profile_services() {
    local name
    cat "$PROFILE"/services.conf "$PROFILE"/services-systemd.conf 2>/dev/null | awk '
        /^[a-z]+:/ { section = $1 }
        /^ *- *name:/ { name = $3; gsub(/"/, "", name); if (section == "services:") print name }
        section == "units:" && /^ *action:/ && $2 ~ /enable/ { print name }
    ' |
        while read -r name; do
            case " $DISPLAY_MANAGERS " in *" ${name%.service} "*) continue ;; esac
            case $name in
                *.service | *.timer | *.socket | *.target | *.path | *.mount) echo "$name" ;;
                *) echo "$name.service" ;;
            esac
        done || true
}

display_manager() {
    local name
    for name in $DISPLAY_MANAGERS; do
        if can_be_enabled "$name.service"; then
            echo "$name"
            return
        fi
    done
}

can_be_enabled() {
    local directory name=$1
    # An instance such as foo@bar.service has its file under foo@.service.
    case $name in *@*) name=${name%%@*}@.${name##*.} ;; esac
    for directory in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        if [ -f "$TARGET$directory/$name" ]; then
            grep -q '^\[Install\]' "$TARGET$directory/$name"
            return
        fi
    done
    return 1
}
