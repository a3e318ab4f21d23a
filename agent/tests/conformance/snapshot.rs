//! Events, processes and descriptors from the snapshots of the data.

use std::collections::HashMap;

use komainu::event::{
    Event, Fd, FdKind, Layer, Membership, Params, PathArg, ProcKey, Process, User, Value, World,
    event_type, path,
};
use serde_json::Value as Json;

use crate::data::{list, unhex};
use crate::process::{processes, task};
use crate::socket::{kind, sockaddr, socket, tuple};

/// One snapshot, owning what its event borrows.
pub(crate) struct Snapshot {
    state: Json,
    pub world: SnapshotWorld,
    /// Bytes of each parameter.
    params: Vec<Vec<u8>>,
    cwd: Vec<u8>,
    fd_name: Vec<u8>,
    fd_raw: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct SnapshotWorld {
    /// The accounts that the upstream tests add exist (they remove them again later).
    pub accounts: bool,
    processes: HashMap<ProcKey, Process>,
}

impl World for SnapshotWorld {
    fn process(&self, key: ProcKey) -> Option<&Process> {
        self.processes.get(&key)
    }

    fn container(&self, _: u64) -> Membership<'_> {
        Membership::Host
    }

    fn user(&self, _: u64, uid: u32) -> Option<User<'_>> {
        // Accounts other than root's are what the upstream tests add; snapshots leave them out.
        match uid {
            0 => Some(User {
                name: "root",
                home: "/root",
                shell: "<NA>",
            }),
            5 if self.accounts => Some(User {
                name: "test",
                home: "/test",
                shell: "/bin/test",
            }),
            1000 if self.accounts => Some(User {
                name: "foo",
                home: "/foo",
                shell: "/bin/bash",
            }),
            _ => None,
        }
    }

    fn group_name(&self, _: u64, gid: u32) -> Option<&str> {
        (gid == 0).then_some("root")
    }
}

impl Snapshot {
    /// A snapshot of the data; `None` where its event is not in the event table.
    pub(crate) fn new(state: &Json) -> Option<Self> {
        event_type(state["name"].as_str()?)?;
        let params: Vec<Vec<u8>> = list(state, "params")
            .iter()
            .map(|p| unhex(p["hex"].as_str().unwrap_or("")))
            .collect();
        let cwd = text(&state["thread"]["cwd"]);
        let mut snapshot = Self {
            state: state.clone(),
            world: SnapshotWorld {
                accounts: false,
                processes: processes(state),
            },
            params,
            cwd,
            fd_name: Vec::new(),
            fd_raw: Vec::new(),
        };
        snapshot.name_fd();
        Some(snapshot)
    }

    /// Names of the descriptor; for failed opens they come from the parameters.
    fn name_fd(&mut self) {
        let info = &self.state["fdinfo"];
        if info.is_object() {
            self.fd_name = text(&info["name"]);
            self.fd_raw = text(&info["name_raw"]);
            // The snapshot's text is cleaned to UTF-8; the parameter is not.
            if String::from_utf8_lossy(&self.fd_name).contains('\u{fffd}')
                && let Some(raw) = self.raw_param("name")
            {
                self.fd_name = raw;
            }
            return;
        }
        let name = self.state["name"].as_str().unwrap_or_default();
        let raw = self.raw_param("name").unwrap_or_default();
        match name {
            "open" | "creat" => self.fd_name.clone_from(&raw),
            "openat" | "openat2" => {
                let mut joined = Vec::new();
                path::join(&self.cwd, &raw, &mut joined);
                self.fd_name = joined;
            }
            _ => return,
        }
        self.fd_raw = raw;
    }

    fn raw_param(&self, name: &str) -> Option<Vec<u8>> {
        let at = list(&self.state, "params")
            .iter()
            .position(|p| p["name"] == name)?;
        let bytes = self.params.get(at)?;
        Some(bytes.strip_suffix(b"\0").unwrap_or(bytes).to_vec())
    }

