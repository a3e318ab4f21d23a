//! What [`crate::call`] tries.

/// A call, and what must be reported of it.
pub(crate) struct Case {
    /// Name of its event.
    pub(crate) name: &'static str,
    /// Native calls by name that come before it, in the same process.
    pub(crate) before: &'static [&'static str],
    /// Its arguments, see [`crate::raw::act`]; `@` is the place.
    pub(crate) args: &'static str,
    /// Calls that come after it.
    pub(crate) after: &'static [&'static str],
    /// The error; 0 for success.
    pub(crate) errno: i64,
    /// Parameters (with `resolved` behind the name: the kernel's path), and `fd.*`.
    pub(crate) expected: &'static [(&'static str, &'static str)],
}

/// Any error: kernels differ.
pub(crate) const ANY: i64 = i64::MAX;

const EPERM: i64 = 1;
const ENOENT: i64 = 2;
const ESRCH: i64 = 3;
const EBADF: i64 = 9;
const EAGAIN: i64 = 11;
const EEXIST: i64 = 17;
const EINVAL: i64 = 22;
const EOPNOTSUPP: i64 = 95;

type Facts = &'static [(&'static str, &'static str)];

const fn case(name: &'static str, args: &'static str, errno: i64, expected: Facts) -> Case {
    Case {
        name,
        before: &[],
        args,
        after: &[],
        errno,
        expected,
    }
}

impl Case {
    const fn before(mut self, calls: &'static [&'static str]) -> Self {
        self.before = calls;
        self
    }

    const fn after(mut self, calls: &'static [&'static str]) -> Self {
        self.after = calls;
        self
    }
}

