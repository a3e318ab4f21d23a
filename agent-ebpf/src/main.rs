//! Kernel half of Komainu: hooks, facts, records.
//!
//! Layers, each using only the ones before it:
//! [`read`] (probe reads) → [`arch`], [`task`], [`path`], [`file`], [`cgroup`], [`sock`],
//! [`usage`] (kernel facts) →
//! [`account`] (counters, ledger) → [`share`] (who may have room) → [`record`] (build, submit),
//! [`facts`] (what only some rules read), [`pending`] → [`name`], [`number`], [`inside`], [`same`], [`memo`],
//! [`lookup`], [`filter`] (what no rule can match ends here) → [`probes`] (one file per hook family).
#![no_std]
#![no_main]
// core does not offer AtomicU64::fetch_add for this target, though every kernel's BPF has it.
#![feature(core_intrinsics)]
#![allow(
    internal_features,
    reason = "one intrinsic, behind the build's pinned toolchain"
)]
#![allow(
    clippy::inline_always,
    reason = "a BPF call costs a frame of the 512-byte stack and loses what the verifier knows"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "registers are 64 bits wide, kernel facts are narrower; checked conversions cannot fail here"
)]
#![allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    reason = "the signature aya's program macros want"
)]

mod account;
mod arch;
mod cgroup;
mod facts;
mod file;
mod filter;
mod inside;
mod lookup;
mod maps;
mod memo;
mod name;
mod number;
mod path;
mod pathname;
mod pending;
mod probes;
mod read;
mod record;
mod same;
mod share;
mod sock;
mod task;
mod usage;
mod words;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Unreachable: the verifier rejects a program that could loop here.
    loop {}
}

// The helpers used (`bpf_probe_read_kernel` and others) are for GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
