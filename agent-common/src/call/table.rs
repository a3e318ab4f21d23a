//! The table. What numbers its calls have is for [`arch`](crate::arch) to say, by the name in the kernel's tables: that of
//! the row unless it says another. Arguments are those of the manual pages.

use super::spec::{Guard, Row, Spec, at, here, object, row};
use crate::Class;

/// `PROT_EXEC` of `mmap(2)`.
const PROT_EXEC: u32 = 4;
/// `F_DUPFD` and `F_DUPFD_CLOEXEC` of `fcntl(2)`.
const F_DUPFD: u32 = 0;
const F_DUPFD_CLOEXEC: u32 = 1030;
/// `PR_SET_NAME` and `PR_GET_NAME` of `prctl(2)`.
const PR_SET_NAME: u32 = 15;
const PR_GET_NAME: u32 = 16;
/// `FSCONFIG_SET_STRING` and `FSCONFIG_SET_PATH` (`include/uapi/linux/mount.h`): with a text as value.
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_SET_PATH: u32 = 3;

const RENAME: Class = Class::RENAME;
const UNLINK: Class = Class::UNLINK;
const MKDIR: Class = Class::MKDIR;
const ATTRIBUTE: Class = Class::ATTRIBUTE;
const MOUNT: Class = Class::MOUNT;
const TRACE: Class = Class::TRACE;
const MODULE: Class = Class::MODULE;
const NAMESPACE: Class = Class::NAMESPACE;
const CREDENTIAL: Class = Class::CREDENTIAL;
const CLONE: Class = Class::CLONE;
const OBJECT: Class = Class::OBJECT;
const DUP: Class = Class::DUP;
const SIGNAL: Class = Class::SIGNAL;
const PROPERTY: Class = Class::PROPERTY;
const MEMORY: Class = Class::MEMORY;
const DIRECTORY: Class = Class::DIRECTORY;

