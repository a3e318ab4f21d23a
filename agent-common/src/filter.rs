//! The filter plan: what of an event's class the loaded rules can match, as tables.
//!
//! The rules of a class are a disjunction of conjunctions, numbered from 0 to
//! [`MAX_CONJUNCTIONS`]. Every table maps a value of the event to a [`Vector`]: the set of conjunctions
//! that this value does not rule out. The kernel half ANDs the vectors (bit-vector packet
//! classification, Lakshman & Stiliadis 1998); when nothing is left the event is filtered, else
//! what is left travels in the record's header and only those rules are evaluated.
//!
//! The plan may only over-approximate: what it cannot test is "not ruled out".
//!
//! # Paths
//!
//! A path (asked for, made absolute; and the kernel's) gives
//! `paths_any | exact[path] | base[last component] | prefix[longest prefix]`, where `paths_any` are the
//! conjunctions that say nothing about this path, and a table without an entry gives nothing. An
//! entry for a longer prefix includes the conjunctions of the shorter ones that it extends. From this
//! the number tests that are [about a path](source::is_about_path) take away. The vectors of the two
//! names are ORed: a rule holds if it holds for either.
//!
//! What a path contains and how it ends is told by its [signature](Grams), as in a Bloom filter of the pieces
//! that some rule asks for.
//!
//! # Swapping
//!
//! Plans live in two slots. The loader writes the idle one and then switches [`ActivePlan`], one number, which
//! programs read once for each event, as it begins; so no event sees half a plan, or two.

/// Conjunctions per class.
pub const MAX_CONJUNCTIONS: usize = 256;
/// Words of a [`Vector`].
pub const WORDS: usize = MAX_CONJUNCTIONS / 64;
/// A set of conjunctions: bit `n % 64` of word `n / 64` is conjunction `n`.
pub type Vector = [u64; WORDS];

/// Number tests per class.
pub const MAX_NUMBER_TESTS: usize = 128;
/// Bytes of a path that the tables tell apart, NUL excluded; a longer path rules out nothing.
pub const MAX_PLAN_PATH: usize = 188;
/// Plan slots.
pub const SLOTS: u32 = 2;
/// Entries of each path table, both slots together.
pub const MAX_PLAN_ENTRIES: u32 = 16384;
/// Names of files whose vector the kernel half remembers, of short and of long ones.
pub const MAX_MEMO: u32 = 8192;
/// Bytes of a short name. Most are, and a shorter key is found sooner.
pub const SHORT_NAME: usize = 56;
/// Entries of the container table.
pub const MAX_CGROUP_KINDS: u32 = 16384;

/// Where a number test takes its value from.
pub mod source {
    /// Return value of the system call.
    pub const RESULT: u32 = 0;
    /// Index of the call's row in [`TABLE`](crate::syscalls::TABLE), or
    /// [`super::row_of_call`].
    pub const CALL: u32 = 1;
    /// `O_*` flags as passed (`openat2`: from `open_how`; `creat`: what it stands for).
    pub const OPEN_FLAGS: u32 = 2;
    /// [`super::cgroup_kind`] of the process.
    pub const CGROUP_KIND: u32 = 3;
    /// Of the path: 0 if the string as passed certainly has no `..` in it, else 1 (also where it could not
    /// be read, wholly or at all).
    pub const DOTDOT: u32 = 4;
    /// `AF_*` of the socket; -1 where there is none.
    pub const FAMILY: u32 = 5;
    /// Peer port: of the socket where that has one (not 0), else as asked for; -1 where there is none.
    /// This order is that of `decode`, so that both halves mean the same peer where the kernel
    /// connects elsewhere than asked (`cgroup/connect4` programs of service meshes).
    pub const PEER_PORT: u32 = 6;
    /// Real user id of the process.
    pub const UID: u32 = 7;
    /// First of six: the call's arguments as passed, as 64-bit numbers (32-bit calls: zero-extended).
    pub const ARG0: u32 = 8;
    /// Bytes of the IPv4 address of the same peer as a number, `a.b.c.d` being `a << 24 | …`; -1 where
    /// the address is no IPv4 address (also one inside IPv6 may be -1).
    pub const PEER_IPV4: u32 = 14;
    /// [Signature](super::Grams::signature) of the path.
    pub const SIGNATURE: u32 = 15;
    /// Size of an array of values by source.
    pub const COUNT: u32 = 32;

