//! x86-64: `arch/x86/entry/syscalls/syscall_64.tbl`, and `syscall_32.tbl` for what comes through `int 0x80` and the
//! 32-bit `sysenter` and `syscall`.

use super::Architecture;

/// Bit that marks an x32 call in `orig_ax`; the tables have its numbers without it.
pub const X32_BIT: u32 = 0x4000_0000;

/// From here on the interest table has the sub-calls of `socketcall(2)`, as if they were calls.
pub const SOCKETCALL_BASE: u32 = 1000;
/// Largest sub-call, `SYS_SENDMMSG` (`include/uapi/linux/net.h`).
pub const SOCKETCALL_LAST: u32 = 20;

/// Number that stands for a sub-call of `socketcall`, in records too.
pub const fn socketcall(operation: u32) -> u32 {
    SOCKETCALL_BASE.saturating_add(operation)
}

/// The tables.
pub const THIS: Architecture = Architecture {
    name: "x86_64",
    native: NATIVE,
    compat: COMPAT,
    o_direct: 0o40_000,
    o_directory: 0o200_000,
    o_largefile: 0o100_000,
    // PTRACE_GETREGS to SETFPREGS, GETFPXREGS, SETFPXREGS, OLDSETOPTIONS, GET_THREAD_AREA, SET_THREAD_AREA,
    // ARCH_PRCTL, SYSEMU, SYSEMU_SINGLESTEP, SINGLEBLOCK (`arch/x86/include/uapi/asm/ptrace-abi.h`).
    ptrace: &[12, 13, 14, 15, 18, 19, 21, 25, 26, 30, 31, 32, 33],
};

#[rustfmt::skip]
const NATIVE: super::Table = &[
    ("open", 2), ("creat", 85), ("openat", 257), ("openat2", 437), ("open_by_handle_at", 304),
    ("execve", 59), ("execveat", 322),
    ("socket", 41), ("socketpair", 53), ("bind", 49), ("listen", 50), ("connect", 42), ("accept", 43),
    ("accept4", 288), ("shutdown", 48),
    ("sendto", 44), ("sendmsg", 46), ("sendmmsg", 307), ("recvfrom", 45), ("recvmsg", 47), ("recvmmsg", 299),
    ("rename", 82), ("renameat", 264), ("renameat2", 316), ("link", 86), ("linkat", 265), ("symlink", 88),
    ("symlinkat", 266),
    ("unlink", 87), ("unlinkat", 263), ("rmdir", 84), ("mkdir", 83), ("mkdirat", 258), ("mknod", 133),
    ("mknodat", 259),
    ("chmod", 90), ("fchmod", 91), ("fchmodat", 268), ("fchmodat2", 452), ("chown", 92), ("lchown", 94),
    ("fchown", 93), ("fchownat", 260),
    ("mount", 165), ("umount2", 166), ("move_mount", 429), ("fsconfig", 431), ("chroot", 161), ("pivot_root", 155),
    ("ptrace", 101), ("process_vm_writev", 311), ("init_module", 175), ("finit_module", 313), ("delete_module", 176),
    ("setns", 308), ("unshare", 272), ("capset", 126),
    ("setuid", 105), ("setgid", 106), ("setreuid", 113), ("setregid", 114), ("setresuid", 117), ("setresgid", 119),
    ("setfsuid", 122), ("setfsgid", 123),
    ("clone", 56), ("fork", 57), ("vfork", 58), ("clone3", 435),
    ("bpf", 321), ("userfaultfd", 323), ("memfd_create", 319), ("pidfd_open", 434), ("pidfd_getfd", 438),
    ("keyctl", 250), ("perf_event_open", 298),
    ("dup", 32), ("dup2", 33), ("dup3", 292), ("fcntl", 72), ("kill", 62), ("tkill", 200), ("tgkill", 234),
    ("prctl", 157), ("setsid", 112), ("mmap", 9), ("mprotect", 10), ("pkey_mprotect", 329),
    ("io_uring_setup", 425), ("chdir", 80), ("fchdir", 81),
    // x32, where it differs.
    ("execve", 520), ("execveat", 545), ("sendmsg", 518), ("sendmmsg", 538), ("recvfrom", 517), ("recvmsg", 519),
    ("recvmmsg", 537), ("ptrace", 521), ("process_vm_writev", 540),
];

