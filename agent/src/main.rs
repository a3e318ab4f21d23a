//! The `komainu` binary.

fn main() {}
