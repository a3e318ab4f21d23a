//! Names of users and groups, from `passwd(5)` and `group(5)`: the host's, and those that processes in a container see.

mod host;
mod idmap;
mod inside;
mod isolated;
mod names;
mod pool;
mod version;

pub use host::{Sources, Users};
pub use inside::{Inside, Question, Reader, Refusal};
pub use names::Names;
