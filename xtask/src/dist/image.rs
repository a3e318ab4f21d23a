//! An image as an archive in the layout of the Open Container Initiative (image-spec, `image-layout.md`), which
//! `ctr images import`, `podman load`, `docker load` (25 and later) and `skopeo copy oci-archive:…` read.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive::{self, Archive};
use super::sha256;

/// Name of the image without a registry.
const NAME: &str = "docker.io/library/komainu";

/// Writes the image of these files.
pub(super) fn write(to: &Path, files: &Archive, version: &str, epoch: u64) -> Result<()> {
    let seconds = i64::try_from(epoch)?;
    let created = Timestamp::from_second(seconds)?.to_string();
    let bytes = layout(files, version, &created, epoch)?.tar(epoch)?;
    fs::write(to, bytes).with_context(|| format!("cannot write {}", to.display()))
}

fn layout(files: &Archive, version: &str, created: &str, epoch: u64) -> Result<Archive> {
    let mut layout = Archive::default();
    let layer = files.tar(epoch)?;
    let media = |what: &str| format!("application/vnd.oci.image.{what}");
    let packed = blob(
        &mut layout,
        &media("layer.v1.tar+gzip"),
        archive::gzip(&layer)?,
    );
    let config = config(version, created, &sha256(&layer));
    let config = blob(
        &mut layout,
        &media("config.v1+json"),
        config.to_string().into_bytes(),
    );
    let kind = media("manifest.v1+json");
    let manifest =
        json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [packed]});
    let mut manifest = blob(&mut layout, &kind, manifest.to_string().into_bytes());
    manifest["platform"] = json!({"architecture": "amd64", "os": "linux"});
    manifest["annotations"] = json!({
        "io.containerd.image.name": format!("{NAME}:{version}"),
        "org.opencontainers.image.ref.name": version,
    });
    let index =
        json!({"schemaVersion": 2, "mediaType": media("index.v1+json"), "manifests": [manifest]});
    layout.add("index.json", index.to_string().into_bytes(), false);
    let mark = json!({"imageLayoutVersion": "1.0.0"});
    layout.add("oci-layout", mark.to_string().into_bytes(), false);
    Ok(layout)
}

/// Who runs it, and how (image-spec, `config.md`).
fn config(version: &str, created: &str, layer: &str) -> Value {
    json!({
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            // Loading programs and the runtime's socket want it; what it may not do is for the pod to say.
            "User": "0:0",
            "Entrypoint": ["/komainu"],
            "Cmd": ["run", "--rules", "/etc/komainu/rules"],
            "WorkingDir": "/",
            "Labels": {
                "org.opencontainers.image.title": "komainu",
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created": created, "created_by": "cargo xtask dist"}],
    })
}

/// Stores `bytes` under their digest, and gives the descriptor.
fn blob(layout: &mut Archive, media_type: &str, bytes: Vec<u8>) -> Value {
    let sum = sha256(&bytes);
    let size = bytes.len();
    layout.add(&format!("blobs/sha256/{sum}"), bytes, false);
    json!({"mediaType": media_type, "digest": format!("sha256:{sum}"), "size": size})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn entries(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut tar = tar::Archive::new(bytes);
        let entries = tar.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().display().to_string(), bytes)
        });
        entries.collect()
    }

    /// Follows the descriptors from the index to the files, as a runtime does.
    #[test]
    fn the_index_leads_to_the_files() {
        let mut files = Archive::default();
        files.add("komainu", b"program".to_vec(), true);
        let layout = layout(&files, "1.2.3", "1970-01-01T00:00:00Z", 0).unwrap();
        let all = entries(&layout.tar(0).unwrap());
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"]
                .as_str()
                .unwrap()
                .strip_prefix("sha256:")
                .unwrap();
            let bytes = &all[&format!("blobs/sha256/{digest}")];
            assert_eq!(
                (sha256(bytes).as_str(), bytes.len() as u64),
                (digest, descriptor["size"].as_u64().unwrap())
            );
            bytes.clone()
        };
        let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let index = parse(&all["index.json"]);
        let manifest = parse(&blob(&index["manifests"][0]));
        let config = parse(&blob(&manifest["config"]));
        let mut layer = Vec::new();
        let packed = blob(&manifest["layers"][0]);
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut layer)
            .unwrap();
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            format!("sha256:{}", sha256(&layer))
        );
        assert_eq!(config["config"]["Entrypoint"][0], "/komainu");
        assert_eq!(entries(&layer)["komainu"], b"program");
    }
}
