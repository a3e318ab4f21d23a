//! An image as an archive in the layout of the Open Container Initiative (image-spec, `image-layout.md`), which
//! `ctr images import`, `podman load`, `docker load` (25 and later) and `skopeo copy oci-archive:…` read.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive::{self, Archive};
use super::{Arch, sha256};

/// Name of the image without a registry.
const NAME: &str = "docker.io/library/komainu";

/// The image of one architecture.
#[derive(Debug)]
pub(super) struct Part {
    blobs: Archive,
    /// Descriptor of its manifest, with its platform.
    manifest: Value,
}

impl Part {
    pub(super) fn new(arch: Arch, files: &Archive, version: &str, epoch: u64) -> Result<Self> {
        let created = Timestamp::from_second(i64::try_from(epoch)?)?.to_string();
        let mut blobs = Archive::default();
        let layer = files.tar(epoch)?;
        let packed = archive::gzip(&layer)?;
        let packed = blob(&mut blobs, &media("layer.v1.tar+gzip"), packed);
        let config = config(arch, version, &created, &sha256(&layer));
        let config = config.to_string().into_bytes();
        let config = blob(&mut blobs, &media("config.v1+json"), config);
        let kind = media("manifest.v1+json");
        let manifest =
            json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [packed]});
        let mut manifest = blob(&mut blobs, &kind, manifest.to_string().into_bytes());
        manifest["platform"] = json!({"architecture": arch.name(), "os": "linux"});
        Ok(Self { blobs, manifest })
    }
}

/// Writes the image that has these parts.
pub(super) fn write(to: &Path, parts: &[Part], version: &str, epoch: u64) -> Result<()> {
    let bytes = layout(parts, version)?.tar(epoch)?;
    fs::write(to, bytes).with_context(|| format!("cannot write {}", to.display()))
}

/// One part is an image; of several, an index of them is: a name stands for one thing.
fn layout(parts: &[Part], version: &str) -> Result<Archive> {
    let mut layout = Archive::default();
    for part in parts {
        layout.append(&part.blobs);
    }
    let kind = media("index.v1+json");
    let index = |manifests: Value| {
        json!({"schemaVersion": 2, "mediaType": kind, "manifests": manifests})
            .to_string()
            .into_bytes()
    };
    let manifests: Vec<&Value> = parts.iter().map(|part| &part.manifest).collect();
    let mut image = match manifests.as_slice() {
        [] => bail!("an image of nothing"),
        [only] => (*only).clone(),
        several => blob(&mut layout, &kind, index(json!(several))),
    };
    image["annotations"] = json!({
        "io.containerd.image.name": format!("{NAME}:{version}"),
        "org.opencontainers.image.ref.name": version,
    });
    layout.add("index.json", index(json!([image])), false);
    let mark = json!({"imageLayoutVersion": "1.0.0"});
    layout.add("oci-layout", mark.to_string().into_bytes(), false);
    Ok(layout)
}

fn media(what: &str) -> String {
    format!("application/vnd.oci.image.{what}")
}

/// Who runs it, and how (image-spec, `config.md`).
fn config(arch: Arch, version: &str, created: &str, layer: &str) -> Value {
    json!({
        "created": created,
        "architecture": arch.name(),
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

    fn part(arch: Arch, program: &[u8]) -> Part {
        let mut files = Archive::default();
        files.add("komainu", program.to_vec(), true);
        Part::new(arch, &files, "1.2.3", 0).unwrap()
    }

    /// A JSON document, or a descriptor's.
    fn parse(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    fn content(all: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap();
        let digest = digest.strip_prefix("sha256:").unwrap();
        let bytes = &all[&format!("blobs/sha256/{digest}")];
        let size = descriptor["size"].as_u64().unwrap();
        assert_eq!((sha256(bytes).as_str(), bytes.len() as u64), (digest, size));
        bytes.clone()
    }

    /// Follows the descriptors of a manifest to the files, as a runtime does.
    fn check(all: &BTreeMap<String, Vec<u8>>, manifest: &Value, arch: &str, program: &[u8]) {
        assert_eq!(manifest["platform"]["architecture"], arch);
        let manifest = parse(&content(all, manifest));
        let config = parse(&content(all, &manifest["config"]));
        assert_eq!(config["architecture"], arch);
        assert_eq!(config["config"]["Entrypoint"][0], "/komainu");
        let mut layer = Vec::new();
        let packed = content(all, &manifest["layers"][0]);
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut layer)
            .unwrap();
        let expected = format!("sha256:{}", sha256(&layer));
        assert_eq!(config["rootfs"]["diff_ids"][0], expected);
        assert_eq!(entries(&layer)["komainu"], program);
    }

    #[test]
    fn the_index_leads_to_the_files() {
        let part = part(Arch::Arm64, b"program");
        let all = entries(&layout(&[part], "1.2.3").unwrap().tar(0).unwrap());
        let index = parse(&all["index.json"]);
        check(&all, &index["manifests"][0], "arm64", b"program");
    }

    /// The name stands for an index, from which a node takes what it can run.
    #[test]
    fn an_image_of_two_architectures_has_one_name() {
        let parts = [part(Arch::Amd64, b"one"), part(Arch::Arm64, b"other")];
        let all = entries(&layout(&parts, "1.2.3").unwrap().tar(0).unwrap());
        let index = parse(&all["index.json"]);
        let named = index["manifests"].as_array().unwrap();
        assert_eq!(named.len(), 1);
        assert_eq!(
            named[0]["annotations"]["org.opencontainers.image.ref.name"],
            "1.2.3"
        );
        let inner = parse(&content(&all, &named[0]));
        assert_eq!(inner["mediaType"], named[0]["mediaType"]);
        check(&all, &inner["manifests"][0], "amd64", b"one");
        check(&all, &inner["manifests"][1], "arm64", b"other");
    }

    #[test]
    fn nothing_is_no_image() {
        assert!(layout(&[], "1.2.3").is_err());
    }
}
