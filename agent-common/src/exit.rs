//! [`Class::EXIT`](crate::Class::EXIT): the last thread of a process ended.
//!
//! No items.

wire! {
    /// Fixed part.
    pub struct Exit {
        /// `task->exit_code`: as `wait(2)` status.
        pub code: u32,
        /// Unused, zero.
        pub reserved: u32,
    }
}
