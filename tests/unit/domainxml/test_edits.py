# SPDX-License-Identifier: MIT
"""Everything that people do to a domain by hand is told: one edit of a live domain a row.

data/edits-libvirt-9.0.xml is what libvirt 9.0's QEMU driver made of data/edits-rendered.xml, a
guest on two nodes. media/test_edits_libvirt.py makes each edit to a domain of that driver.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vfioneer.domainxml import drift

DATA = Path(__file__).resolve().parent / "data"
OURS = (DATA / "edits-rendered.xml").read_text()
LIVE = (DATA / "edits-libvirt-9.0.xml").read_text()

DISK = "<disk type='file' device='disk'>"
NIC = "<interface type='bridge'>"
CARD = "<hostdev mode='subsystem' type='pci' managed='yes'>"
END = "  </devices>"
OUT = (
    "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n    </interface>"
)
SECOND_NIC = "<interface type='network'><mac address='52:54:00:00:00:09'/><source network='x'/>"
UA = "<alias name='ua-mine'/>"

# What is found in the live domain, what somebody made of it, and what is told of it.
EDITS: list[tuple[str, str, str]] = [
    # the domain itself
    ("<title>ubuntu18.04 on gpu01", "<title>mine", "~ title"),
    ("<description>Rendered", "<description>Edited", "~ description"),
    ("33554432</memory>", "31457280</memory>", "~ memory"),
    ("33554432</currentMemory>", "31457280</currentMemory>", "~ currentMemory"),
    ("  <memoryBacking>", "  <memtune><hard_limit unit='G'>40</hard_limit></memtune>\n"
     "  <memoryBacking>", "- memtune"),
    ("<nosharepages/>", "", "+ memoryBacking/nosharepages"),
    ("<nosharepages/>", "<nosharepages/><locked/>", "- memoryBacking/locked"),
    ("<allocation mode='immediate'/>", "", "+ memoryBacking/allocation"),
    ("<allocation mode='immediate'/>", "<allocation mode='ondemand'/>", "~ memoryBacking/alloc"),
    ("size='1048576'", "size='2048'", "memoryBacking/hugepages/page"),
    ("<vcpu placement='static'>4", "<vcpu placement='static' current='2'>4", "- vcpu current"),
    ("<vcpu placement='static'>4", "<vcpu placement='static' cpuset='0-6'>4", "vcpu cpuset"),
    ("<iothreads>1", "<iothreads>4", "~ iothreads"),
    ("vcpupin vcpu='3' cpuset='3'", "vcpupin vcpu='3' cpuset='7'", "cputune/vcpupin 3 cpuset"),
    ("<vcpupin vcpu='3' cpuset='3'/>", "", "+ cputune/vcpupin 3"),
    ("<emulatorpin cpuset='4-7'/>", "<emulatorpin cpuset='0-7'/>", "~ cputune/emulatorpin"),
    ("<iothreadpin iothread='1' cpuset='4-7'/>", "", "+ cputune/iothreadpin"),
    ("  <cputune>", "  <cputune><shares>512</shares>", "- cputune/shares"),
    ("mode='strict' nodeset='1'", "mode='preferred' nodeset='1'", "memnode 1 mode"),
    ("mode='strict' nodeset='1'", "mode='strict' nodeset='0'", "memnode 1 nodeset"),
    ("  <os>", "  <resource><partition>/gpu</partition></resource>\n  <os>", "= resource"),
    ("  <memory unit", "  <metadata><x:a xmlns:x='http://x'>1</x:a></metadata>\n  <memory unit",
     "= metadata"),
    # firmware
    ("machine='pc-q35-7.2'", "machine='pc-i440fx-7.2'", "~ os/type machine"),
    ("x64/OVMF_CODE.fd", "x64/OVMF_CODE_4M.fd", "~ os/loader"),
    ("x64/OVMF_VARS.fd", "x64/OVMF_VARS_4M.fd", "~ os/nvram template"),
    ("_VARS.fd</nvram>", "_OTHER.fd</nvram>", "~ os/nvram"),
    ("<boot dev='hd'/>", "<boot dev='cdrom'/>", "~ os/boot dev"),
    ("<boot dev='hd'/>", "<boot dev='hd'/><boot dev='network'/>", "- os/boot (2)"),
    ("<boot dev='hd'/>", "<boot dev='hd'/><bootmenu enable='yes'/>", "- os/bootmenu"),
    ("<loader readonly='yes'", "<loader readonly='yes' secure='yes'", "- os/loader secure"),
    # features
    ("<acpi/>", "", "+ features/acpi"),
    ("<acpi/>", "<acpi/><pae/>", "- features/pae"),
    ("value='randomid'", "value='other'", "vendor_id value"),
    ("<vendor_id state", "<relaxed state='on'/><vendor_id state", "- features/hyperv/relaxed"),
    ("<hidden state='on'/>", "<hidden state='off'/>", "~ features/kvm/hidden"),
    ("<hidden state='on'/>", "<hidden state='on'/><poll-control state='on'/>", "- features/kvm"),
    ("<vmport state='off'/>", "<vmport state='on'/>", "~ features/vmport"),
    ("<vmport state='off'/>", "<vmport state='off'/><ioapic driver='qemu'/>", "- features/ioapic"),
    ("<vmport state='off'/>", "<vmport state='off'/><smm state='on'/>", "- features/smm"),
    # CPU and clock
    ("migratable='on'", "migratable='off'", "- cpu migratable"),
    ("mode='host-passthrough' check='none' migratable='on'",
     "mode='host-model' check='partial'", "~ cpu mode"),
    ("sockets='2' dies='1' cores='2'", "sockets='1' dies='1' cores='4'", "~ cpu/topology sockets"),
    ("<cache mode='passthrough'/>", "", "+ cpu/cache"),
    ("<cache mode='passthrough'/>", "<cache mode='emulate' level='3'/>", "cpu/cache mode"),
    ("<feature policy='require' name='invtsc'/>", "", "+ cpu/feature invtsc"),
    ("policy='require' name='invtsc'", "policy='disable' name='invtsc'", "invtsc policy"),
    ("<feature policy='require' name='invtsc'/>", "<feature policy='require' name='invtsc'/>"
     "<feature policy='disable' name='hypervisor'/>", "- cpu/feature hypervisor"),
    ("<cell id='0' cpus='0-1' memory='16777216'", "<cell id='0' cpus='0-1' memory='15728640'",
     "cpu/numa/cell 0 memory"),
    ("clock offset='utc'", "clock offset='localtime'", "~ clock offset"),
    ("name='hpet' present='no'", "name='hpet' present='yes'", "timer hpet present"),
    ("<timer name='pit' tickpolicy='delay'/>", "", "+ clock/timer pit"),
    ("<timer name='pit'", "<timer name='kvmclock' present='no'/><timer name='pit'",
     "- clock/timer kvmclock"),
    ("<timer name='tsc' present='yes' mode='native'/>", "", "+ clock/timer tsc"),
    # lifecycle
    ("<on_poweroff>destroy", "<on_poweroff>restart", "~ on_poweroff"),
    ("<on_reboot>restart", "<on_reboot>destroy", "~ on_reboot"),
    ("<on_crash>destroy", "<on_crash>restart", "~ on_crash"),
    ("suspend-to-mem enabled='no'", "suspend-to-mem enabled='yes'", "pm/suspend-to-mem"),
    # disks
    ("<emulator>/usr/bin/qemu-system-x86_64", "<emulator>/usr/bin/kvm", "~ devices/emulator"),
    ("cache='none'", "cache='writeback'", "disk vda/driver cache"),
    ("io='native' discard", "io='threads' discard", "disk vda/driver io"),
    ("discard='unmap'", "discard='ignore'", "disk vda/driver discard"),
    (" iothread='1' detect_zeroes='unmap'", " detect_zeroes='unmap'", "disk vda/driver iothread"),
    (" detect_zeroes='unmap'", "", "disk vda/driver detect_zeroes"),
    (" detect_zeroes='unmap'", " detect_zeroes='unmap' queues='4'", "disk vda/driver queues"),
    ("images/ubuntu18.04.qcow2", "images/ubuntu18.04.s1", "~ devices/disk vda/source file"),
    ("<source file='/var/lib/libvirt/images/ubuntu18.04.qcow2'/>",
     "<source file='/var/lib/libvirt/images/ubuntu18.04.qcow2'>"
     "<seclabel model='dac' relabel='no'/></source>", "- devices/disk vda/source/seclabel"),
    ("<serial>vfioneer-root", "<serial>other", "disk vda/serial"),
    (DISK, f"{DISK}<boot order='1'/>", "- devices/disk vda/boot"),
    ("<serial>vfioneer-root", "<shareable/><serial>vfioneer-root", "- devices/disk vda/shareable"),
    ("<serial>vfioneer-root", "<iotune><total_iops_sec>99</total_iops_sec></iotune>"
     "<serial>vfioneer-root", "- devices/disk vda/iotune"),
    ("/var/lib/vfioneer/seed.iso", "/tmp/other.iso", "disk sda/source file"),
    (END, "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
     "<source file='/tmp/b'/><target dev='vdb' bus='virtio'/></disk>\n  </devices>",
     "- devices/disk vdb"),
    # network
    ("52:54:00:35:45:1f", "52:54:00:00:00:01", "devices/interface"),
    ("bridge='br0'", "bridge='br1'", "source bridge"),
    ("<model type='virtio'/>", "<model type='e1000e'/>", "model type"),
    ("<driver queues='4'/>", "", "+ devices/interface"),
    ("<driver queues='4'/>", "<driver name='qemu' queues='4'/>", "driver name"),
    (OUT, OUT.replace("bus='0x01'", "bus='0x07'"), "address bus: 0x7 -> 0x1"),
    (NIC, f"{NIC}<link state='down'/>", "/link"),
    (NIC, f"{NIC}<mtu size='9000'/>", "/mtu"),
    (NIC, f"{NIC}<filterref filter='clean-traffic'/>", "/filterref"),
    (NIC, f"{NIC}<bandwidth><inbound average='1000'/></bandwidth>", "/bandwidth"),
    (NIC, f"{NIC}{UA}", "/alias"),
    (END, f"{SECOND_NIC}<model type='virtio'/></interface>\n{END}",
     "- devices/interface 52:54:00:00:00:09"),
    # what is passed
    (CARD, CARD.replace("yes", "no"), "managed: no -> yes"),
    (CARD, f"{CARD}<rom bar='off'/>", "/rom"),
    (CARD, f"{CARD}<boot order='1'/>", "/boot"),
    ("<source startupPolicy='optional'>", "<source startupPolicy='mandatory'>", "startupPolicy"),
    ("<product id='0xc31c'/>", "<product id='0xc31d'/>", "hostdev 046d:c31d"),
    ("domain='0x0000' bus='0x09' slot='0x00' function='0x1'",
     "domain='0x0000' bus='0x07' slot='0x00' function='0x0'", "hostdev 0000:01:00.1/address bus"),
    ("bus='0x01' slot='0x00' function='0x1'/>\n      </source>",
     "bus='0x02' slot='0x00' function='0x1'/>\n      </source>", "hostdev 0000:02:00.1"),
    (END, "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='3'"
     f" slot='0' function='0'/></source></hostdev>\n{END}", "- devices/hostdev 0000:03:00.0"),
    # other devices
    ("ports='15'", "ports='8'", "ports"),
    ("<target chassis='9' port='0x0'/>", "<target chassis='9' port='0x0' hotplug='off'/>",
     "controller pci 9/target"),
    ("<node>1</node>", "<node>0</node>", "controller pci 8/target/node"),
    ("<log file='/var/log/libvirt/qemu/ubuntu18.04-console.log' append='on'/>", "",
     "devices/serial"),
    ("name='org.qemu.guest_agent.0'", "name='com.other.0'", "+ devices/channel"),
    ("type='mouse' bus='ps2'", "type='tablet' bus='usb'", "- devices/input tablet"),
    ("<model type='none'/>", "<model type='qxl'/>", "devices/video/model type"),
    ("action='reset'", "action='none'", "watchdog"),
    ("<memballoon model='none'/>", "<memballoon model='virtio'/>", "~ devices/memballoon"),
    ("/dev/urandom", "/dev/random", "rng/backend"),
    ("<panic model='isa'/>", "", "+ devices/panic"),
    (END, f"<graphics type='vnc' autoport='yes' listen='0.0.0.0'/>\n{END}", "- devices/graphics"),
    (END, f"<sound model='ich9'/>\n{END}", "- devices/sound"),
    (END, f"<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>\n{END}",
     "- devices/tpm"),
    (END, f"<iommu model='intel'/>\n{END}", "- devices/iommu"),
    # beyond the devices
    ("  <qemu:commandline>", "  <seclabel type='none' model='none'/>\n  <qemu:commandline>",
     "- seclabel"),
    ("<qemu:arg value='-fw_cfg'/>", "<qemu:arg value='-snapshot'/><qemu:arg value='-fw_cfg'/>",
     "commandline/arg"),
    ("string=65536", "string=32768", "commandline/arg (2) value"),
    ("</qemu:commandline>", "<qemu:env name='A' value='b'/></qemu:commandline>",
     "- commandline/env"),
]  # fmt: skip


def edited(found: str, put: str) -> str:
    assert found in LIVE, found
    return LIVE.replace(found, put, 1)


def test_what_libvirt_adds_is_no_drift() -> None:
    assert drift.compare(LIVE, OURS) == []


def test_there_are_many() -> None:
    assert len(EDITS) >= 89
    assert len({(found, put) for found, put, _ in EDITS}) == len(EDITS)


@pytest.mark.parametrize(("found", "put", "told"), EDITS, ids=[told for *_, told in EDITS])
def test_an_edit_is_told(found: str, put: str, told: str) -> None:
    said = [str(change) for change in drift.compare(edited(found, put), OURS)]
    assert any(told in line for line in said), said
    # Nothing else is: a change of one thing is at most seen from its two sides.
    assert len(said) <= 3, said


@pytest.mark.parametrize(
    ("found", "put"),
    [
        ("<memory unit='KiB'>33554432", "<memory unit='GiB'>32"),
        ("cpuset='4-7'", "cpuset='4,5,6,7'"),
        ("bus='0x05' slot", "bus='0x06' slot"),
        ("<qemu:commandline>", "<seclabel type='dynamic' model='dac' relabel='yes'/>"
         "<qemu:commandline>"),
        (CARD, f"{CARD}<driver name='vfio'/>"),
        (NIC, f"{NIC}<target dev='vnet7'/>"),
        (NIC, f"{NIC}<alias name='net0'/>"),
        ("  <os>", "  <resource><partition>/machine</partition></resource>\n  <os>"),
    ],
)  # fmt: skip
def test_another_way_to_say_the_same_is_none(found: str, put: str) -> None:
    assert drift.compare(edited(found, put), OURS) == []


def test_a_device_that_was_plugged_in_live_is_only_there() -> None:
    active = edited(END, f"{SECOND_NIC}<model type='virtio'/></interface>\n{END}")
    said = [str(change) for change in drift.only_running(active, LIVE, OURS)]
    assert len(said) == 1
    assert "52:54:00:00:00:09" in said[0]


def test_a_hosts_text_does_not_reach_the_terminal_raw() -> None:
    # XML cannot hold an escape character, but it can hold its eight-bit form.
    live = edited("<title>ubuntu18.04 on gpu01", "<title>\x9b2J\u202e" + "x" * 5000)
    (said,) = (str(change) for change in drift.compare(live, OURS))
    assert said.isprintable()
    assert len(said) < 400
