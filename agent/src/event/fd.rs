//! Facts about the file or socket an event refers to, from kernel objects.

use std::net::SocketAddr;

/// The descriptor an event uses or creates, and what it stands for.
#[derive(Clone, Debug)]
pub struct Fd<'a> {
    /// Number; -1 where creating it failed. `*at` calls: the directory descriptor.
    pub number: i64,
    /// What it is; `None` where there is no such object (a failed open).
    pub kind: Option<FdKind>,
    /// `fd.name`: what the program asked for, made absolute and normalised; for sockets, empty
    /// (the text is made from `socket` when asked for).
    pub name: &'a [u8],
    /// As passed, not joined.
    pub name_raw: &'a [u8],
    /// The kernel's path of the object; differs from `name` through symlinks and the like.
    pub resolved: Option<&'a [u8]>,
    /// Device of the filesystem.
    pub dev: u32,
    /// Inode number.
    pub inode: u64,
    /// `O_*` flags of the open file.
    pub open_flags: u32,
    /// Layer of an overlayfs it is in.
    pub layer: Option<Layer>,
    /// Socket facts.
    pub socket: Option<SocketFacts<'a>>,
}

/// What one of the three standard descriptors stands for.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// What it is.
    pub kind: FdKind,
    /// The kernel's path; empty for sockets.
    pub name: &'a [u8],
    /// Socket facts.
    pub socket: Option<SocketFacts<'a>>,
}

/// Kinds of descriptors, as `fd.type` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdKind {
    /// Regular file, device, fifo opened by path.
    File,
    /// Directory (opened with `O_DIRECTORY`).
    Directory,
    /// IPv4 socket.
    Ipv4,
    /// IPv6 socket.
    Ipv6,
    /// Unix socket.
    Unix,
    /// Netlink socket.
    Netlink,
    /// Pipe made by `pipe(2)`.
    Pipe,
    /// `eventfd(2)`.
    Event,
    /// `signalfd(2)`.
    Signal,
    /// `epoll_create(2)`.
    Epoll,
    /// `inotify_init(2)`.
    Inotify,
    /// `timerfd_create(2)`.
    Timer,
    /// `bpf(2)` object.
    Bpf,
    /// `userfaultfd(2)`.
    Userfault,
    /// `io_uring_setup(2)`.
    IoUring,
    /// `memfd_create(2)`.
    Memfd,
    /// `pidfd_open(2)`.
    Pidfd,
    /// Another kind.
    Other,
}

impl FdKind {
    /// Text of `fd.type`; `<NA>` for kinds without a name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
            Self::Netlink => "netlink",
            Self::Pipe => "pipe",
            Self::Event => "event",
            Self::Signal => "signalfd",
            Self::Epoll => "eventpoll",
            Self::Inotify => "inotify",
            Self::Timer => "timerfd",
            Self::Bpf => "bpf",
            Self::Userfault => "userfaultfd",
            Self::IoUring => "io_uring",
            Self::Memfd => "memfd",
            Self::Pidfd => "pidfd",
            Self::Other => "<NA>",
        }
    }

    /// Text of `fd.typechar`.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::File => "f",
            Self::Directory => "d",
            Self::Ipv4 => "4",
            Self::Ipv6 => "6",
            Self::Unix | Self::Userfault => "u",
            Self::Netlink => "n",
            Self::Pipe => "p",
            Self::Event => "e",
            Self::Signal => "s",
            Self::Epoll => "l",
            Self::Inotify => "i",
            Self::Timer => "t",
            Self::Bpf => "b",
            Self::IoUring => "r",
            Self::Memfd => "m",
            Self::Pidfd => "P",
            Self::Other => "o",
        }
    }

    /// A socket of an internet family.
    pub const fn is_internet(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv6)
    }
}

/// Layer of an overlayfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Changed since the container started.
    Upper,
    /// From the image.
    Lower,
}

/// Which end of a connection the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It connected.
    Client,
    /// It accepted or bound.
    Server,
}

/// Facts about a socket.
#[derive(Clone, Copy, Debug)]
pub struct SocketFacts<'a> {
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub kind: u16,
    /// `IPPROTO_*`.
    pub protocol: u16,
    /// Local address, where bound.
    pub local: Option<SocketAddr>,
    /// Peer address, where connected.
    pub peer: Option<SocketAddr>,
    /// Path or abstract name of a unix socket's peer.
    pub unix_path: Option<&'a [u8]>,
    /// Which end the process is, where known.
    pub role: Option<Role>,
    /// Connected, or connecting without waiting.
    pub connected: bool,
}

/// The kernel's `dev_t` (12 bits major, 20 bits minor) in user space's encoding.
pub const fn user_dev(kernel: u32) -> u32 {
    let (major, minor) = (kernel >> 20, kernel & 0xf_ffff);
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}
