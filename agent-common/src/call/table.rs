//! The table. Numbers are those of x86-64: `arch/x86/entry/syscalls/syscall_64.tbl` (x32 behind the
//! native one where it differs) and `syscall_32.tbl`; arguments those of the manual pages.

use super::spec::{Guard, Row, Spec, at, here, object, row};
use crate::Class;
use crate::syscalls::x86_64::compat::socketcall;

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
    row("rename", RENAME, &[82], &[38], Spec::paths(here(0), here(1))),
    row("renameat", RENAME, &[264], &[302], Spec::paths(at(0, 1), at(2, 3))),
    row("renameat2", RENAME, &[316], &[353], Spec::paths(at(0, 1), at(2, 3))),
    row("link", RENAME, &[86], &[9], Spec::paths(here(0), here(1))),
    row("linkat", RENAME, &[265], &[303], Spec::paths(at(0, 1), at(2, 3)).at_flags(4)),
    row("symlink", RENAME, &[88], &[83], Spec::second_path(here(1)).string(0)),
    row("symlinkat", RENAME, &[266], &[304], Spec::second_path(at(1, 2)).string(0)),

    row("unlink", UNLINK, &[87], &[10], Spec::path(here(0))),
    row("unlinkat", UNLINK, &[263], &[301], Spec::path(at(0, 1))),
    row("rmdir", UNLINK, &[84], &[40], Spec::path(here(0))),

    row("mkdir", MKDIR, &[83], &[39], Spec::path(here(0))),
    row("mkdirat", MKDIR, &[258], &[296], Spec::path(at(0, 1))),
    row("mknod", MKDIR, &[133], &[14], Spec::path(here(0))),
    row("mknodat", MKDIR, &[259], &[297], Spec::path(at(0, 1))),

    row("chmod", ATTRIBUTE, &[90], &[15], Spec::path(here(0))),
    row("fchmod", ATTRIBUTE, &[91], &[94], Spec::descriptor(0)),
    row("fchmodat", ATTRIBUTE, &[268], &[306], Spec::path(at(0, 1))),
    // fchmodat2: one event with fchmodat, or its flags would be a way around every rule.
    row("fchmodat", ATTRIBUTE, &[452], &[452], Spec::path(at(0, 1)).at_flags(3)),
    row("chown", ATTRIBUTE, &[92], &[212], Spec::path(here(0))),
    row("chown", ATTRIBUTE, &[], &[182], Spec::path(here(0)).old_ids()),
    row("lchown", ATTRIBUTE, &[94], &[198], Spec::path(here(0))),
    row("lchown", ATTRIBUTE, &[], &[16], Spec::path(here(0)).old_ids()),
    row("fchown", ATTRIBUTE, &[93], &[207], Spec::descriptor(0)),
    row("fchown", ATTRIBUTE, &[], &[95], Spec::descriptor(0).old_ids()),
    row("fchownat", ATTRIBUTE, &[260], &[298], Spec::path(at(0, 1)).at_flags(4)),

    row("mount", MOUNT, &[165], &[21], Spec::second_path(here(1)).strings(0, 2)),
    row("umount", MOUNT, &[], &[22], Spec::path(here(0))),
    row("umount2", MOUNT, &[166], &[52], Spec::path(here(0))),
    row("move_mount", MOUNT, &[429], &[429], Spec::paths(at(0, 1), at(2, 3)).at_flags(4)),
    row("fsconfig", MOUNT, &[431], &[431], Spec::descriptor(0).strings(2, 3)
        .strings_if(Guard::one_of(1, FSCONFIG_SET_STRING, FSCONFIG_SET_PATH))),
    row("chroot", MOUNT, &[161], &[61], Spec::path(here(0)).about(object::ROOT)),
    row("pivot_root", MOUNT, &[155], &[217], Spec::paths(here(0), here(1))),

    row("ptrace", TRACE, &[101, 521], &[26], Spec::plain()),
    row("process_vm_writev", TRACE, &[311, 540], &[348], Spec::plain()),

    row("init_module", MODULE, &[175], &[128], Spec::plain().bytes(0, 1).string(2)),
    row("finit_module", MODULE, &[313], &[350], Spec::descriptor(0).string(1)),
    row("delete_module", MODULE, &[176], &[129], Spec::plain().string(0)),

    row("setns", NAMESPACE, &[308], &[346], Spec::descriptor(0)),
    row("unshare", NAMESPACE, &[272], &[310], Spec::plain()),

    row("setuid", CREDENTIAL, &[105], &[213], Spec::plain()),
    row("setuid", CREDENTIAL, &[], &[23], Spec::plain().old_ids()),
    row("setgid", CREDENTIAL, &[106], &[214], Spec::plain()),
    row("setgid", CREDENTIAL, &[], &[46], Spec::plain().old_ids()),
    row("setreuid", CREDENTIAL, &[113], &[203], Spec::plain()),
    row("setreuid", CREDENTIAL, &[], &[70], Spec::plain().old_ids()),
    row("setregid", CREDENTIAL, &[114], &[204], Spec::plain()),
    row("setregid", CREDENTIAL, &[], &[71], Spec::plain().old_ids()),
    row("setresuid", CREDENTIAL, &[117], &[208], Spec::plain()),
    row("setresuid", CREDENTIAL, &[], &[164], Spec::plain().old_ids()),
    row("setresgid", CREDENTIAL, &[119], &[210], Spec::plain()),
    row("setresgid", CREDENTIAL, &[], &[170], Spec::plain().old_ids()),
    row("setfsuid", CREDENTIAL, &[122], &[215], Spec::plain()),
    row("setfsuid", CREDENTIAL, &[], &[138], Spec::plain().old_ids()),
    row("setfsgid", CREDENTIAL, &[123], &[216], Spec::plain()),
    row("setfsgid", CREDENTIAL, &[], &[139], Spec::plain().old_ids()),
    row("capset", CREDENTIAL, &[126], &[185], Spec::plain()),

    // The new task returns from the call too, with 0.
    row("clone", CLONE, &[56], &[120], Spec::process()),
    row("fork", CLONE, &[57], &[2], Spec::process()),
    row("vfork", CLONE, &[58], &[190], Spec::process()),
    row("clone3", CLONE, &[435], &[435], Spec::process().pointed()),

    row("bpf", OBJECT, &[321], &[357], Spec::creates()),
    row("userfaultfd", OBJECT, &[323], &[374], Spec::creates()),
    row("memfd_create", OBJECT, &[319], &[356], Spec::creates().string(0)),
    row("pidfd_open", OBJECT, &[434], &[434], Spec::creates()),
    row("pidfd_getfd", OBJECT, &[438], &[438], Spec::creates()),
    row("keyctl", OBJECT, &[250], &[288], Spec::plain()),
    row("perf_event_open", OBJECT, &[298], &[336], Spec::creates()),

    row("dup", DUP, &[32], &[41], Spec::duplicate(0)),
    row("dup2", DUP, &[33], &[63], Spec::duplicate(0)),
    row("dup3", DUP, &[292], &[330], Spec::duplicate(0)),
    row("fcntl", DUP, &[72], &[55, 221],
        Spec::duplicate(0).only_if(Guard::one_of(1, F_DUPFD, F_DUPFD_CLOEXEC))),

    row("kill", SIGNAL, &[62], &[37], Spec::plain()),
    row("tkill", SIGNAL, &[200], &[238], Spec::plain()),
    row("tgkill", SIGNAL, &[234], &[270], Spec::plain()),

    row("prctl", PROPERTY, &[157], &[172],
        Spec::plain().string(1).strings_if(Guard::one_of(0, PR_SET_NAME, PR_GET_NAME))),
    row("setsid", PROPERTY, &[112], &[66], Spec::plain()),

    row("mmap", MEMORY, &[9], &[192], Spec::plain().only_if(Guard::set(2, PROT_EXEC))),
    row("mmap", MEMORY, &[], &[90], Spec::plain().only_if(Guard::set(2, PROT_EXEC)).indirect()),
    row("mprotect", MEMORY, &[10], &[125], Spec::plain().only_if(Guard::set(2, PROT_EXEC))),
    row("pkey_mprotect", MEMORY, &[329], &[380], Spec::plain().only_if(Guard::set(2, PROT_EXEC))),

    row("io_uring_setup", Class::IO_URING, &[425], &[425],
        Spec::plain().bytes(1, super::NO_ARGUMENT)),

    row("shutdown", Class::SHUTDOWN, &[48], &[373, socketcall(13)], Spec::descriptor(0)),

    row("chdir", DIRECTORY, &[80], &[12], Spec::path(here(0)).about(object::DIRECTORY)),
    row("fchdir", DIRECTORY, &[81], &[133], Spec::descriptor(0)),
];
