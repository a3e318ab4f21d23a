//! Numbers that both halves must agree on. Each is documented for users in `docs/`.

/// Bytes of a path string read from user memory: `PATH_MAX` with its NUL.
pub const MAX_USER_PATH: usize = 4096;
/// Bytes of a path built by dentry walk; longer ones keep their end and are marked as cut.
pub const MAX_KERNEL_PATH: usize = 4096;
/// Components of a path built by dentry walk; deeper ones keep their end and are marked as cut.
pub const MAX_PATH_COMPONENTS: usize = 96;
/// Bytes of one path component (`NAME_MAX`).
pub const MAX_COMPONENT: usize = 255;
/// Bytes of `argv` kept, NULs included.
pub const MAX_ARGV: usize = 8192;
/// Bytes of the environment kept, NULs included.
pub const MAX_ENV: usize = 4096;
/// Arguments read one by one where an exec failed and no `mm` holds them together.
pub const MAX_FAILED_ARGS: usize = 32;
/// Bytes of one such argument.
pub const MAX_FAILED_ARG: usize = 512;
/// Ancestors sent with an exec.
pub const MAX_ANCESTORS: usize = 16;
/// Bytes of a cgroup path.
pub const MAX_CGROUP_PATH: usize = 4096;
/// Levels of a cgroup path.
pub const MAX_CGROUP_LEVELS: usize = 48;
/// Bytes of a raw socket address (`sizeof(struct sockaddr_storage)`).
pub const MAX_SOCKADDR: usize = 128;
/// Bytes of the data of a send or receive.
pub const MAX_DATA: usize = 80;
/// Parts (`struct iovec`) that the data of a send or receive is taken from.
pub const MAX_DATA_PARTS: usize = 8;
/// Bytes of the control messages of a receive.
pub const MAX_CONTROL: usize = 256;
/// Messages of one `sendmmsg` or `recvmmsg` that are reported; further ones are counted as lost.
pub const MAX_MESSAGES: usize = 8;

/// Bytes of a string argument that is no path, its NUL included.
pub const MAX_STRING: usize = 4096;
/// Bytes kept of what an argument points to; Falco's driver keeps as many by default.
pub const MAX_BYTES: usize = 80;

/// Bytes of the per-CPU buffer that a record is built in, and so of the largest record.
pub const MAX_RECORD: usize = 32 * 1024;

/// (cgroup, class, reason) rows the loss ledger holds at most; beyond it losses count per class and
/// reason only.
pub const MAX_LEDGER: u32 = 8192;

/// cgroups whose share of the bulk ring is known; the least recently active is forgotten first, and
/// has all of its share again.
pub const MAX_SHARES: u32 = 4096;

/// Operations of `io_uring`s that are remembered from their submission to their end; of others only
/// the submission is recorded.
pub const MAX_PENDING: u32 = 256;
/// Bytes of such an operation's record, at its submission; a power of two.
pub const MAX_PENDING_RECORD: usize = 8192;

/// Entry programs that build records, and so buffers per CPU.
pub const SCRATCH_SLOTS_PER_CPU: u32 = 7;