    /// Whether the value is one of the first path's, and each of its two names has its own.
    pub const fn is_about_path(source: u32) -> bool {
        matches!(source, DOTDOT | SIGNATURE)
    }
}

/// What [`source::CALL`] is for a row of [`call::TABLE`](crate::call::TABLE): behind the other table.
#[inline]
pub const fn row_of_call(row: u32) -> u32 {
    HANDLED + row
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a table of some dozens of rows"
)]
const HANDLED: u32 = crate::syscalls::TABLE.len() as u32;

/// What user space has told about a cgroup.
pub mod cgroup_kind {
    /// Nothing yet: may be either.
    pub const UNKNOWN: u32 = 0;
    /// Of the host.
    pub const HOST: u32 = 1;
    /// Of a container.
    pub const CONTAINER: u32 = 2;
}

/// Which path of an event a path entry is about.
pub mod role {
    /// The file that the event is about: `fd.name`, `fs.path.name`, `evt.arg.name`, …; of calls with two
    /// paths, the first.
    pub const FIRST: u8 = 0;
    /// The second path of `rename`, `link`, `symlink`, `mount`.
    pub const SECOND: u8 = 1;
    /// Roles there are.
    pub const COUNT: usize = 2;
}

/// Kinds of path entries in the hash table.
pub mod path_kind {
    /// The whole path.
    pub const EXACT: u8 = 0;
    /// The last component.
    pub const BASE: u8 = 1;
}

/// Bytes of a gram.
pub const GRAM: usize = 4;
/// Words of the set of grams that rules ask for.
pub const GRAM_WORDS: usize = 128;

/// A piece of a path, hashed: four bytes anywhere, or the last four, three or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gram(u64);

impl Gram {
    /// Four bytes anywhere in a path, the first in the lowest byte.
    #[inline]
    pub const fn inside(bytes: u32) -> Self {
        Self::hashed(bytes as u64)
    }

    /// The last bytes of a path, in the highest bytes of `tail`, and how many of these count: 4, 3 or 2.
    #[inline]
    pub const fn ending(tail: u32, len: u32) -> Self {
        Self::hashed((tail >> (8 * (4 - len))) as u64 | (len as u64) << 32)
    }

