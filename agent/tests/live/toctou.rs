//! Time of check, time of use: a second thread replaces what a system call was passed while the call
//! runs. What is recorded of kernel objects must be what the kernel really used.

use std::{
    ffi::CString,
    fs::{self, File},
    net::{SocketAddrV4, TcpListener},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering},
};

use komainu::{
    decode::{Clock, Decoded, Scratch, decode},
    event::Event,
};
use komainu_common::Header;
use zerocopy::FromBytes as _;

use crate::{
    Test,
    raw::{number_of, syscall_native},
    watch::{Watch, perform, text},
};

pub(crate) const TESTS: &[Test] = &[
    ("toctou_open_shows_the_file_that_was_opened", open),
    ("toctou_connect_shows_the_peer_that_was_reached", connect),
];

const ROUNDS: usize = 5;
const OPENS: usize = 20_000;
const CONNECTS: usize = 3_000;

/// `swap-open PATH TIMES`: opens PATH while its last byte flips between `a` and `b`; prints the inode
/// number of each file that was opened.
pub(crate) fn act_open(path: &str, times: usize) {
    let path = CString::new(path).unwrap().into_bytes_with_nul();
    let last = path.len() - 2;
    let path: Vec<AtomicU8> = path.into_iter().map(AtomicU8::new).collect();
    let flip = |turn| path[last].store(if turn { b'a' } else { b'b' }, Ordering::Relaxed);
    let openat = number_of("openat");
    let inodes = while_flipping(flip, || {
        let each = (0..times).map(|_| {
            // SAFETY: a C string, whichever byte stands there; the descriptor is owned here.
            let file = unsafe {
                // Of an absolute path the first argument does not matter.
                let fd = syscall_native(openat, [0, path.as_ptr() as u64, 0, 0, 0, 0]);
                File::from_raw_fd(i32::try_from(fd).unwrap())
            };
            file.metadata().unwrap().ino()
        });
        each.collect::<Vec<u64>>()
    });
    println!("{inodes:?}");
}

/// `swap-connect PORT PORT TIMES`: connects while the port flips between the two; prints the port of
/// each peer that was reached.
pub(crate) fn act_connect(one: u16, other: u16, times: usize) {
    // `struct sockaddr_in`, as words of 16 bits.
    let [high, low] = [u16::from_ne_bytes([127, 0]), u16::from_ne_bytes([0, 1])];
    let words = [2, one.to_be(), high, low, 0, 0, 0, 0].map(AtomicU16::new);
    let flip = |turn: bool| {
        let port = if turn { one } else { other };
        words[1].store(port.to_be(), Ordering::Relaxed);
    };
    let connect = number_of("connect");
    let ports = while_flipping(flip, || {
        use rustix::net::{AddressFamily, SocketType, getpeername, socket};
        let each = (0..times).map(|_| {
            let socket: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
            // SAFETY: an address of 16 bytes.
            let result = unsafe {
                let fd = socket.as_raw_fd().cast_unsigned().into();
                syscall_native(connect, [fd, words.as_ptr() as u64, 16, 0, 0, 0])
            };
            assert_eq!(result, 0);
            let peer = getpeername(&socket).unwrap().unwrap();
            SocketAddrV4::try_from(peer).unwrap().port()
        });
        each.collect::<Vec<u16>>()
    });
    println!("{ports:?}");
}

/// Does something while another thread flips without end.
fn while_flipping<T>(flip: impl Fn(bool) + Sync, act: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = false;
            while !over.load(Ordering::Relaxed) {
                flip(turn);
                turn = !turn;
            }
        });
        let result = act();
        over.store(true, Ordering::Relaxed);
        result
    })
}

/// Runs an act and collects what `each` finds in the events of its process.
fn events<T: Send>(
    watch: &mut Watch,
    act: impl FnOnce() -> (u32, String) + Send,
    mut each: impl FnMut(&Event<'_>) -> Option<T>,
) -> (String, Vec<T>) {
    let (mut scratch, mut found) = (Scratch::default(), Vec::new());
    let (child, output) = watch.while_running(act, |record| {
        let tgid = Header::read_from_prefix(record).unwrap().0.task.tgid;
        let decoded: Decoded<'_> = decode(record, Clock::default(), &mut scratch).unwrap();
        found.extend(
            decoded
                .event
                .as_ref()
                .and_then(&mut each)
                .map(|it| (tgid, it)),
        );
    });
    let ours = found.into_iter().filter(|(tgid, _)| *tgid == child);
    (output, ours.map(|(_, it)| it).collect())
}

/// Until the race was won once: on a busy machine the two threads may seldom run at one time.
fn open(watch: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let files = ["a", "b"].map(|name| directory.path().join(name));
    for file in &files {
        fs::write(file, "").unwrap();
    }
    for round in 1..=ROUNDS {
        let others = open_round(watch, &files);
        println!("round {round}: {others} of {OPENS} strings named the other file");
        if others > 0 {
            return;
        }
    }
}

/// How many strings named the other file.
fn open_round(watch: &mut Watch, [a, b]: &[PathBuf; 2]) -> usize {
    let path = a.to_str().unwrap();
    let beginning = a.parent().unwrap().display().to_string();
    let (output, found) = events(
        watch,
        || perform("swap-open", &[path, &OPENS.to_string()]),
        |event| {
            let fd = event.fd.as_ref()?;
            let name = text(fd.name);
            let ours = name.starts_with(&beginning);
            ours.then(|| (name, fd.resolved.map(text).unwrap(), fd.inode))
        },
    );
    let opened: Vec<u64> = serde_json::from_str(&output).unwrap();
    assert_eq!((opened.len(), found.len()), (OPENS, OPENS));
    let inode_of_a = fs::metadata(a).unwrap().ino();
    let mut others = 0;
    for (really, (name, resolved, inode)) in opened.into_iter().zip(found) {
        let file = if really == inode_of_a { a } else { b };
        assert_eq!(inode, really);
        assert_eq!(resolved, file.display().to_string());
        others += usize::from(name != resolved);
    }
    others
}

fn connect(watch: &mut Watch) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = [0, 1].map(|index: usize| listeners[index].local_addr().unwrap());
    let ports = addresses.map(|address| address.port().to_string());
    for listener in listeners {
        // Ends with the test binary.
        std::thread::spawn(move || listener.incoming().for_each(drop));
    }
    let (output, found) = events(
        watch,
        || {
            perform(
                "swap-connect",
                &[&ports[0], &ports[1], &CONNECTS.to_string()],
            )
        },
        |event| {
            let socket = event.fd.as_ref()?.socket.as_ref()?;
            (event.ty.name == "connect").then(|| socket.peer.unwrap().port())
        },
    );
    let reached: Vec<u16> = serde_json::from_str(&output).unwrap();
    assert_eq!(reached.len(), CONNECTS);
    assert_eq!(found, reached);
}
