//! Bytes of a ring: any of them give an event or an error.
#![no_main]

use komainu::decode::{Clock, Scratch, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    let mut scratch = Scratch::default();
    let _outcome = decode(record, Clock { boot: 1 }, &mut scratch);
});
