//! The instruction of arm64. A 64-bit program has no way into the entry for 32-bit ones.

/// # Safety
/// The arguments must be right for the call.
pub(crate) unsafe fn syscall_native(number: u64, args: [u64; 6]) -> i64 {
    let result: u64;
    // SAFETY: the caller's guarantee; the kernel keeps all other registers.
    unsafe {
        std::arch::asm!(
            "svc 0", in("x8") number, inlateout("x0") args[0] => result,
            in("x1") args[1], in("x2") args[2], in("x3") args[3], in("x4") args[4], in("x5") args[5],
        );
    }
    result.cast_signed()
}

/// A call that makes a process, which ends before it could touch the memory it may share with its maker.
///
/// # Safety
/// The arguments must be right for the call.
pub(super) unsafe fn make_process_native(number: u64, args: [u64; 6]) -> i64 {
    let result: u64;
    // SAFETY: the caller's guarantee. 94 is exit_group.
    unsafe {
        std::arch::asm!(
            "svc 0", "cbnz x0, 2f", "mov x8, 94", "svc 0", "2:",
            inlateout("x8") number => _, inlateout("x0") args[0] => result,
            in("x1") args[1], in("x2") args[2], in("x3") args[3], in("x4") args[4], in("x5") args[5],
        );
    }
    result.cast_signed()
}
