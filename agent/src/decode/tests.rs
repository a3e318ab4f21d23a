//! Tests of decoding as a whole: made records in, events out.

mod hostile;

use komainu_common::{
    Class, Header, Task,
    arch::{Numbers, native},
    connect::Connect,
    exec::{Ancestor, EXEC_FAILED, EXEC_MEMFD, Exec},
    header::{HEADER_COMPAT, HEADER_IO_URING, HEADER_UNFINISHED, NO_SYSCALL},
    item::{ITEM_CUT, ITEM_FAULT, tag},
    open::{OPEN_CREATED, OPEN_RESOLVED, Open},
    sock::SOCK_RESOLVED,
    syscalls::{TABLE, handler},
};
use zerocopy::{FromZeros as _, Immutable, IntoBytes};

use super::*;
use crate::event::{FdKind, Tuple, Value};

/// A record: header, fixed part, items.
pub(super) fn record(
    class: Class,
    syscall: u32,
    ret: i64,
    fixed: &(impl IntoBytes + Immutable),
    items: &[(u8, u8, &[u8])],
) -> Vec<u8> {
    let mut header = Header::new_zeroed();
    header.class = class.0;
    header.syscall = syscall;
    header.ret = ret;
    header.time = 5_000_000_000;
    header.cgroup = 77;
    header.task = task();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(fixed.as_bytes());
    for (tag, flags, value) in items {
        bytes.extend([*tag, *flags]);
        bytes.extend(u16::try_from(value.len()).unwrap().to_ne_bytes());
        bytes.extend_from_slice(value);
    }
    let size = u32::try_from(bytes.len()).unwrap();
    bytes[..4].copy_from_slice(&size.to_ne_bytes());
    bytes
}

fn task() -> Task {
    let mut task = Task::new_zeroed();
    task.tgid = 40;
    task.tid = 41;
    task.ppid = 39;
    task.euid = 1000;
    task.egid = 1001;
    task.tty = 34816;
    task.vpgid = 7;
    task.pgid = 8;
    task.loginuid = 500;
    task.cap_inheritable = 1;
    task.cap_permitted = 2;
    task.cap_effective = 4;
    task
}

pub(super) fn value<'a>(event: &Event<'a>, name: &str) -> Value<'a> {
    event.params[event.ty.param(name).unwrap()]
}

pub(super) fn check_event(record: &[u8], check: impl FnOnce(&Event<'_>)) {
    let clock = Clock { boot: 1_000 };
    let mut scratch = Scratch::default();
    let decoded = decode(record, clock, &mut scratch).unwrap();
    let event = decoded.event.as_ref().unwrap();
    assert_eq!(
        event.params.len(),
        event.ty.params.len(),
        "{}",
        event.ty.name
    );
    assert_eq!((event.time, event.cgroup), (5_000_001_000, 77));
    check(event);
}

fn open() -> Open {
    let mut open = Open::new_zeroed();
    open.inode = 9;
    open.flags = 0o101;
    open.mode = 0o644;
    open.dirfd = 5;
    open.dev = 0x103 << 20 | 0x12c;
    open.resolve = 8;
    open.facts = OPEN_RESOLVED | OPEN_CREATED;
    open
}

#[test]
fn every_open_call_has_its_parameters_in_the_order_of_the_table() {
    let calls = TABLE.iter().filter(|call| call.handler == handler::OPEN);
    let numbers = calls.flat_map(|call| {
        let all = |numbers: &'static Numbers, flags: u16| {
            let numbers = numbers.as_slice().iter();
            numbers.map(move |&number| (number, flags, call.name))
        };
        all(&call.native, 0).chain(all(&call.compat, HEADER_COMPAT))
    });
    // 32-bit programs have all four everywhere.
    assert!(numbers.clone().count() >= 6);
    for (number, flags, name) in numbers {
        let items: [(u8, u8, &[u8]); 2] =
            [(tag::USER_PATH, 0, b"/a/b"), (tag::KERNEL_PATH, 0, b"/c")];
        let mut bytes = record(Class::OPEN, number, 6, &open(), &items);
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        check_event(&bytes, |event| {
            assert_eq!(event.ty.name, name);
            assert_eq!(value(event, "fd"), Value::Int(6));
            assert_eq!(value(event, "mode"), Value::Uint(0o644));
            assert_eq!(value(event, "ino"), Value::Uint(9));
            // major 259, minor 300 as user space writes it
            assert_eq!(
                value(event, "dev"),
                Value::Uint(0x2c | 0x103 << 8 | 0x100 << 12)
            );
            assert!(matches!(value(event, "name"), Value::Path(path) if path.raw == b"/a/b"));
            if name.starts_with("openat") {
                assert_eq!(value(event, "dirfd"), Value::Int(5));
            }
            if name == "openat2" {
                assert_eq!(value(event, "resolve"), Value::Uint(8));
            }
        });
    }
}

