//! Things to be seen: each is done by this binary in a process of its own.

pub(crate) mod calls;
#[cfg(target_arch = "x86_64")]
mod narrow;
mod network;

use std::{
    ffi::CString,
    fs::{self, File},
    net::{TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd as _, FromRawFd as _},
        unix::net::UnixStream,
    },
    path::Path,
};

use crate::raw::{number_of, syscall_native};
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, ResolveFlags};

pub(crate) fn run(mut arguments: impl Iterator<Item = String>) {
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let argument = |index: usize| rest.get(index).map_or("", String::as_str);
    match name.as_str() {
        "open" => drop(File::open(argument(0))),
        "open-flood" => open_flood(argument(0), argument(1).parse().unwrap()),
        "open-names" => {
            let time = std::time::Duration::from_secs(argument(1).parse().unwrap());
            crate::operations::act_open_names(argument(0), time);
        }
        "open-all" => open_all(&rest),
        "flood" => flood(argument(0)),
        "flood-in" => flood_in(argument(0), argument(1)),
        "open-many-in" => open_many_in(argument(0), argument(1), argument(2).parse().unwrap()),
        "story-in" => crate::formats::act_story(argument(0), argument(1)),
        "swap-open" => crate::toctou::act_open(argument(0), argument(1).parse().unwrap()),
        "swap-connect" => {
            let port = |index| argument(index).parse().unwrap();
            crate::toctou::act_connect(port(0), port(1), argument(2).parse().unwrap());
        }
        "uring-open" => crate::uring::act_open(argument(0), argument(1)),
        "uring-block" => {
            crate::uring::act_block(argument(0), argument(1).parse().unwrap(), argument(2));
        }
        "uring-files" => crate::uring_files::act(argument(0)),
        "uring-talk" => crate::uring_sockets::act_talk(),
        "uring-datagram" => crate::uring_sockets::act_datagram(),
        "uring-accept-many" => crate::uring_sockets::act_accept_many(),
        "uring-connect" => crate::uring::act_connect(argument(0)),
        "openat-relative" => openat_relative(Path::new(argument(0)), argument(1)),
        "openat2" => openat2(argument(0)),
        "creat" => creat(argument(0)),
        #[cfg(target_arch = "x86_64")]
        "open-compat" => narrow::open(argument(0)),
        "chdir-open" => chdir_open(argument(0), argument(1)),
        "open-unlinked" => open_unlinked(argument(0)),
        "memfd-exec" => memfd_exec(),
        "exec" => exec(&rest),
        "connect-tcp" => drop(TcpStream::connect(argument(0))),
        "connect-udp" => connect_udp(argument(0)),
        "connect-unix" => drop(UnixStream::connect(argument(0))),
        "connect-nonblocking" => connect_nonblocking(argument(0)),
        "thread-exec" => std::thread::spawn(move || exec(&rest)).join().unwrap(),
        "thread-open" => thread_open(argument(0)),
        "open-upper-bits" => open_upper_bits(argument(0)),
        "open-on-a-clone" => open_on_a_clone(argument(0), argument(1)),
        "call" => crate::raw::act(&rest),
        "exec-fail-flood" => exec_fail_flood(argument(0).parse().unwrap()),
        "tcp-talk" => network::tcp_talk(argument(0)),
        "udp-talk" => network::udp_talk(argument(0)),
        "unix-talk" => network::unix_talk(argument(0)),
        "calls" => calls::all(),
        "make-sockets" => network::make_sockets(),
        "refusals" => network::refusals(),
        "messages" => network::messages(argument(0).parse().unwrap()),
        #[cfg(target_arch = "x86_64")]
        "socketcalls" => narrow::socketcalls(),
        other => panic!("no act called {other:?}"),
    }
}

fn open_flood(path: &str, times: usize) {
    let path = CString::new(path).unwrap();
    for _ in 0..times {
        drop(rustix::fs::openat(
            CWD,
            &path,
            OFlags::RDONLY,
            Mode::empty(),
        ));
    }
}

/// Opens each path in several modes, from the current directory and from another one, and through a
/// symbolic link.
fn open_all(paths: &[String]) {
    let directory = tempfile::tempdir().unwrap();
    let etc = File::open("/etc").unwrap();
    let modes = [
        OFlags::RDONLY,
        OFlags::WRONLY,
        OFlags::RDWR | OFlags::CLOEXEC,
        OFlags::RDONLY | OFlags::DIRECTORY,
        OFlags::PATH,
    ];
    for (number, path) in paths.iter().enumerate() {
        let link = directory.path().join(number.to_string());
        // Fails for an empty name.
        let _linked = std::os::unix::fs::symlink(path, &link).is_ok();
        for flags in modes {
            // Without O_CREAT and O_TRUNC none of them changes anything.
            let flags = flags | OFlags::NONBLOCK;
            drop(rustix::fs::open(path.as_str(), flags, Mode::empty()));
            drop(rustix::fs::openat(
                &etc,
                path.as_str(),
                flags,
                Mode::empty(),
            ));
            drop(rustix::fs::open(&link, flags, Mode::empty()));
        }
    }
}

