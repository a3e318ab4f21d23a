//! Operations through an `io_uring`: they raise the events of the system calls that do the same.

use std::{
    ffi::CString,
    fs,
    net::{SocketAddr, TcpListener},
    os::fd::AsRawFd as _,
};

use komainu::decode::Decoded;
use komainu_common::header::{HEADER_IO_URING, HEADER_UNFINISHED};

use crate::{
    Test,
    ring::{ASYNC, CONNECT, OPENAT, OPENAT2, Operation, Ring, SKIP_SUCCESS, SQPOLL},
    watch::{Watch, perform, text},
};

pub(crate) const TESTS: &[Test] = &[
    ("uring_open_is_an_open", open_is_an_open),
    ("uring_open_that_fails", open_that_fails),
    ("uring_open_without_an_answer", open_without_an_answer),
    ("uring_more_opens_than_are_remembered", more_than_remembered),
    ("uring_connect_is_a_connect", connect_is_a_connect),
];

/// `AT_FDCWD`.
const CWD: i32 = -100;
/// `IORING_FILE_INDEX_ALLOC`.
const ANY_SLOT: u32 = u32::MAX;

/// `uring-open KIND PATH`: prints the results.
pub(crate) fn act_open(kind: &str, path: &str) {
    let mut ring = Ring::with(if kind == "polled" { SQPOLL } else { 0 }).unwrap();
    ring.register_slots(4);
    let path = CString::new(path).unwrap();
    let how = [0_u64; 3];
    let mut open = Operation {
        opcode: OPENAT,
        fd: CWD,
        address: path.as_ptr() as u64,
        ..Operation::default()
    };
    match kind {
        "async" => open.flags = ASYNC,
        "silent" => open.flags = SKIP_SUCCESS,
        "slot" => open.file_index = 3,
        "any-slot" => open.file_index = ANY_SLOT,
        "openat2" => {
            open.opcode = OPENAT2;
            open.len = 24;
            open.offset = how.as_ptr() as u64;
        }
        _ => {}
    }
    println!("{:?}", ring.run(&[open]));
}

/// `uring-block FIFO TIMES PATH`: opens that wait for a writer, then one of a file.
pub(crate) fn act_block(fifo: &str, times: usize, path: &str) {
    let (fifo, path) = (CString::new(fifo).unwrap(), CString::new(path).unwrap());
    let open = |path: &CString, flags| Operation {
        opcode: OPENAT,
        flags,
        fd: CWD,
        address: path.as_ptr() as u64,
        ..Operation::default()
    };
    let mut ring = Ring::new().unwrap();
    for _ in 0..times {
        ring.submit(&[open(&fifo, ASYNC)]);
    }
    ring.submit(&[open(&path, 0)]);
}

/// `uring-connect ADDRESS`: prints the results.
pub(crate) fn act_connect(address: &str) {
    let bytes = sockaddr(address.parse().unwrap());
    let (family, kind) = (
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
    );
    let socket = rustix::net::socket(family, kind, None).unwrap();
    let connect = Operation {
        opcode: CONNECT,
        fd: socket.as_raw_fd(),
        address: bytes.as_ptr() as u64,
        offset: bytes.len() as u64,
        ..Operation::default()
    };
    println!("{:?}", Ring::new().unwrap().run(&[connect]));
}

