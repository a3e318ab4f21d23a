//! The instructions of x86-64.

/// # Safety
/// The arguments must be right for the call.
pub(crate) unsafe fn syscall_native(number: u64, args: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the caller's guarantee; rcx and r11 are clobbered by the instruction.
    unsafe {
        std::arch::asm!(
            "syscall", inlateout("rax") number.cast_signed() => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2], in("r10") args[3],
            in("r8") args[4], in("r9") args[5], out("rcx") _, out("r11") _,
        );
    }
    result
}

/// A call that makes a process, which ends before it could touch the memory it may share with its maker.
///
/// # Safety
/// The arguments must be right for the call.
pub(super) unsafe fn make_process_native(number: u64, args: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the caller's guarantee; rcx and r11 are clobbered by the instruction. 231 is exit_group.
    unsafe {
        std::arch::asm!(
            "syscall", "test rax, rax", "jnz 2f", "xor edi, edi", "mov eax, 231", "syscall", "2:",
            inlateout("rax") number.cast_signed() => result,
            inout("rdi") args[0] => _, in("rsi") args[1], in("rdx") args[2], in("r10") args[3],
            in("r8") args[4], in("r9") args[5], out("rcx") _, out("r11") _,
        );
    }
    result
}

/// [`make_process_native`] through the 32-bit entry.
///
/// # Safety
/// The arguments must be right for the call.
pub(super) unsafe fn make_process_compat(number: u64, args: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the caller's guarantee. rbx and rbp are LLVM's, so they are put back. 252 is exit_group.
    unsafe {
        std::arch::asm!(
            "push rbp", "xchg rbx, {a}", "mov rbp, {f}", "int 0x80", "test eax, eax", "jnz 2f",
            "xor ebx, ebx", "mov eax, 252", "int 0x80", "2:", "xchg rbx, {a}", "pop rbp",
            a = inout(reg) args[0] => _, f = in(reg) args[5],
            inlateout("rax") number.cast_signed() => result,
            in("rcx") args[1], in("rdx") args[2], in("rsi") args[3], in("rdi") args[4],
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result
}

/// # Safety
/// The arguments must be right for the call.
pub(crate) unsafe fn syscall_compat(number: u64, args: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the caller's guarantee. rbx and rbp are LLVM's, so they are put back.
    unsafe {
        std::arch::asm!(
            "push rbp", "xchg rbx, {a}", "mov rbp, {f}", "int 0x80", "xchg rbx, {a}", "pop rbp",
            a = inout(reg) args[0] => _, f = in(reg) args[5],
            inlateout("rax") number.cast_signed() => result,
            in("rcx") args[1], in("rdx") args[2], in("rsi") args[3], in("rdi") args[4],
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result
}
