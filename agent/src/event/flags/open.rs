//! Flags of the open family: from the kernel's bits to the numbering that rules see.

use komainu_common::arch::THIS;

/// Kernel bit (`include/uapi/asm-generic/fcntl.h`, with the architecture's differences) and the bit
/// of `evt.arg.flags`.
const OPEN_BITS: &[(u32, u64)] = &[
    (0o100, 1 << 2),       // O_CREAT
    (0o2000, 1 << 3),      // O_APPEND
    (0o10000, 1 << 4),     // O_DSYNC
    (0o200, 1 << 5),       // O_EXCL
    (0o4000, 1 << 6),      // O_NONBLOCK
    (0o4_010_000, 1 << 7), // O_SYNC
    (0o1000, 1 << 8),      // O_TRUNC
    (O_DIRECT, 1 << 9),
    (O_DIRECTORY, 1 << 10),
    (O_LARGEFILE, 1 << 11),
    (0o2_000_000, 1 << 12), // O_CLOEXEC
    (O_TMPFILE, 1 << 13),
];

const O_DIRECT: u32 = THIS.o_direct;
/// `O_DIRECTORY` of `open(2)`.
pub const O_DIRECTORY: u32 = THIS.o_directory;
const O_LARGEFILE: u32 = THIS.o_largefile;
/// `O_TMPFILE` of `open(2)`, which includes [`O_DIRECTORY`].
pub const O_TMPFILE: u32 = 0o20_000_000 | O_DIRECTORY;

/// The call created the file.
pub const O_F_CREATED: u64 = 1 << 14;
/// The file is in the upper layer of an overlayfs.
pub const FD_UPPER_LAYER: u64 = 1 << 15;
/// The file is in the lower layer of an overlayfs.
pub const FD_LOWER_LAYER: u64 = 1 << 16;

/// Value of the `flags` parameter for the `O_*` bits of a call, `open(2)`.
///
/// The reference implementation numbers them itself (`O_RDONLY` is 1, `O_RDWR` both access bits).
pub fn open_flags(kernel: u32) -> u64 {
    let access = match kernel & 0o3 {
        0 => 1,
        1 => 2,
        _ => 3,
    };
    access | renumbered(kernel)
}

/// Value of the `flags` parameter for the flags in the type of `socket(2)`: `SOCK_NONBLOCK` and
/// `SOCK_CLOEXEC` are `O_NONBLOCK` and `O_CLOEXEC`.
pub fn socket_flags(kernel: u32) -> u64 {
    renumbered(kernel)
}

fn renumbered(kernel: u32) -> u64 {
    let set = OPEN_BITS.iter().filter(|(bit, _)| kernel & bit == *bit);
    set.fold(0, |flags, (_, ours)| flags | ours)
}

/// The `O_*` bits of a call that stand behind one bit of the `flags` parameter; `None` for access modes
/// and for what only the kernel knows.
pub fn kernel_open_bits(flag: u64) -> Option<u32> {
    let row = OPEN_BITS.iter().find(|(_, ours)| *ours == flag);
    row.map(|(bits, _)| *bits)
}