/// `struct sockaddr_in`.
pub(crate) fn sockaddr(address: SocketAddr) -> [u8; 16] {
    let SocketAddr::V4(address) = address else {
        panic!("IPv4 only");
    };
    let mut bytes = [0_u8; 16];
    bytes[..2].copy_from_slice(&2_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes[4..8].copy_from_slice(&address.ip().octets());
    bytes
}

/// Whether rings can be made here.
pub(crate) fn available() -> bool {
    let made = Ring::new();
    if let Err(error) = &made {
        println!("left out: no io_uring here ({error})");
    }
    made.is_ok()
}

#[derive(Debug, PartialEq)]
struct Opened {
    ty: &'static str,
    ret: i64,
    name: String,
    resolved: Option<String>,
    unfinished: bool,
    truncated: bool,
}

/// An open through a ring.
fn opened(decoded: &Decoded<'_>) -> Option<Opened> {
    let event = decoded.event.as_ref()?;
    let flags = decoded.header.flags;
    event.ty.param("name")?;
    (flags & HEADER_IO_URING != 0).then(|| Opened {
        ty: event.ty.name,
        ret: event.ret.unwrap(),
        name: text(event.fd.as_ref().unwrap().name),
        resolved: event.fd.as_ref().unwrap().resolved.map(text),
        unfinished: flags & HEADER_UNFINISHED != 0,
        truncated: event.truncated,
    })
}

/// The path asked for and the file behind it, wherever the file went and whoever opened it.
fn open_is_an_open(watch: &mut Watch) {
    if !available() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (
        directory.path().join("target"),
        directory.path().join("link"),
    );
    fs::write(&target, "x").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let path = link.to_str().unwrap();
    for kind in ["plain", "async", "polled", "openat2", "slot", "any-slot"] {
        let ((child, output), seen) = watch.during(|| perform("uring-open", &[kind, path]));
        let found = seen.one(child, opened);
        let ret: Vec<i64> = serde_json::from_str(&output).unwrap();
        assert_eq!(
            found.ty,
            if kind == "openat2" {
                "openat2"
            } else {
                "openat"
            }
        );
        assert_eq!((found.ret, found.name.as_str()), (ret[0], path), "{kind}");
        assert!(found.ret >= 0, "{kind}: {found:?}");
        assert_eq!(found.resolved.as_deref(), target.to_str(), "{kind}");
        assert!(!found.unfinished && !found.truncated, "{kind}: {found:?}");
    }
}

fn open_that_fails(watch: &mut Watch) {
    if !available() {
        return;
    }
    let ((child, _), seen) = watch.during(|| perform("uring-open", &["plain", "nowhere/x"]));
    let found = seen.one(child, opened);
    let cwd = std::env::current_dir().unwrap();
    let name = cwd.join("nowhere/x").display().to_string();
    assert_eq!((found.ret, found.name), (-2, name), "ENOENT");
    assert_eq!(found.resolved, None);
}

/// Whoever wants no answer is recorded at the submission.
fn open_without_an_answer(watch: &mut Watch) {
    if !available() {
        return;
    }
    let ((child, output), seen) =
        watch.during(|| perform("uring-open", &["silent", "/etc/hostname"]));
    assert_eq!(output.trim(), "[]");
    let found = seen.one(child, opened);
    assert_eq!((found.ret, found.name.as_str()), (0, "/etc/hostname"));
    assert!(found.unfinished && found.truncated, "{found:?}");
}

/// Operations that never end take the room of others, which are then recorded at the submission.
fn more_than_remembered(watch: &mut Watch) {
    if !available() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let times = (komainu_common::limits::MAX_PENDING + 8).to_string();
    let arguments = [fifo.to_str().unwrap(), &times, "/etc/hostname"];
    let ((child, _), seen) = watch.during(|| perform("uring-block", &arguments));
    let found = seen.of(child, opened);
    let of_file: Vec<_> = found
        .iter()
        .filter(|open| open.name == "/etc/hostname")
        .collect();
    assert_eq!(of_file.len(), 1, "{found:?}");
    assert!(of_file[0].unfinished, "{of_file:?}");
}

fn connect_is_a_connect(watch: &mut Watch) {
    if !available() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connected = |decoded: &Decoded<'_>| {
        let event = decoded
            .event
            .as_ref()
            .filter(|event| event.ty.name == "connect")?;
        let socket = event.fd.as_ref()?.socket.as_ref()?;
        let ring = decoded.header.flags & HEADER_IO_URING != 0;
        ring.then(|| {
            (
                event.ret.unwrap(),
                socket.peer,
                socket.local,
                socket.connected,
            )
        })
    };
    let ((child, output), seen) =
        watch.during(|| perform("uring-connect", &[&address.to_string()]));
    assert_eq!(output.trim(), "[0]");
    let (_, client) = listener.accept().unwrap();
    let found = seen.one(child, connected);
    assert_eq!(found, (0, Some(address), Some(client), true));
    drop(listener);
    let ((child, output), seen) =
        watch.during(|| perform("uring-connect", &[&address.to_string()]));
    assert_eq!(output.trim(), "[-111]", "ECONNREFUSED");
    let (ret, peer, _, is_connected) = seen.one(child, connected);
    assert_eq!((ret, peer, is_connected), (-111, Some(address), false));
}
