//! Where lines can go.

mod backoff;
mod descriptor;
mod file;
pub mod syslog;
#[cfg(feature = "webhook")]
mod tls;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use backoff::Backoff;
pub use descriptor::Descriptor;
pub use file::Rotated;
pub use syslog::Syslog;
#[cfg(feature = "webhook")]
pub use webhook::Webhook;
