//! Accounting: per-class counters and the per-cgroup loss ledger.
//!
//! `seen = emitted + filtered + lost` holds per class; every lost event is counted where it is
//! lost.

/// Why an event was lost in the kernel half, as a number on the wire.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(pub u32);

impl Reason {
    /// The ring was full.
    pub const RING: Reason = Reason(0);
    /// The kernel half could not make the record: no scratch buffer, a failed tail call.
    pub const INTERNAL: Reason = Reason(1);
    /// The ring was getting full, and the cgroup had taken more than its share of it.
    pub const SHARE: Reason = Reason(2);

    /// Every reason.
    pub const ALL: &'static [Reason] = &[Self::RING, Self::INTERNAL, Self::SHARE];

    /// Short lower-case name for metrics and messages; `unknown` for other numbers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RING => "ring",
            Self::INTERNAL => "internal",
            Self::SHARE => "share",
            _ => "unknown",
        }
    }
}

wire! {
    /// Per-CPU counters of one event class.
    pub struct ClassCounters {
        /// Events that reached a handler.
        pub seen: u64,
        /// Records put into a ring.
        pub emitted: u64,
        /// Events that no loaded rule can match.
        pub filtered: u64,
        /// Events lost for [`Reason::RING`].
        pub lost_ring: u64,
        /// Events lost for [`Reason::INTERNAL`].
        pub lost_internal: u64,
        /// Events lost for [`Reason::SHARE`].
        pub lost_share: u64,
    }
}

impl ClassCounters {
    /// Nothing yet.
    pub const ZERO: Self = Self {
        seen: 0,
        emitted: 0,
        filtered: 0,
        lost_ring: 0,
        lost_internal: 0,
        lost_share: 0,
    };

    /// Events lost for a reason.
    pub const fn lost_for(&self, reason: Reason) -> u64 {
        match reason {
            Reason::RING => self.lost_ring,
            Reason::INTERNAL => self.lost_internal,
            Reason::SHARE => self.lost_share,
            _ => 0,
        }
    }

    /// Events lost, whatever the reason.
    pub fn lost(&self) -> u64 {
        let reasons = Reason::ALL.iter();
        reasons.fold(0, |sum, &reason| sum.saturating_add(self.lost_for(reason)))
    }

    /// Events of which it is known what became of them; where none is being built, all of `seen`.
    pub fn accounted(&self) -> u64 {
        self.emitted
            .saturating_add(self.filtered)
            .saturating_add(self.lost())
    }

    /// The counters of two CPUs together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            seen: self.seen.wrapping_add(other.seen),
            emitted: self.emitted.wrapping_add(other.emitted),
            filtered: self.filtered.wrapping_add(other.filtered),
            lost_ring: self.lost_ring.wrapping_add(other.lost_ring),
            lost_internal: self.lost_internal.wrapping_add(other.lost_internal),
            lost_share: self.lost_share.wrapping_add(other.lost_share),
        }
    }
}

wire! {
    /// Key of the ledger: who was affected, of what, and why.
    pub struct LedgerKey {
        /// cgroup id as in [`Header::cgroup`](crate::Header::cgroup).
        pub cgroup: u64,
        /// [`Class`](crate::Class) number.
        pub class: u32,
        /// [`Reason`] number.
        pub reason: u32,
    }
}

wire! {
    /// What a cgroup took of the bulk ring since it is getting full.
    pub struct Share {
        /// Quarters of the ring that its reader had read since the start.
        pub epoch: u64,
        /// Bytes taken since the epoch began.
        pub taken: u64,
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
