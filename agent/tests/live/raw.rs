//! System calls by number, through either entry, with arguments written as text.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_ptr_alignment,
    reason = "registers and memory of a 32-bit program are written as it sees them"
)]

use std::{
    ffi::CString,
    fs::File,
    net::{TcpListener, TcpStream},
    os::fd::{AsRawFd as _, IntoRawFd as _},
};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

#[cfg_attr(target_arch = "x86_64", path = "raw/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "raw/aarch64.rs")]
mod machine;

#[cfg(target_arch = "x86_64")]
pub(crate) use machine::syscall_compat;
pub(crate) use machine::syscall_native;

/// Number of a call of this architecture.
pub(crate) fn number_of(name: &str) -> u64 {
    let call: ::syscalls::Sysno = name.parse().unwrap_or_else(|()| panic!("no call {name}"));
    u64::try_from(call.id()).unwrap()
}

/// Makes the calls one after the other and prints the result of each.
///
/// One argument is one call: `native` or `compat`, the number or, natively, the name, and the arguments:
///
/// | | |
/// | --- | --- |
/// | `12`, `-100`, `0x1f` | a number |
/// | `sTEXT` | address of a string |
/// | `wN.N.N` | address of 32-bit words |
/// | `fPATH` | descriptor of a file opened for reading |
/// | `oTYPE` | descriptor of a filesystem context, `fsopen(2)` |
/// | `k` | descriptor of a connected TCP socket |
/// | `m` | own process id |
/// | `x` | address of a writable page |
///
/// A process that a call makes ends at once.
pub(crate) fn act(calls: &[String]) {
    let mut memory = LowMemory::new();
    for call in calls {
        let mut words = call.split(' ');
        let entry = words.next().unwrap();
        let number = words.next().unwrap();
        let number = number.parse().unwrap_or_else(|_| number_of(number));
        let mut args = [0; 6];
        for (arg, word) in args.iter_mut().zip(words) {
            *arg = argument(word, &mut memory);
        }
        let result = match entry {
            "native" => natively(number, args),
            _ => narrowly(number, args),
        };
        println!("{result}");
    }
}

fn natively(number: u64, args: [u64; 6]) -> i64 {
    let makes = ["clone", "fork", "vfork", "clone3"];
    let has = |name: &&str| u64::from(komainu_common::arch::native(name)) == number;
    // SAFETY: the tests pass what the calls take; at worst this process of their own dies.
    unsafe {
        if makes.iter().any(has) {
            machine::make_process_native(number, args)
        } else {
            syscall_native(number, args)
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn narrowly(number: u64, args: [u64; 6]) -> i64 {
    // SAFETY: as in `natively`. fork, clone, vfork and clone3 make a process.
    unsafe {
        match number {
            2 | 120 | 190 | 435 => machine::make_process_compat(number, args),
            _ => syscall_compat(number, args),
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn narrowly(_: u64, _: [u64; 6]) -> i64 {
    panic!("this architecture's programs have no 32-bit entry")
}

fn argument(word: &str, memory: &mut LowMemory) -> u64 {
    let (kind, rest) = word.split_at(1);
    match kind {
        "s" => memory.put(CString::new(rest).unwrap().as_bytes_with_nul()),
        "w" => {
            let words: Vec<_> = rest
                .split('.')
                .map(|word| argument(word, memory) as u32)
                .collect();
            let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
            memory.put(&bytes)
        }
        "f" => descriptor(File::open(rest).unwrap().into_raw_fd()),
        "o" => {
            let flags = rustix::mount::FsOpenFlags::empty();
            descriptor(rustix::mount::fsopen(rest, flags).unwrap().into_raw_fd())
        }
        "k" => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let fd = descriptor(stream.as_raw_fd());
            // Both live as long as the process.
            // Open until the process ends, which is when the act does.
            Box::leak(Box::new((listener, stream)));
            fd
        }
        "m" => std::process::id().into(),
        "x" => memory.page(),
        _ => number(word),
    }
}

fn descriptor(fd: i32) -> u64 {
    u64::try_from(fd).unwrap()
}

/// A number; negative ones as the registers of a 64-bit program have them.
fn number(word: &str) -> u64 {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => word.parse::<i64>().unwrap().cast_unsigned(),
    }
}

/// Memory below 4 GiB, where pointers of the 32-bit entry reach.
pub(crate) struct LowMemory {
    start: *mut u8,
    used: usize,
}

impl LowMemory {
    const SIZE: usize = 64 * 1024;
    const PAGE: usize = 4096;

    pub(crate) fn new() -> Self {
        // SAFETY: nothing else is at this address of a position-independent program.
        let start = unsafe {
            mmap_anonymous(
                0x1000_0000 as *mut _,
                Self::SIZE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE,
            )
        };
        Self {
            start: start.unwrap().cast(),
            used: 0,
        }
    }

    /// Copies the bytes there and returns their address.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> u64 {
        let at = self.used;
        self.used = (at + bytes.len()).next_multiple_of(8);
        assert!(self.used <= Self::SIZE - Self::PAGE);
        // SAFETY: within the mapping, as just checked.
        unsafe {
            let target = self.start.add(at);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
            target as u64
        }
    }

    /// A page that nothing else is in.
    pub(crate) fn page(&self) -> u64 {
        self.start as u64 + (Self::SIZE - Self::PAGE) as u64
    }
}