    /// Multiplicative hashing (Knuth, TAOCP 6.4): the upper bits are the well mixed ones.
    #[inline]
    const fn hashed(key: u64) -> Self {
        Self(key.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Word and bit in the set of grams that rules ask for.
    #[inline]
    pub const fn place(self) -> (usize, u64) {
        ((self.0 >> 57) as usize, 1 << (self.0 >> 51 & 63))
    }

    /// Bits in a signature; never the highest, so that signatures compare as signed numbers.
    #[inline]
    pub const fn bits(self) -> u64 {
        (1 << (self.0 >> 45 & 63) | 1 << (self.0 >> 39 & 63)) & (u64::MAX >> 1)
    }
}

const _: () = assert!(
    GRAM_WORDS == 128,
    "the places of grams are seven bits of words"
);

/// Grams that rules ask for, and perhaps others. Only these are in a path's signature, so that a long
/// path, too, has few bits in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grams(pub [u64; GRAM_WORDS]);

impl Default for Grams {
    fn default() -> Self {
        Self([0; GRAM_WORDS])
    }
}

impl Grams {
    /// Adds a gram.
    pub fn add(&mut self, gram: Gram) {
        let (word, bit) = gram.place();
        self.0[word] |= bit;
    }

    fn bits(&self, gram: Gram) -> u64 {
        let (word, bit) = gram.place();
        if self.0[word] & bit == 0 {
            0
        } else {
            gram.bits()
        }
    }

    /// Signature of a path: the bits of those of its grams that rules ask for. All bits where the path
    /// is shorter than a gram.
    pub fn signature(&self, path: &[u8]) -> u64 {
        let Some(tail) = path.last_chunk::<GRAM>() else {
            return u64::MAX >> 1;
        };
        let grams = path
            .windows(GRAM)
            .map(|gram| Gram::inside(u32::from_le_bytes([gram[0], gram[1], gram[2], gram[3]])));
        let tail = u32::from_le_bytes(*tail);
        let ends = (2..=4).map(|len| Gram::ending(tail, len));
        grams
            .chain(ends)
            .fold(0, |bits, gram| bits | self.bits(gram))
    }
}

wire! {
    /// `low <= (value & mask) <= high`, signed, decides between two vectors.
    pub struct NumberTest {
        /// Applied first; `u64::MAX` for the value as it is.
        pub mask: u64,
        /// Least value, inclusive.
        pub low: i64,
        /// Greatest value, inclusive.
        pub high: i64,
        /// One of [`source`].
        pub source: u32,
        /// Unused, zero.
        pub reserved: u32,
        /// Conjunctions not ruled out where the test holds.
        pub holds: Vector,
        /// Conjunctions not ruled out where it does not.
        pub fails: Vector,
    }
}

wire! {
    /// The plan of one class in one slot.
    pub struct ClassPlan {
        /// Every conjunction of the class.
        pub all: Vector,
        /// By [`role`]: conjunctions that say nothing testable about that path.
        pub paths_any: [Vector; role::COUNT],
        /// Number tests in use; those [about a path](source::is_about_path) come last, of these the signature's.
        pub tests_len: u32,
        /// How many of them, from the front, need no path.
        pub tests_before_path: u32,
        /// Bit of each [`source`] that a test uses.
        pub sources: u32,
        /// `PLAN_*` bits.
        pub flags: u32,
        /// How many of the tests, from the front, are not about a signature.
        pub tests_before_signature: u32,
        /// Unused, zero.
        pub reserved: u32,
        /// What the tests of the signature together leave where it is 0, as it is of most paths.
        pub unsigned: Vector,
        /// [`Grams`] that signatures are made of.
        pub grams: [u64; GRAM_WORDS],
        /// The tests, the most selective first.
        pub tests: [NumberTest; MAX_NUMBER_TESTS],
    }
}

/// There is a plan: without this bit nothing is filtered.
pub const PLAN_PRESENT: u32 = 1;
/// Evaluate the plan, count what it would filter, and deliver everything (`--audit-filter`).
pub const PLAN_AUDIT: u32 = 1 << 1;
/// Shifted by a [`role`]: there are [`BASE`](path_kind::BASE) entries for it. Set by the loader.
pub const PLAN_BASE: u32 = 1 << 8;

/// Shifted by this much in the flags: the [`facts`](crate::facts) that rules read of the class, also where
/// there is no plan.
pub const PLAN_FACTS: u32 = 16;

wire! {
    /// Key of the hash table of paths: zero-padded.
    pub struct PathKey {
        /// Plan slot.
        pub slot: u8,
        /// One of [`role`].
        pub role: u8,
        /// [`Class`](crate::Class) number.
        pub class: u8,
        /// One of [`path_kind`].
        pub kind: u8,
        /// The path or its last component.
        pub bytes: [u8; MAX_PLAN_PATH],
    }
}

wire! {
    /// Key of the prefix trie (`BPF_MAP_TYPE_LPM_TRIE`).
    pub struct PrefixKey {
        /// Bits that count, of everything after this member: `32 + 8 * length`.
        pub bits: u32,
        /// Plan slot.
        pub slot: u8,
        /// One of [`role`].
        pub role: u8,
        /// [`Class`](crate::Class) number.
        pub class: u8,
        /// Unused, zero.
        pub reserved: u8,
        /// Beginning of the path.
        pub bytes: [u8; MAX_PLAN_PATH],
    }
}

wire! {
    /// Which plan is in force; the one value that is switched.
    pub struct ActivePlan {
        /// Counts plans from 1; travels with each record as `Header::plan`. Its [slot](slot_of) follows from it.
        pub generation: u32,
    }
}

/// Slot of the plan of a generation.
#[inline]
pub const fn slot_of(generation: u32) -> u32 {
    generation % SLOTS
}

/// Generation of the plan after this one: never 0, which stands for none, and in the other slot.
pub const fn next_generation(generation: u32) -> u32 {
    match generation.checked_add(1) {
        Some(next) => next,
        None => SLOTS,
    }
}

const _: () = {
    let (last, first) = (u32::MAX, next_generation(u32::MAX));
    assert!(first != 0 && slot_of(first) != slot_of(last));
    assert!(next_generation(0) == 1 && slot_of(1) != slot_of(2));
};
const _: () = assert!(size_of::<PathKey>() == 192 && size_of::<PrefixKey>() == 196);
