//! An output format: any text compiles or gives a diagnostic.
#![no_main]

use komainu::rules::{LoadOptions, Source, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A double-quoted scalar in JSON's escaping is YAML.
    let quoted = format!("{text:?}");
    let file = format!(
        "- rule: r\n  desc: d\n  condition: evt.type = open\n  priority: INFO\n  output: {quoted}\n"
    );
    let _result = load(&[Source::new("fuzz.yaml", file)], &LoadOptions::default());
});
