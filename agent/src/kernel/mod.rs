//! Stage 1: everything that talks to `bpf(2)`.
//!
//! [`Kernel::load`] resolves offsets, loads the object, attaches what this kernel allows and says
//! what it does not. [`Lanes`] hands out records. Dropping [`Kernel`] detaches and unloads
//! everything: nothing is pinned.
mod attach;
mod btf;
mod cast;
mod features;
mod interest;
mod lanes;
mod load;
mod memory;
mod offsets;
mod plan;
mod probes;
mod ring;
mod runtime;
mod stats;

pub use btf::{Btf, Malformed};
pub use features::{Features, features, v1_controllers};
pub use lanes::{Batch, Lanes, Waker};
pub use load::{Kernel, LoadError, Loads, Options};
pub use memory::give_back;
pub use offsets::{BtfError, KernelTypes};
pub use plan::{CgroupKinds, Tables};
pub use probes::{Hook, PROBES, Probe, ProbeStatus};
pub use runtime::{RunTime, count_run_time};
pub use stats::{ClassReport, Loss, Missed};

/// The ELF object of the kernel half as `build.rs` compiled it, aligned as its parser wants it.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/komainu-ebpf"));