#[rustfmt::skip]
const COMPAT: super::Table = &[
    ("open", 5), ("creat", 8), ("openat", 295), ("openat2", 437), ("open_by_handle_at", 342),
    ("execve", 11), ("execveat", 358),
    ("socket", 359), ("socketpair", 360), ("bind", 361), ("listen", 363), ("connect", 362), ("accept4", 364),
    ("shutdown", 373), ("socketcall", 102),
    ("sendto", 369), ("sendmsg", 370), ("sendmmsg", 345), ("recvfrom", 371), ("recvmsg", 372), ("recvmmsg", 337),
    ("recvmmsg_time64", 417),
    ("rename", 38), ("renameat", 302), ("renameat2", 353), ("link", 9), ("linkat", 303), ("symlink", 83),
    ("symlinkat", 304),
    ("unlink", 10), ("unlinkat", 301), ("rmdir", 40), ("mkdir", 39), ("mkdirat", 296), ("mknod", 14),
    ("mknodat", 297),
    ("chmod", 15), ("fchmod", 94), ("fchmodat", 306), ("fchmodat2", 452), ("chown", 182), ("chown32", 212),
    ("lchown", 16), ("lchown32", 198), ("fchown", 95), ("fchown32", 207), ("fchownat", 298),
    ("mount", 21), ("umount", 22), ("umount2", 52), ("move_mount", 429), ("fsconfig", 431), ("chroot", 61),
    ("pivot_root", 217),
    ("ptrace", 26), ("process_vm_writev", 348), ("init_module", 128), ("finit_module", 350), ("delete_module", 129),
    ("setns", 346), ("unshare", 310), ("capset", 185),
    ("setuid", 23), ("setgid", 46), ("setreuid", 70), ("setregid", 71), ("setresuid", 164), ("setresgid", 170),
    ("setfsuid", 138), ("setfsgid", 139),
    ("setuid32", 213), ("setgid32", 214), ("setreuid32", 203), ("setregid32", 204), ("setresuid32", 208),
    ("setresgid32", 210), ("setfsuid32", 215), ("setfsgid32", 216),
    ("clone", 120), ("fork", 2), ("vfork", 190), ("clone3", 435),
    ("bpf", 357), ("userfaultfd", 374), ("memfd_create", 356), ("pidfd_open", 434), ("pidfd_getfd", 438),
    ("keyctl", 288), ("perf_event_open", 336),
    ("dup", 41), ("dup2", 63), ("dup3", 330), ("fcntl", 55), ("fcntl64", 221), ("kill", 37), ("tkill", 238),
    ("tgkill", 270),
    ("prctl", 172), ("setsid", 66), ("mmap", 90), ("mmap2", 192), ("mprotect", 125), ("pkey_mprotect", 380),
    ("io_uring_setup", 425), ("chdir", 12), ("fchdir", 133),
    // `include/uapi/linux/net.h`.
    ("SYS_SOCKET", socketcall(1)), ("SYS_BIND", socketcall(2)), ("SYS_CONNECT", socketcall(3)),
    ("SYS_LISTEN", socketcall(4)), ("SYS_ACCEPT", socketcall(5)), ("SYS_SOCKETPAIR", socketcall(8)),
    ("SYS_SEND", socketcall(9)), ("SYS_RECV", socketcall(10)), ("SYS_SENDTO", socketcall(11)),
    ("SYS_RECVFROM", socketcall(12)), ("SYS_SHUTDOWN", socketcall(13)), ("SYS_SENDMSG", socketcall(16)),
    ("SYS_RECVMSG", socketcall(17)), ("SYS_ACCEPT4", socketcall(18)), ("SYS_RECVMMSG", socketcall(19)),
    ("SYS_SENDMMSG", socketcall(20)),
];
