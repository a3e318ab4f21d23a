//! What rule authors read and use: the pages and schemas agree with the program, the examples do what
//! the pages say, and the upstream rules load.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test program: it trusts the shape of what it compares"
)]

mod differences;
mod examples;
mod monitoring;
mod output;
mod pipelines;
mod schema;
mod upstream;
mod validate;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Set to write generated files instead of comparing them.
const WRITE: &str = "KOMAINU_WRITE_DOCS";

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs `komainu rules ARGS`.
fn komainu(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_komainu"));
    command.arg("rules").args(args);
    command.output().expect("komainu starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Compares a generated file, or writes it.
fn assert_fresh(name: &str, wanted: &str) {
    let path = root().join(name);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, wanted).expect("generated file can be written");
        return;
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == wanted,
        "{name} is out of date; run the tests once with {WRITE}=1"
    );
}
