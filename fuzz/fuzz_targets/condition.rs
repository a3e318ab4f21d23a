//! A condition: any text parses or does not, and does not overflow the stack. What parses prints as
//! text that, if it parses, prints the same again.
#![no_main]

use komainu::rules::syntax::{DEFAULT_DEPTH, parse, print};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(condition) = parse(text, DEFAULT_DEPTH) else {
        return;
    };
    let printed = print(&condition);
    // Not everything that parses can be written back: the language has values without a spelling.
    if let Ok(again) = parse(&printed, DEFAULT_DEPTH) {
        assert_eq!(print(&again), printed);
    }
});
