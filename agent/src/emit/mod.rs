//! Last stage: alerts and the agent's own events become lines. The only stage that serialises.
//!
//! [`Alert`] is made where the verdict falls and crosses one bounded channel; [`stream::Stream`]
//! redacts, numbers and formats it; [`sink`] writes. What cannot be written is counted and told in
//! the same stream.

pub mod alert;
pub mod context;
mod cut;
mod escape;
mod facts;
mod format;
pub mod lost;
mod outlet;
pub mod own;
pub mod redact;
pub mod sink;
pub mod stream;

pub use alert::{Alert, Ancestor, Place, Resolution, SessionPlace};
pub use cut::cut;
pub use facts::Facts;
pub use format::{Format, markdown as alert_reference};
pub use lost::Lost;
pub use outlet::Outlet;
pub use own::OwnEvent;
pub use redact::Redactor;
pub use stream::Stream;
