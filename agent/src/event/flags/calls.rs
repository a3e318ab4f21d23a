//! From the numbers of the kernel to those that rules see, where the reference implementation has
//! numbers of its own (`driver/ppm_flag_helpers.h` in falcosecurity/libs).

use komainu_common::arch::THIS;

/// The 32 bits that the kernel looks at of an `int` argument.
pub const fn low(argument: u64) -> u32 {
    (argument & 0xffff_ffff) as u32
}

/// Kernel bit (`include/uapi/linux/sched.h`) and bit of the rules, of what `unshare(2)` and `setns(2)`
/// take.
const NAMESPACE_BITS: &[(u32, u64)] = &[
    (0x200, 1 << 1),        // CLONE_FS
    (0x400, 1),             // CLONE_FILES
    (0x800, 1 << 11),       // CLONE_SIGHAND
    (0x100, 1 << 15),       // CLONE_VM
    (0x1_0000, 1 << 13),    // CLONE_THREAD
    (0x2_0000, 1 << 5),     // CLONE_NEWNS
    (0x4_0000, 1 << 12),    // CLONE_SYSVSEM
    (0x200_0000, 1 << 28),  // CLONE_NEWCGROUP
    (0x400_0000, 1 << 7),   // CLONE_NEWUTS
    (0x800_0000, 1 << 3),   // CLONE_NEWIPC
    (0x1000_0000, 1 << 20), // CLONE_NEWUSER
    (0x2000_0000, 1 << 6),  // CLONE_NEWPID
    (0x4000_0000, 1 << 4),  // CLONE_NEWNET
];

/// `evt.arg.flags` of unshare, `evt.arg.nstype` of setns.
pub fn namespace_flags(argument: u64) -> u64 {
    let set = NAMESPACE_BITS
        .iter()
        .filter(|(bit, _)| low(argument) & bit != 0);
    set.fold(0, |flags, (_, ours)| flags | ours)
}

/// The bit of the kernel behind one of these.
pub fn kernel_namespace_bit(flag: u64) -> Option<u32> {
    let row = NAMESPACE_BITS.iter().find(|(_, ours)| *ours == flag);
    row.map(|(bit, _)| *bit)
}

/// Kernel bit and bit of the rules, of what only `clone(2)` and `clone3(2)` take.
const CLONE_BITS: &[(u32, u64)] = &[
    (0x2000, 1 << 10),     // CLONE_PTRACE
    (0x4000, CLONE_VFORK), // CLONE_VFORK
    (0x8000, 1 << 8),      // CLONE_PARENT
    (0x8_0000, 1 << 25),   // CLONE_SETTLS
    (0x10_0000, 1 << 9),   // CLONE_PARENT_SETTID
    (0x20_0000, 1 << 23),  // CLONE_CHILD_CLEARTID
    (0x80_0000, 1 << 14),  // CLONE_UNTRACED
    (0x100_0000, 1 << 24), // CLONE_CHILD_SETTID
    (0x8000_0000, 1 << 2), // CLONE_IO
];

/// `CLONE_VFORK`, as the rules number it.
const CLONE_VFORK: u64 = 1 << 27;
/// `evt.arg.flags` of vfork: what it stands for, `vfork(2)`.
pub const VFORK_FLAGS: u64 = CLONE_VFORK | 1 << 15;

/// `evt.arg.flags` of clone and clone3.
pub fn clone_flags(argument: u64) -> u64 {
    let set = CLONE_BITS
        .iter()
        .filter(|(bit, _)| low(argument) & bit != 0);
    set.fold(namespace_flags(argument), |flags, (_, ours)| flags | ours)
}

/// Kernel number (`include/uapi/linux/ptrace.h`, `arch/x86/include/uapi/asm/ptrace-abi.h`) in the order of
/// the rules' numbers, from 1.
const PTRACE: &[u32] = &[
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 24, 0x4200, 0x4201, 0x4202, 0x4203, 0x4204, 0x4205,
    0x4206, 0x4207, 0x4208, 0x4209, 0x420a, 0x420b, 12, 13, 14, 15, 18, 19, 21, 25, 26, 30, 31, 32,
    33,
];
/// How many of them every architecture has.
const PTRACE_EVERYWHERE: usize = 25;

