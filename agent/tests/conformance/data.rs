//! Where the data is, and reading it.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Folder of the data, if it is there.
pub(crate) fn folder() -> Option<PathBuf> {
    let given = std::env::var_os("KOMAINU_CONFORMANCE").map(PathBuf::from);
    let beside = || {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
        Some(repository.parent()?.join("shared/conformance"))
    };
    given.or_else(beside).filter(|folder| folder.is_dir())
}

/// One file of the data.
pub(crate) fn read(folder: &Path, name: &str) -> Value {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The list under `key`.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Text of a value that is either text or `{"hex": ...}`.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match (value.as_str(), value["hex"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(hex)) => unhex(hex),
        _ => panic!("no text: {value}"),
    }
}

/// Bytes of hexadecimal text.
pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal");
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).expect("a byte"))
        .collect()
}
