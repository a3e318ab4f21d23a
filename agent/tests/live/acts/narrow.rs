//! What programs do through the entry for 32-bit ones, which on x86-64 any program can take.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_ptr_alignment,
    reason = "registers and memory of a 32-bit program are written as it sees them"
)]

use std::{ffi::CString, net::UdpSocket};

use crate::raw::{LowMemory, syscall_compat};

/// `open(2)` through the 32-bit entry: number 5 there, `fstat` in the native table.
pub(super) fn open(path: &str) {
    let path = CString::new(path).unwrap();
    let path = LowMemory::new().put(path.as_bytes_with_nul());
    // SAFETY: a C string below 4 GiB; the descriptor dies with the process.
    let fd = unsafe { syscall_compat(5, [path, 0, 0, 0, 0, 0]) };
    assert!(fd >= 0, "open: {fd}");
}

/// A conversation through the 32-bit entry: `socketcall`, and the calls that have numbers of their
/// own there. Prints the port of the receiver.
pub(super) fn socketcalls() {
    let page = LowMemory::new().page() as *mut u8;
    // SAFETY: everything is within the page, which is ours; the kernel checks the descriptors.
    unsafe {
        let put = |at: usize, words: &[u32]| {
            page.add(at)
                .cast::<u32>()
                .copy_from_nonoverlapping(words.as_ptr(), words.len());
            (page as usize + at) as u32
        };
        let call = |operation: u64, arguments: &[u32]| {
            let at = put(0, arguments);
            syscall_compat(102, [operation, at.into(), 0, 0, 0, 0])
        };
        let receiver = call(1, &[2, 2, 0]) as u32;
        let port = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut name = [0_u32; 4];
        name[0] = 2 | u32::from(port.to_be()) << 16;
        name[1] = u32::from_ne_bytes([127, 0, 0, 1]);
        let address = put(256, &name);
        assert_eq!(call(2, &[receiver, address, 16]), 0, "bind");
        let sender = syscall_compat(359, [2, 2, 0, 0, 0, 0]) as u32;
        let data = put(512, &[u32::from_ne_bytes(*b"data")]);
        assert_eq!(call(11, &[sender, data, 4, 0, address, 16]), 4, "sendto");
        let part = put(640, &[data, 4]);
        let header = put(704, &[address, 16, part, 1, 0, 0, 0]);
        assert_eq!(call(16, &[sender, header, 0]), 4, "sendmsg");
        assert_eq!(
            syscall_compat(370, [sender.into(), header.into(), 0, 0, 0, 0]),
            4
        );
        assert_eq!(call(3, &[sender, address, 16]), 0, "connect");
        assert_eq!(call(9, &[sender, data, 4, 0]), 4, "send");
        assert_eq!(call(10, &[receiver, data, 4, 0]), 4, "recv");
        // No call: its number is that of a sub-call in our tables only.
        assert_eq!(syscall_compat(1011, [0, 0, 0, 0, 0, 0]), -38, "ENOSYS");
        println!("{port}");
    }
}