const MOUNT_SUB: &[&str] = &["mount snone s@/sub stmpfs 1 0"];
const UMOUNT_SUB: &[&str] = &["umount2 s@/sub 2"];
const BECOME_7: &[&str] = &["setuid 7"];
/// `setrlimit(RLIMIT_NPROC)` counts for other users.
const NO_MORE_PROCESSES: &[&str] = &["setrlimit 6 w0.0.0.0", "setuid 7"];
const UNKNOWN_ID: &str = "4294967295";

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    case("rename", "sa s@/b", 0, &[("oldpath", "@/a"), ("newpath", "@/b")]),
    case("rename", "snone sx", ENOENT, &[("oldpath", "@/none"), ("newpath", "@/x")]),
    case("renameat", "f@ sa f@/sub sb", 0, &[("oldpath", "@/a"), ("newpath", "@/sub/b")]),
    case("renameat", "77 sa -100 sb", EBADF, &[("olddirfd", "77"), ("newdirfd", "-100"), ("oldpath", "a")]),
    case("renameat2", "-100 sa -100 s../x/sub 1", ANY, &[("oldpath", "@/a"), ("flags", "1")]),
    case("renameat2", "f@ slink -100 sb 1", 0, &[("oldpath", "@/link"), ("newpath", "@/b")]),
    case("renameat2", "-100 snone -100 sa 2", ENOENT, &[("flags", "2")]),
    case("link", "sa s@/hard", 0, &[("oldpath", "@/a"), ("newpath", "@/hard")]),
    case("link", "snone sx", ENOENT, &[("oldpath", "@/none")]),
    case("linkat", "f@ slink -100 shard 0x400", 0,
        &[("oldpath", "@/link"), ("newpath", "@/hard"), ("flags", "1024")]),
    case("linkat", "f@/a s -100 shard 0x1000", 0,
        &[("oldpath resolved", "@/a"), ("newpath", "@/hard"), ("flags", "4096")]),
    case("linkat", "-100 snone -100 sx 0", ENOENT, &[("oldpath", "@/none")]),
    case("symlink", "s/target ssym", 0, &[("target", "/target"), ("linkpath", "@/sym")]),
    case("symlink", "s/target sa", EEXIST, &[("target", "/target"), ("linkpath", "@/a")]),
    case("symlinkat", "s../t f@/sub ssym", 0,
        &[("target", "../t"), ("linkpath", "@/sub/sym"), ("fd.name", "@/sub"), ("fd.type", "directory")]),
    case("symlinkat", "sx -100 sa", EEXIST, &[("linkpath", "@/a"), ("linkdirfd", "-100")]),

    case("unlink", "slink", 0, &[("path", "@/link")]),
    case("unlink", "ssub/../none", ENOENT, &[("path", "@/none")]),
    case("unlinkat", "f@ ssub 0x200", 0, &[("name", "@/sub"), ("flags", "512"), ("fd.name", "@")]),
    case("unlinkat", "77 sx 0", EBADF, &[("name", "x"), ("dirfd", "77"), ("fd.num", "77"), ("fd.type", "")]),
    case("rmdir", "s@/sub", 0, &[("path", "@/sub")]),
    case("rmdir", "snone", ENOENT, &[("path", "@/none")]),

    case("mkdir", "snew 493", 0, &[("path", "@/new"), ("mode", "493")]),
    case("mkdir", "ssub 448", EEXIST, &[("path", "@/sub")]),
    case("mkdirat", "f@/sub snew 448", 0, &[("path", "@/sub/new"), ("fd.name", "@/sub")]),
    case("mkdirat", "-100 ssub 448", EEXIST, &[("path", "@/sub"), ("dirfd", "-100"), ("fd.num", "-100")]),
    case("mknod", "sfifo 4516 0", 0, &[("path", "@/fifo"), ("mode", "4516"), ("dev", "0")]),
    case("mknod", "sa 4516 0", EEXIST, &[("path", "@/a")]),
    case("mknodat", "f@ sfifo 4516 0", 0, &[("path", "@/fifo"), ("mode", "4516")]),
    case("mknodat", "-100 sa 4516 0", EEXIST, &[("path", "@/a")]),

    case("chmod", "sa 2541", 0, &[("filename", "@/a"), ("mode", "2541")]),
    case("chmod", "snone 448", ENOENT, &[("filename", "@/none")]),
    case("fchmod", "f@/link 448", 0, &[("mode", "448"), ("fd.name", "@/a"), ("fd.type", "file")]),
    case("fchmod", "77 448", EBADF, &[("fd", "77"), ("fd.type", "")]),
    case("fchmodat", "f@ sa 448 0", 0, &[("filename", "@/a"), ("mode", "448")]),
    case("fchmodat", "-100 snone 448 0", ENOENT, &[("filename", "@/none")]),
    case("chown", "sa 7 -1", 0, &[("path", "@/a"), ("uid", "7"), ("gid", UNKNOWN_ID)]),
    case("chown", "snone 7 8", ENOENT, &[("path", "@/none"), ("uid", "7"), ("gid", "8")]),
    case("lchown", "slink -1 8", 0, &[("path", "@/link"), ("uid", UNKNOWN_ID), ("gid", "8")]),
    case("lchown", "snone 7 8", ENOENT, &[("path", "@/none")]),
    case("fchown", "f@/a 7 8", 0, &[("uid", "7"), ("gid", "8"), ("fd.name", "@/a")]),
    case("fchown", "77 7 8", EBADF, &[("fd", "77")]),
    case("fchownat", "f@/a s 7 8 0x1000", 0, &[("pathname resolved", "@/a"), ("flags", "4096")]),
    case("fchownat", "f@ slink 7 8 0x100", 0, &[("pathname", "@/link"), ("flags", "256")]),
    case("fchownat", "-100 snone 7 8 0", ENOENT, &[("pathname", "@/none")]),

    case("mount", "sdevice ssub stmpfs 0x3 0", 0,
        &[("dev", "device"), ("dir", "@/sub"), ("type", "tmpfs"), ("flags", "3")]).after(UMOUNT_SUB),
    case("mount", "s/x snone stmpfs 0x1000 0", ENOENT, &[("dir", "@/none"), ("flags", "4096")]),
    case("umount", "ssub", 0, &[("name", "@/sub")]).before(MOUNT_SUB),
    case("umount", "snone", ENOENT, &[("name", "@/none")]),
    case("umount2", "ssub 2", 0, &[("name", "@/sub"), ("flags", "2")]).before(MOUNT_SUB),
    case("umount2", "snone 2", ENOENT, &[("name", "@/none"), ("flags", "2")]),
    case("move_mount", "-100 snone -100 ssub 0", ENOENT, &[("from_path", "@/none"), ("to_path", "@/sub")]),
    case("move_mount", "f@/sub s -100 ssub 4", ANY, &[("from_path resolved", "@/sub"), ("to_path", "@/sub")]),
    case("fsconfig", "otmpfs 1 ssize s1M 0", 0, &[("cmd", "1"), ("key", "size"), ("value", "1M")]),
    case("fsconfig", "77 6 0 0 0", EBADF, &[("fd", "77"), ("cmd", "6")]),
    case("chroot", "ssub", 0, &[("path", "@/sub"), ("path resolved", "@/sub")]),
    case("chroot", "snone", ENOENT, &[("path", "@/none")]),
    case("pivot_root", "ssub ssub/x", ANY, &[("new_root", "@/sub"), ("put_old", "@/sub/x")]),

    case("ptrace", "0 0 0 0", 0, &[("request", "1"), ("pid", "0")]),
    case("ptrace", "16 999999999 0 0", ESRCH, &[("request", "11"), ("pid", "999999999")]),
    case("process_vm_writev", "m 0 0 0 0 0", 0, &[]),
    case("process_vm_writev", "4 0 0 0 0 1", EINVAL, &[("pid", "4")]),

    case("init_module", "w97.98 8 sopts", ANY, &[("length", "8"), ("uargs", "opts"), ("img", "a\0\0\0b\0\0\0")]),
    case("finit_module", "f@/a sopts 3", ANY,
        &[("uargs", "opts"), ("flags", "3"), ("fd.name", "@/a"), ("fd.type", "file")]),
    case("delete_module", "skomainu_none 0x800", ANY, &[("name", "komainu_none"), ("flags", "2048")]),

    case("setns", "f/proc/self/ns/uts 0x4000000", 0, &[("nstype", "128")]),
    case("setns", "f@/a 0", EINVAL, &[("nstype", "0"), ("fd.name", "@/a")]),
    case("unshare", "0x4000000", 0, &[("flags", "128")]),
    case("unshare", "0x1", EINVAL, &[("flags", "0")]),

    case("setuid", "7", 0, &[("uid", "7")]),
    case("setuid", "0", EPERM, &[("uid", "0")]).before(BECOME_7),
    case("setuid", "-1", EINVAL, &[("uid", UNKNOWN_ID)]),
    case("setgid", "7", 0, &[("gid", "7")]),
    case("setgid", "9", EPERM, &[("gid", "9")]).before(BECOME_7),
    case("setreuid", "7 -1", 0, &[("ruid", "7"), ("euid", UNKNOWN_ID)]),
    case("setreuid", "0 0", EPERM, &[("ruid", "0"), ("euid", "0")]).before(BECOME_7),
    case("setregid", "7 8", 0, &[("rgid", "7"), ("egid", "8")]),
    case("setregid", "9 9", EPERM, &[("rgid", "9")]).before(BECOME_7),
    case("setresuid", "7 -1 9", 0, &[("ruid", "7"), ("euid", UNKNOWN_ID), ("suid", "9")]),
    case("setresuid", "0 0 0", EPERM, &[("suid", "0")]).before(BECOME_7),
    case("setresgid", "7 8 9", 0, &[("rgid", "7"), ("egid", "8"), ("sgid", "9")]),
    case("setresgid", "9 9 9", EPERM, &[("sgid", "9")]).before(BECOME_7),
    case("setfsuid", "7", 0, &[("uid", "7")]),
    case("setfsgid", "7", 0, &[("gid", "7")]),
    case("capset", "w0x20080522.0 w0.0.0.0.0.0", 0, &[("cap_effective", "0"), ("cap_permitted", "0")]),
    case("capset", "w0.0 w0.0.0.0.0.0", EINVAL, &[]),

    case("clone", "0x11 0 0 0 0", 0, &[("flags", "0")]),
    case("clone", "0x10000011 0 0 0 0", 0, &[("flags", "1048576")]),
    case("clone", "0x20200 0 0 0 0", EINVAL, &[("flags", "34")]),
    case("fork", "", 0, &[("flags", "0")]),
    case("fork", "", EAGAIN, &[("flags", "0"), ("uid", "7")]).before(NO_MORE_PROCESSES),
    case("vfork", "", 0, &[("flags", "134250496")]),
    case("vfork", "", EAGAIN, &[("uid", "7")]).before(NO_MORE_PROCESSES),
    case("clone3", "w0x20000000.0.0.0.0.0.0.0.17.0.0.0.0.0.0.0 64", 0, &[("flags", "64")]),
    case("clone3", "w0x20200.0.0.0.0.0.0.0.17.0.0.0.0.0.0.0 64", EINVAL, &[("flags", "34")]),

    case("bpf", "0 w2.4.4.1 16", 0, &[("cmd", "0"), ("fd.type", "bpf")]),
    case("bpf", "5 0 0", ANY, &[("cmd", "5")]),
    case("userfaultfd", "0x80000", 0, &[("flags", "4097"), ("fd.type", "userfaultfd")]),
    case("userfaultfd", "0x7000000", EINVAL, &[("fd.num", "-1")]),
    case("memfd_create", "sname 1", 0, &[("name", "name"), ("flags", "1"), ("fd.type", "memfd")]),
    case("memfd_create", "sname 0x8000", EINVAL, &[("name", "name"), ("fd.num", "-1"), ("fd.type", "")]),
    case("pidfd_open", "m 0", 0, &[("fd.type", "pidfd")]),
    case("pidfd_open", "999999999 2048", ANY, &[("pid", "999999999"), ("flags", "1"), ("fd.num", "-1")]),
    case("pidfd_getfd", "3 0 0", 0, &[("pid_fd", "3"), ("target_fd", "0"), ("fd.num", "4")]).before(&["pidfd_open m 0"]),
    case("pidfd_getfd", "77 5 0", EBADF, &[("pid_fd", "77"), ("target_fd", "5"), ("fd.num", "-1")]),
    case("keyctl", "0 -3 0", 0, &[("cmd", "0")]),
    case("keyctl", "99 1 0", EOPNOTSUPP, &[("cmd", "99"), ("arg2", "1")]),
    case("perf_event_open", "0 5 -1 -1 0", ANY, &[("pid", "5"), ("cpu", "-1"), ("fd.num", "-1")]),

    case("dup", "f@/link", 0, &[("fd.name", "@/a"), ("fd.type", "file")]),
    case("dup", "77", EBADF, &[("oldfd", "77"), ("fd.num", "77"), ("fd.type", "")]),
    case("dup2", "k 55", 0, &[("newfd", "55"), ("fd.num", "55"), ("fd.type", "ipv4")]),
    case("dup2", "77 55", EBADF, &[("oldfd", "77"), ("newfd", "55")]),
    case("dup3", "f@/sub 50 0x80000", 0, &[("flags", "4096"), ("fd.num", "50"), ("fd.type", "directory")]),
    case("dup3", "77 50 0", EBADF, &[("flags", "0"), ("oldfd", "77")]),
    case("fcntl", "f@/a 0 60", 0, &[("cmd", "1"), ("fd.num", "60"), ("fd.name", "@/a"), ("arg", "60")]),
    case("fcntl", "77 1030 3", EBADF, &[("cmd", "26"), ("fd", "77")]),

    case("kill", "m 0", 0, &[("sig", "0")]),
    case("kill", "999999999 9", ESRCH, &[("pid", "999999999"), ("sig", "9")]),
    case("tkill", "m 0", 0, &[("sig", "0")]),
    case("tkill", "999999999 9", ESRCH, &[("tid", "999999999"), ("sig", "9")]),
    case("tgkill", "m m 0", 0, &[("sig", "0")]),
    case("tgkill", "999999999 999999998 9", ESRCH, &[("tid", "999999998"), ("sig", "9")]),

    case("prctl", "15 skworker", 0, &[("option", "15"), ("arg2_str", "kworker"), ("arg2_int", "0")]),
    case("prctl", "38 1 0 0 0", 0, &[("option", "38"), ("arg2_int", "1")]),
    case("prctl", "9999 5", EINVAL, &[("option", "9999"), ("arg2_int", "5")]),
    case("setsid", "", 0, &[]),
    case("setsid", "", EPERM, &[]).before(&["setsid"]),

    case("mmap", "0 4096 5 0x22 -1 0", 0, &[("length", "4096"), ("prot", "5"), ("flags", "34"), ("fd", "-1")]),
    case("mmap", "0 0 4 0x22 -1 0", EINVAL, &[("length", "0"), ("prot", "4")]),
    case("mprotect", "x 4096 7", 0, &[("length", "4096"), ("prot", "7")]),
    case("mprotect", "1 4096 4", EINVAL, &[("addr", "1"), ("prot", "4")]),
    case("pkey_mprotect", "x 4096 5 -1", 0, &[("prot", "5"), ("pkey", "-1")]),
    case("pkey_mprotect", "1 4096 4 -1", EINVAL, &[("addr", "1")]),

    case("io_uring_setup", "0 w0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0", ANY, &[("entries", "0")]),
    case("io_uring_setup", "4 w0.0.0x80000000.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0", ANY,
        &[("entries", "4"), ("sq_entries", "0")]),

    case("shutdown", "k 1", 0, &[("how", "1"), ("fd.type", "ipv4")]),
    case("shutdown", "77 2", EBADF, &[("fd", "77"), ("how", "2"), ("fd.type", "")]),

    case("chdir", "ssub", 0, &[("path", "sub"), ("path resolved", "@/sub")]),
    case("chdir", "snone", ENOENT, &[("path", "@/none")]),
    case("fchdir", "f@/sub", 0, &[("fd.name", "@/sub"), ("fd.type", "directory")]),
    case("fchdir", "77", EBADF, &[("fd", "77")]),
];