/// What a ring did not tell the end of is an event, and says that something is missing.
#[test]
fn an_unfinished_operation_is_incomplete() {
    let items: [(u8, u8, &[u8]); 1] = [(tag::USER_PATH, 0, b"/a/b")];
    for (flags, truncated) in [
        (HEADER_IO_URING, false),
        (HEADER_IO_URING | HEADER_UNFINISHED, true),
    ] {
        let mut bytes = record(Class::OPEN, native("openat"), 0, &open(), &items);
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        check_event(&bytes, |event| {
            assert_eq!((event.ty.name, event.truncated), ("openat", truncated));
        });
    }
}

#[test]
fn a_relative_path_is_joined_with_its_directory() {
    /// As passed, the directory it starts from, the outcome.
    type Case = (&'static [u8], Option<&'static [u8]>, &'static [u8]);
    let cases: [Case; 5] = [
        (b"x/../y", Some(b"/base"), b"/base/y"),
        (b"y", Some(b"/"), b"/y"),
        (b"../y", Some(b"/base/sub"), b"/base/y"),
        (b"y", None, b"<UNKNOWN>y"),
        (b"/abs//y/.", None, b"/abs/y"),
    ];
    for (raw, base, expected) in cases {
        let mut items = vec![(tag::USER_PATH, 0, raw)];
        items.extend(base.map(|base| (tag::BASE_PATH, 0, base)));
        let bytes = record(Class::OPEN, native("openat"), -2, &open(), &items);
        check_event(&bytes, |event| {
            let fd = event.fd.as_ref().unwrap();
            assert_eq!(fd.name, expected);
            assert_eq!(
                (fd.number, fd.kind),
                (-1, None),
                "a failed open makes no descriptor"
            );
        });
    }
}

#[test]
fn an_unreadable_name_leaves_the_kernels() {
    let items: [(u8, u8, &[u8]); 2] = [
        (tag::USER_PATH, ITEM_FAULT, b""),
        (tag::KERNEL_PATH, 0, b"/k"),
    ];
    let bytes = record(Class::OPEN, native("openat"), 3, &open(), &items);
    check_event(&bytes, |event| {
        assert_eq!(event.fd.as_ref().unwrap().name, b"/k");
        assert!(event.truncated);
    });
}

#[test]
fn a_started_program_updates_the_process() {
    let mut exec = Exec::new_zeroed();
    exec.flags = EXEC_MEMFD;
    exec.inode = 3;
    exec.ctime = 11;
    exec.mtime = 12;
    let mut ancestor = Ancestor::new_zeroed();
    ancestor.tgid = 39;
    let items: [(u8, u8, &[u8]); 6] = [
        (tag::USER_PATH, 0, b"./prog"),
        (tag::KERNEL_PATH, 0, b"memfd:x"),
        (tag::ARGV, 0, b"prog\0one\0\0"),
        (tag::ENV, 0, b"A=1\0B=2\0"),
        (tag::CWD, 0, b"/tmp"),
        (tag::ANCESTORS, 0, ancestor.as_bytes()),
    ];
    let bytes = record(Class::EXEC, NO_SYSCALL, 0, &exec, &items);
    check_event(&bytes, |event| {
        assert_eq!(event.ty.name, "execve");
        assert_eq!(value(event, "exe"), Value::Bytes(b"prog"));
        assert_eq!(
            value(event, "args"),
            Value::Bytes(b"one\0"),
            "an empty last argument stays"
        );
        assert_eq!(value(event, "env"), Value::Bytes(b"A=1\0B=2"));
        for (name, expected) in [
            ("tid", 41),
            ("pid", 40),
            ("ptid", 39),
            ("vpgid", 7),
            ("pgid", 8),
        ] {
            assert_eq!(value(event, name), Value::Int(expected), "{name}");
        }
        let numbers = [
            ("tty", 34816),
            ("loginuid", 500),
            ("uid", 1000),
            ("gid", 1001),
            ("exe_ino", 3),
            ("exe_ino_ctime", 11),
            ("exe_ino_mtime", 12),
            ("cap_inheritable", 1),
            ("cap_permitted", 2),
            ("cap_effective", 4),
            ("flags", 4),
        ];
        for (name, expected) in numbers {
            assert_eq!(value(event, name), Value::Uint(expected), "{name}");
        }
        assert_eq!(value(event, "trusted_exepath"), Value::Bytes(b"memfd:x"));
        assert!(matches!(value(event, "filename"), Value::Path(path) if path.raw == b"./prog"));
    });
    let mut scratch = Scratch::default();
    let decoded = decode(&bytes, Clock::default(), &mut scratch).unwrap();
    let Some(Lifecycle::Exec(exec)) = decoded.lifecycle else {
        panic!("no exec")
    };
    assert_eq!((exec.argv, exec.cwd), (&b"prog\0one\0"[..], &b"/tmp"[..]));
    assert_eq!(exec.ancestors.map(|a| a.tgid).collect::<Vec<_>>(), [39]);
}

#[test]
fn an_argument_list_splits_after_its_program() {
    for (list, exe, args) in [
        (&b""[..], &b""[..], &b""[..]),
        (b"ls", b"ls", b""),
        (b"ls\0-l\0/tmp", b"ls", b"-l\0/tmp"),
        (b"sh\0-c\0", b"sh", b"-c\0"),
        (b"\0x", b"", b"x"),
    ] {
        assert_eq!(split_argv(list), (exe, args));
    }
}

#[test]
fn a_failed_exec_changes_no_process() {
    for (number, name) in [
        (native("execve"), "execve"),
        (native("execveat"), "execveat"),
    ] {
        let mut exec = Exec::new_zeroed();
        exec.flags = EXEC_FAILED;
        let items: [(u8, u8, &[u8]); 1] = [(tag::ARGV, ITEM_CUT, b"a\0b\0")];
        let bytes = record(Class::EXEC, number, -2, &exec, &items);
        check_event(&bytes, |event| {
            assert_eq!(
                (event.ty.name, event.ret, event.truncated),
                (name, Some(-2), true)
            );
            assert_eq!(value(event, "args"), Value::Bytes(b"b"));
        });
        let mut scratch = Scratch::default();
        assert!(
            decode(&bytes, Clock::default(), &mut scratch)
                .unwrap()
                .lifecycle
                .is_none()
        );
    }
}

#[test]
fn a_mapped_address_is_ipv4() {
    let mut connect = Connect::new_zeroed();
    connect.sock.family = 10;
    connect.sock.peer = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];
    connect.sock.peer_port = 443;
    connect.fd = 4;
    connect.sock.facts = SOCK_RESOLVED;
    let bytes = record(Class::CONNECT, native("connect"), -115, &connect, &[]);
    check_event(&bytes, |event| {
        let fd = event.fd.as_ref().unwrap();
        assert_eq!(fd.kind, Some(FdKind::Ipv4));
        let socket = fd.socket.unwrap();
        assert_eq!(socket.peer, Some("10.0.0.1:443".parse().unwrap()));
        assert!(socket.connected);
    });
}

#[test]
fn a_unix_name_ends_at_its_nul_unless_abstract() {
    let mut connect = Connect::new_zeroed();
    connect.sock.family = 1;
    let cases: [(&[u8], &[u8]); 2] = [(b"/run/x\0junk", b"/run/x"), (b"\0abstract", b"\0abstract")];
    for (raw, expected) in cases {
        let items = [(tag::UNIX_PATH, 0, raw)];
        let bytes = record(Class::CONNECT, native("connect"), 0, &connect, &items);
        check_event(&bytes, |event| {
            assert_eq!(
                value(event, "tuple"),
                Value::Tuple(Tuple::Unix { path: expected })
            );
        });
    }
}
