//! Last stage: alerts and the agent's own events become lines. The only stage that serialises.
//!
//! [`Alert`] is made where the verdict falls, unless [`throttle`] holds it back, and crosses a bounded channel to each
//! [`sink`]; its [`stream::Stream`] redacts, numbers and formats it, a [`writer`] writes. What cannot be written now goes to the
//! sink's [`Spool`], if there is one; what cannot be written at all is counted and told in the same stream.

pub mod alert;
pub mod context;
mod cut;
mod escape;
mod facts;
mod format;
mod lines;
pub mod lost;
mod outlet;
pub mod own;
pub mod redact;
pub mod sink;
mod spool;
pub mod stream;
pub mod syslog;
pub mod throttle;
pub mod writer;

pub use alert::{Alert, Ancestor, Place, Resolution, SessionPlace};
pub use cut::cut;
pub use facts::Facts;
pub use format::{Format, markdown as alert_reference};
pub use lines::Lines;
pub use lost::Lost;
pub use outlet::{Outlet, Queued, WeakOutlet};
pub use own::OwnEvent;
pub use redact::Redactor;
pub use spool::Spool;
pub use stream::Stream;
pub use throttle::Throttle;