/// Every call.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    row("rename", RENAME, Spec::paths(here(0), here(1))),
    row("renameat", RENAME, Spec::paths(at(0, 1), at(2, 3))),
    row("renameat2", RENAME, Spec::paths(at(0, 1), at(2, 3))),
    row("link", RENAME, Spec::paths(here(0), here(1))),
    row("linkat", RENAME, Spec::paths(at(0, 1), at(2, 3)).at_flags(4)),
    row("symlink", RENAME, Spec::second_path(here(1)).string(0)),
    row("symlinkat", RENAME, Spec::second_path(at(1, 2)).string(0)),

    row("unlink", UNLINK, Spec::path(here(0))),
    row("unlinkat", UNLINK, Spec::path(at(0, 1))),
    row("rmdir", UNLINK, Spec::path(here(0))),

    row("mkdir", MKDIR, Spec::path(here(0))),
    row("mkdirat", MKDIR, Spec::path(at(0, 1))),
    row("mknod", MKDIR, Spec::path(here(0))),
    row("mknodat", MKDIR, Spec::path(at(0, 1))),

    row("chmod", ATTRIBUTE, Spec::path(here(0))),
    row("fchmod", ATTRIBUTE, Spec::descriptor(0)),
    row("fchmodat", ATTRIBUTE, Spec::path(at(0, 1))),
    // fchmodat2: one event with fchmodat, or its flags would be a way around every rule.
    row("fchmodat", ATTRIBUTE, Spec::path(at(0, 1)).at_flags(3)).called("fchmodat2"),
    row("chown", ATTRIBUTE, Spec::path(here(0))).compat("chown32"),
    row("chown", ATTRIBUTE, Spec::path(here(0)).old_ids()).only_compat("chown"),
    row("lchown", ATTRIBUTE, Spec::path(here(0))).compat("lchown32"),
    row("lchown", ATTRIBUTE, Spec::path(here(0)).old_ids()).only_compat("lchown"),
    row("fchown", ATTRIBUTE, Spec::descriptor(0)).compat("fchown32"),
    row("fchown", ATTRIBUTE, Spec::descriptor(0).old_ids()).only_compat("fchown"),
    row("fchownat", ATTRIBUTE, Spec::path(at(0, 1)).at_flags(4)),

    row("mount", MOUNT, Spec::second_path(here(1)).strings(0, 2)),
    row("umount", MOUNT, Spec::path(here(0))),
    row("umount2", MOUNT, Spec::path(here(0))),
    row("move_mount", MOUNT, Spec::paths(at(0, 1), at(2, 3)).at_flags(4)),
    row("fsconfig", MOUNT, Spec::descriptor(0).strings(2, 3)
        .strings_if(Guard::one_of(1, FSCONFIG_SET_STRING, FSCONFIG_SET_PATH))),
    row("chroot", MOUNT, Spec::path(here(0)).about(object::ROOT)),
    row("pivot_root", MOUNT, Spec::paths(here(0), here(1))),

    row("ptrace", TRACE, Spec::plain()),
    row("process_vm_writev", TRACE, Spec::plain()),

    row("init_module", MODULE, Spec::plain().bytes(0, 1).string(2)),
    row("finit_module", MODULE, Spec::descriptor(0).string(1)),
    row("delete_module", MODULE, Spec::plain().string(0)),

    row("setns", NAMESPACE, Spec::descriptor(0)),
    row("unshare", NAMESPACE, Spec::plain()),

    row("setuid", CREDENTIAL, Spec::plain()).compat("setuid32"),
    row("setuid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setuid"),
    row("setgid", CREDENTIAL, Spec::plain()).compat("setgid32"),
    row("setgid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setgid"),
    row("setreuid", CREDENTIAL, Spec::plain()).compat("setreuid32"),
    row("setreuid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setreuid"),
    row("setregid", CREDENTIAL, Spec::plain()).compat("setregid32"),
    row("setregid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setregid"),
    row("setresuid", CREDENTIAL, Spec::plain()).compat("setresuid32"),
    row("setresuid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setresuid"),
    row("setresgid", CREDENTIAL, Spec::plain()).compat("setresgid32"),
    row("setresgid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setresgid"),
    row("setfsuid", CREDENTIAL, Spec::plain()).compat("setfsuid32"),
    row("setfsuid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setfsuid"),
    row("setfsgid", CREDENTIAL, Spec::plain()).compat("setfsgid32"),
    row("setfsgid", CREDENTIAL, Spec::plain().old_ids()).only_compat("setfsgid"),
    row("capset", CREDENTIAL, Spec::plain()),

    // The new task returns from the call too, with 0.
    row("clone", CLONE, Spec::process()),
    row("fork", CLONE, Spec::process()),
    row("vfork", CLONE, Spec::process()),
    row("clone3", CLONE, Spec::process().pointed()),

    row("bpf", OBJECT, Spec::creates()),
    row("userfaultfd", OBJECT, Spec::creates()),
    row("memfd_create", OBJECT, Spec::creates().string(0)),
    row("pidfd_open", OBJECT, Spec::creates()),
    row("pidfd_getfd", OBJECT, Spec::creates()),
    row("keyctl", OBJECT, Spec::plain()),
    row("perf_event_open", OBJECT, Spec::creates()),

    row("dup", DUP, Spec::duplicate(0)),
    row("dup2", DUP, Spec::duplicate(0)),
    row("dup3", DUP, Spec::duplicate(0)),
    row("fcntl", DUP,
        Spec::duplicate(0).only_if(Guard::one_of(1, F_DUPFD, F_DUPFD_CLOEXEC))).compat_too("fcntl64"),

    row("kill", SIGNAL, Spec::plain()),
    row("tkill", SIGNAL, Spec::plain()),
    row("tgkill", SIGNAL, Spec::plain()),

    row("prctl", PROPERTY,
        Spec::plain().string(1).strings_if(Guard::one_of(0, PR_SET_NAME, PR_GET_NAME))),
    row("setsid", PROPERTY, Spec::plain()),

    row("mmap", MEMORY, Spec::plain().only_if(Guard::set(2, PROT_EXEC))).compat("mmap2"),
    row("mmap", MEMORY, Spec::plain().only_if(Guard::set(2, PROT_EXEC)).indirect()).only_compat("mmap"),
    row("mprotect", MEMORY, Spec::plain().only_if(Guard::set(2, PROT_EXEC))),
    row("pkey_mprotect", MEMORY, Spec::plain().only_if(Guard::set(2, PROT_EXEC))),

    row("io_uring_setup", Class::IO_URING,
        Spec::plain().bytes(1, super::NO_ARGUMENT)),

    row("shutdown", Class::SHUTDOWN, Spec::descriptor(0)).compat_too("SYS_SHUTDOWN"),

    row("chdir", DIRECTORY, Spec::path(here(0)).about(object::DIRECTORY)),
    row("fchdir", DIRECTORY, Spec::descriptor(0)),
];
