//! Output formats: text with `%field` in it.

mod parse;
mod render;

pub(super) use parse::{CONTAINER_INFO, compile};
pub use parse::{Output, OutputOptions};