/// Floods in a cgroup, as a program that was started there.
fn flood_in(cgroup: &str, path: &str) {
    crate::cgroup::enter(cgroup);
    let own = std::env::current_exe().unwrap().display().to_string();
    exec(&[own, "act".into(), "flood".into(), path.into()]);
}

/// Two threads that open a file until they are killed.
fn flood(path: &str) {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| open_flood(path, usize::MAX));
        }
    });
}

/// Opens `times` files that do not exist in a cgroup, with pauses.
fn open_many_in(cgroup: &str, prefix: &str, times: usize) {
    crate::cgroup::enter(cgroup);
    for number in 0..times {
        drop(File::open(format!("{prefix}-{number}")));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn openat_relative(directory: &Path, name: &str) {
    let directory = File::open(directory).unwrap();
    rustix::fs::openat(&directory, name, OFlags::RDONLY, Mode::empty()).unwrap();
}

fn openat2(path: &str) {
    let flags = OFlags::WRONLY | OFlags::CREATE;
    let mode = Mode::from_raw_mode(0o640);
    rustix::fs::openat2(CWD, path, flags, mode, ResolveFlags::NO_MAGICLINKS).unwrap();
}

/// `creat(2)` itself; libraries use `open`.
fn creat(path: &str) {
    let path = CString::new(path).unwrap();
    // SAFETY: a valid C string; the returned descriptor is owned here.
    unsafe {
        let fd = syscall_native(
            number_of("creat"),
            [path.as_ptr() as u64, 0o600, 0, 0, 0, 0],
        );
        assert!(fd >= 0, "creat: {fd}");
        drop(File::from_raw_fd(i32::try_from(fd).unwrap()));
    }
}

/// `openat(2)` with bits set in the half of the register that the kernel ignores.
fn open_upper_bits(path: &str) {
    let path = CString::new(path).unwrap();
    let number = (0xdead << 32) | number_of("openat");
    // An absolute path: the descriptor does not matter.
    let args = [0, path.as_ptr() as u64, 0, 0, 0, 0];
    // SAFETY: a valid C string; the descriptor dies with the process.
    let fd = unsafe { syscall_native(number, args) };
    assert!(fd >= 0, "open: {fd}");
}

/// Opens a file through a detached copy of its directory.
fn open_on_a_clone(directory: &str, name: &str) {
    use rustix::mount::{OpenTreeFlags, open_tree};
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let clone = open_tree(CWD, directory, flags).unwrap();
    rustix::fs::openat(&clone, name, OFlags::RDONLY, Mode::empty()).unwrap();
}

/// Failed execs whose records are as large as they get.
fn exec_fail_flood(times: usize) {
    let path = CString::new(format!("/nonexistent/{}", "x".repeat(4000))).unwrap();
    let argument = CString::new("y".repeat(500)).unwrap();
    let mut argv = vec![argument.as_ptr(); 16];
    argv.push(std::ptr::null());
    for _ in 0..times {
        // SAFETY: valid C strings and a null-terminated array; the call fails.
        let result = unsafe {
            syscall_native(
                number_of("execve"),
                [path.as_ptr() as u64, argv.as_ptr() as u64, 0, 0, 0, 0],
            )
        };
        assert!(result < 0);
    }
}

fn chdir_open(directory: &str, name: &str) {
    std::env::set_current_dir(directory).unwrap();
    File::open(name).unwrap();
}

/// Opens a file that has no name any more, through its descriptor.
fn open_unlinked(path: &str) {
    let file = File::create(path).unwrap();
    fs::remove_file(path).unwrap();
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
}

fn memfd_exec() {
    let memfd = rustix::fs::memfd_create("komainu-test", MemfdFlags::empty()).unwrap();
    let mut memfd = File::from(memfd);
    std::io::copy(&mut File::open("/bin/true").unwrap(), &mut memfd).unwrap();
    exec(&[format!("/proc/self/fd/{}", memfd.as_raw_fd())]);
}

/// Becomes another program, with its path as `argv[0]`.
fn exec(command: &[String]) {
    use std::os::unix::process::CommandExt as _;
    let [program, arguments @ ..] = command else {
        return;
    };
    let error = std::process::Command::new(program).args(arguments).exec();
    println!("{}", error.raw_os_error().unwrap_or(0));
}

fn connect_udp(address: &str) {
    let local = if address.starts_with('[') {
        "[::1]:0"
    } else {
        "127.0.0.1:0"
    };
    UdpSocket::bind(local).unwrap().connect(address).unwrap();
}

fn connect_nonblocking(address: &str) {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
    let address: std::net::SocketAddr = address.parse().unwrap();
    let flags = SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    let errno = connect(&socket, &address).unwrap_err();
    println!("{}", errno.raw_os_error());
}

/// The open happens in a second thread.
fn thread_open(path: &str) {
    let path = path.to_owned();
    std::thread::spawn(move || drop(File::open(path)))
        .join()
        .unwrap();
}
