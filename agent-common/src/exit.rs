//! [`Class::EXIT`](crate::Class::EXIT): the last thread of a process ended.
//!
//! No items.

wire! {
    /// Fixed part.
    pub struct Exit {
        /// `task->exit_code`: as `wait(2)` status.
        pub code: u32,
        /// Thread id of who gets the children, as `find_new_reaper` of `kernel/exit.c` chooses; 0 where there
        /// are none, or where who it is cannot be told.
        pub reaper_tid: u32,
    }
}
