//! arm64: the numbers that new architectures share (`include/uapi/asm-generic/unistd.h`, which has no `open`, `mkdir`,
//! `fork`, … but only what they are made of), and those of 32-bit Arm programs (`arch/arm/tools/syscall.tbl`, EABI).

use super::Architecture;

/// The tables.
pub const THIS: Architecture = Architecture {
    name: "aarch64",
    native: NATIVE,
    compat: COMPAT,
    // `arch/arm64/include/uapi/asm/fcntl.h`; 32-bit Arm has the same.
    o_direct: 0o200_000,
    o_directory: 0o40_000,
    o_largefile: 0o400_000,
    // PTRACE_GETREGS and SETREGS of 32-bit tracers, SYSEMU, SYSEMU_SINGLESTEP (`arch/arm64/include/uapi/asm/ptrace.h`).
    ptrace: &[12, 13, 31, 32],
};

#[rustfmt::skip]
const NATIVE: super::Table = &[
    ("openat", 56), ("openat2", 437), ("open_by_handle_at", 265),
    ("execve", 221), ("execveat", 281),
    ("socket", 198), ("socketpair", 199), ("bind", 200), ("listen", 201), ("connect", 203), ("accept", 202),
    ("accept4", 242), ("shutdown", 210),
    ("sendto", 206), ("sendmsg", 211), ("sendmmsg", 269), ("recvfrom", 207), ("recvmsg", 212), ("recvmmsg", 243),
    ("renameat", 38), ("renameat2", 276), ("linkat", 37), ("symlinkat", 36),
    ("unlinkat", 35), ("mkdirat", 34), ("mknodat", 33),
    ("fchmod", 52), ("fchmodat", 53), ("fchmodat2", 452), ("fchown", 55), ("fchownat", 54),
    ("mount", 40), ("umount2", 39), ("move_mount", 429), ("fsconfig", 431), ("chroot", 51), ("pivot_root", 41),
    ("ptrace", 117), ("process_vm_writev", 271), ("init_module", 105), ("finit_module", 273), ("delete_module", 106),
    ("setns", 268), ("unshare", 97), ("capset", 91),
    ("setuid", 146), ("setgid", 144), ("setreuid", 145), ("setregid", 143), ("setresuid", 147), ("setresgid", 149),
    ("setfsuid", 151), ("setfsgid", 152),
    ("clone", 220), ("clone3", 435),
    ("bpf", 280), ("userfaultfd", 282), ("memfd_create", 279), ("pidfd_open", 434), ("pidfd_getfd", 438),
    ("keyctl", 219), ("perf_event_open", 241),
    ("dup", 23), ("dup3", 24), ("fcntl", 25), ("kill", 129), ("tkill", 130), ("tgkill", 131),
    ("prctl", 167), ("setsid", 157), ("mmap", 222), ("mprotect", 226), ("pkey_mprotect", 288),
    ("io_uring_setup", 425), ("chdir", 49), ("fchdir", 50),
];

#[rustfmt::skip]
const COMPAT: super::Table = &[
    ("open", 5), ("creat", 8), ("openat", 322), ("openat2", 437), ("open_by_handle_at", 371),
    ("execve", 11), ("execveat", 387),
    ("socket", 281), ("socketpair", 288), ("bind", 282), ("listen", 284), ("connect", 283), ("accept", 285),
    ("accept4", 366), ("shutdown", 293),
    ("sendto", 290), ("sendmsg", 296), ("sendmmsg", 374), ("send", 289), ("recvfrom", 292), ("recvmsg", 297),
    ("recvmmsg", 365), ("recvmmsg_time64", 417), ("recv", 291),
    ("rename", 38), ("renameat", 329), ("renameat2", 382), ("link", 9), ("linkat", 330), ("symlink", 83),
    ("symlinkat", 331),
    ("unlink", 10), ("unlinkat", 328), ("rmdir", 40), ("mkdir", 39), ("mkdirat", 323), ("mknod", 14),
    ("mknodat", 324),
    ("chmod", 15), ("fchmod", 94), ("fchmodat", 333), ("fchmodat2", 452), ("chown", 182), ("chown32", 212),
    ("lchown", 16), ("lchown32", 198), ("fchown", 95), ("fchown32", 207), ("fchownat", 325),
    ("mount", 21), ("umount2", 52), ("move_mount", 429), ("fsconfig", 431), ("chroot", 61), ("pivot_root", 218),
    ("ptrace", 26), ("process_vm_writev", 377), ("init_module", 128), ("finit_module", 379), ("delete_module", 129),
    ("setns", 375), ("unshare", 337), ("capset", 185),
    ("setuid", 23), ("setgid", 46), ("setreuid", 70), ("setregid", 71), ("setresuid", 164), ("setresgid", 170),
    ("setfsuid", 138), ("setfsgid", 139),
    ("setuid32", 213), ("setgid32", 214), ("setreuid32", 203), ("setregid32", 204), ("setresuid32", 208),
    ("setresgid32", 210), ("setfsuid32", 215), ("setfsgid32", 216),
    ("clone", 120), ("fork", 2), ("vfork", 190), ("clone3", 435),
    ("bpf", 386), ("userfaultfd", 388), ("memfd_create", 385), ("pidfd_open", 434), ("pidfd_getfd", 438),
    ("keyctl", 311), ("perf_event_open", 364),
    ("dup", 41), ("dup2", 63), ("dup3", 358), ("fcntl", 55), ("fcntl64", 221), ("kill", 37), ("tkill", 238),
    ("tgkill", 268),
    ("prctl", 172), ("setsid", 66), ("mmap2", 192), ("mprotect", 125), ("pkey_mprotect", 394),
    ("io_uring_setup", 425), ("chdir", 12), ("fchdir", 133),
];