/// `evt.arg.request` of ptrace; 0 for unknown ones.
pub fn ptrace_request(argument: u64) -> u64 {
    let number = low(argument);
    match PTRACE.iter().position(|known| *known == number) {
        Some(at) if at < PTRACE_EVERYWHERE || THIS.ptrace.contains(&number) => at as u64 + 1,
        _ => 0,
    }
}

/// `evt.arg.cmd` of the `fcntl(2)` that is an event: `F_DUPFD` or `F_DUPFD_CLOEXEC`.
pub const fn fcntl_command(argument: u64) -> u64 {
    match low(argument) {
        0 => 1,
        1030 => 0x1a,
        _ => 0,
    }
}

/// `evt.arg.flags` of pidfd_open.
pub const fn pidfd_flags(argument: u64) -> u64 {
    const PIDFD_NONBLOCK: u32 = 0o4000;
    (low(argument) & PIDFD_NONBLOCK != 0) as u64
}

/// `evt.arg.flags` of dup3.
pub const fn dup3_flags(argument: u64) -> u64 {
    const O_CLOEXEC: u64 = 0o2_000_000;
    if argument & O_CLOEXEC != 0 {
        1 << 12
    } else {
        0
    }
}

/// `evt.arg.flags` of mount: without the magic number of old programs, `mount(2)`.
pub const fn mount_flags(argument: u64) -> u64 {
    const MAGIC: u64 = 0xc0ed_0000;
    const MAGIC_MASK: u64 = 0xffff_0000;
    let flags = argument & 0xffff_ffff;
    if flags & MAGIC_MASK == MAGIC {
        flags & !MAGIC_MASK
    } else {
        flags
    }
}

/// `evt.arg.flags` of `io_uring_setup`: the rules' numbers have a bit that is none in between.
pub const fn io_uring_flags(kernel: u32) -> u64 {
    const POLLS: u32 = 0b11;
    ((kernel & POLLS) | (kernel & !POLLS) << 1) as u64
}

/// `evt.arg.arg2_int` of prctl: the second argument where it is a number.
pub const fn prctl_number(args: &[u64; 6]) -> u64 {
    const PR_SET_NAME: u32 = 15;
    const PR_GET_NAME: u32 = 16;
    match low(args[0]) {
        PR_SET_NAME | PR_GET_NAME => 0,
        _ => args[1],
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CLONE_FLAGS, PTRACE_REQUESTS};
    use super::*;

    fn name(table: &[super::super::Flag], value: u64) -> &'static str {
        let flag = table.iter().find(|flag| flag.value == value);
        flag.map_or("", |flag| flag.name)
    }

    #[test]
    fn numbers_get_the_names_of_the_manual_pages() {
        for (kernel, expected) in [
            (0_u64, "PTRACE_TRACEME"),
            (9, "PTRACE_SINGLESTEP"),
            (16, "PTRACE_ATTACH"),
            (12, "PTRACE_GETREGS"),
            (0x4206, "PTRACE_SEIZE"),
            (32, "PTRACE_SYSEMU_SINGLESTEP"),
            (10, "PTRACE_UNKNOWN"),
        ] {
            assert_eq!(name(PTRACE_REQUESTS, ptrace_request(kernel)), expected);
        }
        // On arm64 the number means to read memory tags.
        let of_x86 = if THIS.name == "x86_64" {
            "PTRACE_SINGLEBLOCK"
        } else {
            "PTRACE_UNKNOWN"
        };
        assert_eq!(name(PTRACE_REQUESTS, ptrace_request(33)), of_x86);
        for (kernel, expected) in [
            (0x0002_0000_u64, "CLONE_NEWNS"),
            (0x0200_0000, "CLONE_NEWCGROUP"),
            (0x0400_0000, "CLONE_NEWUTS"),
            (0x0800_0000, "CLONE_NEWIPC"),
            (0x1000_0000, "CLONE_NEWUSER"),
            (0x2000_0000, "CLONE_NEWPID"),
            (0x4000_0000, "CLONE_NEWNET"),
            (0x0000_0400, "CLONE_FILES"),
            (0x0000_0200, "CLONE_FS"),
        ] {
            assert_eq!(name(CLONE_FLAGS, namespace_flags(kernel)), expected);
        }
    }

    #[test]
    fn the_magic_of_old_programs_is_no_flag() {
        assert_eq!(mount_flags(0xc0ed_0020), 0x20);
        assert_eq!(mount_flags(0x8000_1000), 0x8000_1000);
    }
}
