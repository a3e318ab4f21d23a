//! Accounting: per-class counters and the per-cgroup loss ledger.
//!
//! `seen = emitted + filtered + lost` holds per class; every lost event is counted where it is
//! lost.

wire! {
    /// Per-CPU counters of one event class.
    pub struct ClassCounters {
        /// Events that reached a handler.
        pub seen: u64,
        /// Records put into a ring.
        pub emitted: u64,
        /// Events that no loaded rule can match.
        pub filtered: u64,
        /// Events lost because the ring was full.
        pub lost_ring: u64,
        /// Events lost for another reason: no scratch buffer, a failed tail call.
        pub lost_internal: u64,
    }
}

wire! {
    /// Key of the ledger: who was affected, and for what.
    pub struct LedgerKey {
        /// cgroup id as in [`Header::cgroup`](crate::Header::cgroup).
        pub cgroup: u64,
        /// [`Class`](crate::Class) number.
        pub class: u32,
        /// Unused, zero.
        pub reserved: u32,
    }
}

wire! {
    /// What was lost for one key.
    pub struct LedgerEntry {
        /// Events lost.
        pub count: u64,
        /// `CLOCK_BOOTTIME` of the first, nanoseconds.
        pub first: u64,
        /// `CLOCK_BOOTTIME` of the last, nanoseconds.
        pub last: u64,
    }
}
