# SPDX-License-Identifier: MIT
# The boot sector of accelerator.py. It uses of a processor what a 64-bit kernel uses first: long
# mode, paging, an interrupt gate, and speed. A test assembles it and compares:
#   as --64 probe.S -o probe.o && ld -m elf_x86_64 --oformat binary -Ttext 0x7c00 probe.o
.code16
.globl _start
_start:
    cli
    xorw  %ax, %ax
    movw  %ax, %ds
    movw  %ax, %es
    movw  %ax, %ss
    movw  $0x7c00, %sp
    movw  $0x1000, %di              # three page tables at 0x1000: the first 2 MiB, mapped to themselves
    movw  $0x3000, %cx
    rep   stosb
    movw  $0x2003, (0x1000)
    movw  $0x3003, (0x2000)
    movb  $0x83, (0x3000)
    movl  $0x1000, %eax
    movl  %eax, %cr3
    movl  %cr4, %eax
    orb   $0x20, %al                # PAE
    movl  %eax, %cr4
    movl  $0xc0000080, %ecx         # EFER
    rdmsr
    orb   $1, %ah                   # LME
    wrmsr
    movl  %cr0, %eax
    orl   $0x80000001, %eax         # PG and PE at once: straight into long mode
    movl  %eax, %cr0
    lgdtl (gdtr)
    ljmpw $8, $long
.code64
long:
    lidt  idtr
    movl  $0x4060, %edi             # gate 6: invalid opcode
    movl  $0x00080000 + handler, (%rdi)
    movl  $0x00008e00, 4(%rdi)
    movq  $0, 8(%rdi)
    movl  $0x00100000, %esp
    movl  $0x4000000, %ecx          # 67 million rounds: a blink, unless each one is emulated
0:  loop  0b
    ud2
    hlt
handler:
    movabs $0x0a52454e4f494656, %rax # "VFIONER\n", for whoever looks at the serial port
    movb  $8, %cl
    movw  $0x3f8, %dx
1:  outb  %al, %dx
    shrq  $8, %rax
    decb  %cl
    jnz   1b
    movb  $16, %al                  # isa-debug-exit: QEMU ends with status 2 * 16 + 1
    movw  $0xf4, %dx
    outb  %al, %dx
2:  hlt
    jmp   2b
.align 8
gdt:
    .quad 0
    .quad 0x00209a0000000000        # 64-bit code
gdtr:
    .word 15
    .long gdt
idtr:
    .word 0xfff
    .quad 0x4000
.org 510
    .word 0xaa55
