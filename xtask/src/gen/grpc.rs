//! Rust for the messages that are spoken over gRPC, made of the `.proto` beside it.
//!
//! The result is committed, so that building the agent needs no protoc. Neither does this: protox parses.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::project;

/// What one `.proto` becomes.
struct Source {
    /// From the root of the project.
    proto: &'static str,
    /// The file beside it.
    rust: &'static str,
    /// Attribute of the server's half, where a test serves it.
    server: Option<&'static str>,
}

const SOURCES: [Source; 2] = [
    Source {
        proto: "agent/src/enrich/runtime/cri/runtime.proto",
        rust: "v1.rs",
        server: Some("#[cfg(test)]"),
    },
    Source {
        proto: "agent/tests/live/node/runtime.proto",
        rust: "v1.rs",
        server: None,
    },
];

/// Every generated file, from the root of the project, and what it has to contain.
pub(super) fn generated() -> Result<Vec<(PathBuf, String)>> {
    SOURCES
        .iter()
        .map(|source| {
            let proto = project::root().join(source.proto);
            let text = rust(&proto, source.server)
                .with_context(|| format!("cannot make Rust of {}", source.proto))?;
            Ok((Path::new(source.proto).with_file_name(source.rust), text))
        })
        .collect()
}

fn rust(proto: &Path, server: Option<&str>) -> Result<String> {
    let dir = proto.parent().context("no directory")?;
    let messages = protox::compile([proto], [dir])?;
    let out = tempfile::tempdir()?;
    let mut builder = tonic_prost_build::configure()
        .out_dir(out.path())
        // How to connect is the agent's own choice, and a unix socket is no URI.
        .build_transport(false)
        .build_server(server.is_some());
    if let Some(attribute) = server {
        builder = builder.server_mod_attribute(".", attribute);
    }
    builder.compile_fds(messages)?;
    let file = fs::read_dir(out.path())?
        .next()
        .context("nothing was generated")??;
    let text = fs::read_to_string(file.path())?;
    let name = proto.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!(
        "//! Made of {name} by `cargo xtask gen`; do not edit.\n{text}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_code_is_what_the_protos_say() {
        for (path, text) in generated().unwrap() {
            let committed = fs::read_to_string(project::root().join(&path)).unwrap();
            assert!(
                committed == text,
                "{}: run `cargo xtask gen`",
                path.display()
            );
        }
    }

    #[test]
    fn a_wrong_proto_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let proto = dir.path().join("a.proto");
        fs::write(&proto, "syntax = \"proto3\"; message A { B b = 1; }").unwrap();
        assert!(rust(&proto, None).is_err());
        fs::write(&proto, "syntax = \"proto3\"; message A { string b = 1; }").unwrap();
        assert!(rust(&proto, None).unwrap().contains("pub struct A"));
    }
}
