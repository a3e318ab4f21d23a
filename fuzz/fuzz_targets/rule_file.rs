//! A rule file: any text gives rules or diagnostics, which render.
#![no_main]

use komainu::rules::{LoadOptions, Source, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let result = load(&[Source::new("fuzz.yaml", text)], &LoadOptions::default());
    let _rendered = (result.render(false), result.json());
});
