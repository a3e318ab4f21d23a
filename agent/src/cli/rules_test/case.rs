//! The shape of a file of rule tests. `rules/README.md` documents it for people.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::identity::{ContainerFacts, PodFacts};
use super::session::SessionFacts;

/// A file of tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    /// Rule files in loading order, relative to this file.
    pub(super) rules: Vec<PathBuf>,
    /// Tests, each on its own.
    pub(super) tests: Vec<Case>,
}

/// One event, and the rules that must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What is tried.
    pub(super) test: String,
    /// The event.
    pub(super) event: EventFacts,
    /// The process that causes it; for a started program, the program.
    #[serde(default)]
    pub(super) process: ProcessFacts,
    /// Its ancestors, nearest first.
    #[serde(default)]
    pub(super) parents: Vec<ProcessFacts>,
    /// The container it is in; none on the host.
    pub(super) container: Option<ContainerFacts>,
    /// The pod of the container.
    pub(super) pod: Option<PodFacts>,
    /// The exec session that it happens in.
    pub(super) session: Option<SessionFacts>,
    /// The file that is opened.
    pub(super) file: Option<FileFacts>,
    /// The socket of a network event.
    pub(super) socket: Option<SocketFacts>,
    /// Names of exactly the rules that hold.
    pub(super) expect: Vec<String>,
    /// Texts, each of which must be in the output of one of these rules.
    #[serde(default)]
    pub(super) output: Vec<String>,
}

/// The event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventFacts {
    /// Event type, as in `evt.type`.
    #[serde(rename = "type")]
    pub(super) ty: String,
    /// Return value.
    pub(super) result: Option<Outcome>,
    /// Parameters of a system call, by the names of `evt.arg`.
    #[serde(default)]
    pub(super) args: BTreeMap<String, Argument>,
}

/// Value of a parameter.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Argument {
    /// A number.
    Number(i64),
    /// A text, a path, or the name of a value.
    Text(String),
    /// Names of flags.
    Names(Vec<String>),
}

/// A return value.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    /// As a number.
    Number(i64),
    /// Name of an error, such as `EACCES`.
    Error(String),
}

/// A process.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProcessFacts {
    /// `comm`.
    pub(super) name: Option<String>,
    /// Kernel path of the executable.
    pub(super) exepath: Option<String>,
    /// `argv[0]`.
    pub(super) exe: Option<String>,
    /// Further arguments.
    pub(super) args: Vec<String>,
    /// Current directory.
    pub(super) cwd: Option<String>,
    /// Process id.
    pub(super) pid: Option<u32>,
    /// Process id in the container.
    pub(super) vpid: Option<u32>,
    /// User id.
    pub(super) uid: u32,
    /// Group id.
    pub(super) gid: u32,
    /// Login user id.
    pub(super) loginuid: Option<u32>,
    /// Name of the user id.
    pub(super) user: Option<String>,
    /// Device number of the terminal.
    pub(super) tty: u32,
    /// Layer of the executable on an overlay.
    pub(super) layer: Option<LayerName>,
    /// The executable is only in memory.
    pub(super) memfd: bool,
}

impl ProcessFacts {
    /// `comm`, at most 15 bytes as in the kernel.
    pub(super) fn comm(&self) -> &[u8] {
        let name = self.name.as_deref().unwrap_or("test").as_bytes();
        name.get(..15).unwrap_or(name)
    }

    /// Kernel path of the executable.
    pub(super) fn exe_path(&self) -> String {
        let from_name = || format!("/usr/bin/{}", String::from_utf8_lossy(self.comm()));
        self.exepath.clone().unwrap_or_else(from_name)
    }

    /// `argv[0]`.
    pub(super) fn argv0(&self) -> &[u8] {
        self.exe.as_deref().map_or(self.comm(), str::as_bytes)
    }

    /// `argv[1..]`, joined with `separator`.
    pub(super) fn joined_args(&self, separator: &str) -> Vec<u8> {
        self.args.join(separator).into_bytes()
    }

    /// `comm`, and the arguments joined with blanks.
    pub(super) fn cmdline(&self) -> Vec<u8> {
        let mut line = self.comm().to_vec();
        if !self.args.is_empty() {
            line.push(b' ');
            line.extend(self.joined_args(" "));
        }
        line
    }

    /// Current directory with a slash at its end.
    pub(super) fn directory(&self) -> &str {
        self.cwd.as_deref().unwrap_or("/")
    }
}

/// Layer of an overlay.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum LayerName {
    /// Changed since the container started.
    Upper,
    /// From the image.
    Lower,
}

/// A file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFacts {
    /// Path as the program passed it.
    pub(super) name: String,
    /// The kernel's path.
    pub(super) resolved: Option<String>,
    /// Names of flags, as in `evt.arg.flags`.
    #[serde(default)]
    pub(super) flags: Vec<String>,
    /// Mode of a file that is created.
    #[serde(default)]
    pub(super) mode: u32,
}

/// A socket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SocketFacts {
    /// Address family.
    pub(super) family: Family,
    /// Type.
    #[serde(rename = "type")]
    pub(super) kind: Option<SocketType>,
    /// Own address.
    pub(super) local: Option<std::net::SocketAddr>,
    /// Peer's address.
    pub(super) peer: Option<std::net::SocketAddr>,
    /// Path of a unix socket's peer; of a listening one, its own.
    pub(super) path: Option<String>,
    /// Which end of the conversation sends or receives.
    pub(super) role: Option<RoleName>,
    /// Data that is sent or received.
    pub(super) data: Option<String>,
}

/// Address family.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Unix.
    Unix,
    /// Netlink.
    Netlink,
    /// Whole packets.
    Packet,
}

/// An end of a conversation.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum RoleName {
    /// It connected, or began.
    Client,
    /// It accepted, or was bound to its port.
    Server,
}

/// Type of a socket.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum SocketType {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Stream, unix.
    Stream,
    /// Datagrams, unix.
    Dgram,
    /// Raw packets.
    Raw,
}
