//! A configuration file: any text gives a configuration or an error.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _outcome = komainu::config::parse(Path::new("fuzz.yaml"), text);
});