    /// The event.
    pub(crate) fn event(&self) -> Event<'_> {
        let ty = event_type(self.state["name"].as_str().unwrap()).unwrap();
        let mut params = Params::new();
        for at in 0..self.params.len() {
            params.push(self.value(at));
        }
        let ret = ty.params.first().filter(|p| matches!(p.name, "res" | "fd"));
        let ret = ret.and_then(|_| match params.first() {
            Some(Value::Int(number)) => Some(*number),
            Some(Value::Uint(number)) => i64::try_from(*number).ok(),
            _ => None,
        });
        let thread = &self.state["thread"];
        Event {
            ty,
            number: self.state["num"].as_u64().unwrap_or(1),
            time: self.state["ts"].as_u64().unwrap_or(0),
            cpu: u32::try_from(self.state["cpu"].as_u64().unwrap_or(0)).unwrap(),
            ret,
            task: task(thread, 1),
            cgroup: 1,
            params,
            fd: self.fd(ret),
            stdio: [None; 3],
            open_descriptors: None,
            truncated: false,
        }
    }

    fn value(&self, at: usize) -> Value<'_> {
        let param = &list(&self.state, "params")[at];
        let bytes: &[u8] = &self.params[at];
        if param["empty"] == true {
            return Value::Absent;
        }
        let trimmed = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        if trimmed == b"(NULL)" {
            return Value::Absent;
        }
        match param["type"].as_str().unwrap_or_default() {
            "FD" | "ERRNO" | "PID" | "INT32" | "INT64" => Value::Int(signed(bytes)),
            "CHARBUF" => Value::Bytes(trimmed),
            "BYTEBUF" => Value::Bytes(bytes),
            "FSPATH" => {
                let base = Some(self.cwd.as_slice());
                Value::Path(PathArg {
                    raw: trimmed,
                    base,
                    resolved: None,
                })
            }
            "FSRELPATH" => Value::Path(PathArg {
                raw: trimmed,
                base: self.dir_of(at),
                resolved: None,
            }),
            "SOCKTUPLE" => tuple(bytes),
            "SOCKADDR" => sockaddr(bytes),
            _ => Value::Uint(unsigned(bytes)),
        }
    }

    /// Directory that the path at `at` starts from: that of the descriptor before it.
    fn dir_of(&self, at: usize) -> Option<&[u8]> {
        let params = list(&self.state, "params");
        let before = (0..at).rev().find(|at| params[*at]["type"] == "FD")?;
        let number = signed(&self.params[before]);
        if number == -100 {
            return Some(&self.cwd);
        }
        if let Some(known) = omitted_directory(self.state["name"].as_str()?, number) {
            return Some(known);
        }
        let last = self.state["thread"]["lastevent_fd"].as_i64();
        if last == Some(number) && self.state["fdinfo"]["type"] == "directory" {
            return Some(&self.fd_name);
        }
        // The snapshot has the opened file, not the directory: what is before the path that was passed.
        let raw = self.fd_raw.as_slice();
        let mut normal = Vec::new();
        path::join(b"", raw, &mut normal);
        let plain = !raw.is_empty() && !raw.starts_with(b"/") && !self.fd_name.starts_with(b"<");
        let base = self.fd_name.strip_suffix(normal.as_slice());
        base.filter(|base| plain && base.ends_with(b"/"))
    }

    fn fd(&self, ret: Option<i64>) -> Option<Fd<'_>> {
        let info = &self.state["fdinfo"];
        let number = self.fd_number(ret);
        if !info.is_object() {
            return number.map(|number| self.plain_fd(number, None));
        }
        let last = self.state["thread"]["lastevent_fd"].as_i64();
        let mut fd = self.plain_fd(number.or(last)?, Some(kind(info)));
        fd.dev = u32::try_from(info["dev"].as_u64().unwrap_or(0)).unwrap();
        fd.inode = info["ino"].as_u64().unwrap_or(0);
        fd.open_flags = u32::try_from(info["openflags"].as_u64().unwrap_or(0)).unwrap();
        fd.layer = match fd.open_flags {
            flags if flags & 1 << 15 != 0 => Some(Layer::Upper),
            flags if flags & 1 << 16 != 0 => Some(Layer::Lower),
            _ => None,
        };
        fd.socket = socket(info);
        Some(fd)
    }

    fn plain_fd(&self, number: i64, kind: Option<FdKind>) -> Fd<'_> {
        Fd {
            number,
            kind,
            name: &self.fd_name,
            name_raw: &self.fd_raw,
            resolved: None,
            dev: 0,
            inode: 0,
            open_flags: 0,
            layer: None,
            socket: None,
        }
    }

    /// Number of the descriptor the event uses or creates.
    fn fd_number(&self, ret: Option<i64>) -> Option<i64> {
        let name = self.state["name"].as_str()?;
        let param = |at: usize| self.params.get(at).map(|bytes| signed(bytes));
        match name {
            "open" | "openat" | "openat2" | "creat" | "socket" | "open_by_handle_at" | "accept"
            | "accept4" | "eventfd" | "eventfd2" | "signalfd" | "signalfd4" | "timerfd_create"
            | "inotify_init" | "inotify_init1" | "bpf" | "userfaultfd" | "io_uring_setup"
            | "epoll_create" | "epoll_create1" | "memfd_create" | "pidfd_open" | "pidfd_getfd" => {
                ret.map(|ret| ret.max(-1))
            }
            "dup" | "dup2" | "dup3" => ret.filter(|ret| *ret >= 0).or_else(|| param(1)),
            "close" | "setns" | "listen" | "fchmod" | "fchmodat" | "mkdirat" | "unlinkat"
            | "finit_module" | "fchdir" | "fcntl" | "getsockopt" | "shutdown" | "linkat"
            | "renameat" | "renameat2" | "fchown" | "fchownat" | "splice" => {
                param(1).filter(|_| !matches!(name, "linkat" | "renameat" | "renameat2" | "splice"))
            }
            "bind" | "connect" | "sendto" | "sendmsg" | "sendmmsg" | "symlinkat" | "read"
            | "pwrite" => param(2),
            "recvfrom" => param(3),
            "recvmsg" => param(5),
            _ => None,
        }
    }
}

/// Directories behind descriptors that snapshots leave out, as the tests at the origin open them.
fn omitted_directory(event: &str, number: i64) -> Option<&'static [u8]> {
    match (event, number) {
        ("linkat", 2) => Some(b"/root/"),
        ("renameat2", 2) => Some(b"/tmp/dirfd1/dirfd2/dirfd3/dirfd4/dirfd5/dirfd6/dirfd7/dirfd8/"),
        ("openat", 5) => Some(b"/tmp/dir/"),
        _ => None,
    }
}

pub(crate) fn text(value: &Json) -> Vec<u8> {
    match value.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None if value.is_object() => crate::data::bytes(value),
        None => Vec::new(),
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn signed(bytes: &[u8]) -> i64 {
    match bytes.len() {
        4 => i64::from(i32::from_le_bytes(bytes.try_into().unwrap())),
        _ => unsigned(bytes).cast_signed(),
    }
}

pub(crate) fn u32_of(value: &Json) -> u32 {
    let wide = value
        .as_i64()
        .unwrap_or_else(|| value.as_u64().unwrap_or(0).cast_signed());
    u32::try_from(wide & 0xffff_ffff).unwrap()
}
