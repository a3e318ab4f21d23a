//! An image of busybox, made from nothing but the program: no registry is asked.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// What containers run.
pub(crate) const NAME: &str = "komainu.test/lab/busybox:1.35";
/// What pods are made with: the same files with another command.
pub(super) const PAUSE: &str = "komainu.test/pause:1";
pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// An archive in the layout of the Open Container Initiative (image-spec, image-layout.md) with both images.
pub(crate) struct Image {
    archive: PathBuf,
    config_digest: String,
}

impl Image {
    /// Makes it in `dir`.
    pub(super) fn make(dir: &Path) -> Self {
        let layout = dir.join("image");
        let blobs = layout.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        let layer = layer(dir, &blobs);
        let shell = manifest(&blobs, NAME, &layer, &json!(["/bin/sh"]));
        let pause = manifest(&blobs, PAUSE, &layer, &json!(["/bin/sleep", "2147483647"]));
        let index = json!({"schemaVersion": 2, "manifests": [shell.described, pause.described]});
        fs::write(layout.join("index.json"), index.to_string()).unwrap();
        let version = json!({"imageLayoutVersion": "1.0.0"});
        fs::write(layout.join("oci-layout"), version.to_string()).unwrap();
        let archive = dir.join("image.tar");
        tar(&layout, &archive);
        fs::remove_dir_all(&layout).unwrap();
        Self {
            archive,
            config_digest: shell.config,
        }
    }

    pub(super) fn archive(&self) -> &Path {
        &self.archive
    }

    /// `sha256:...` of its configuration: the image's id, and, since it comes from no registry, all that the runtime
    /// refers to it by.
    pub(crate) fn config_digest(&self) -> &str {
        &self.config_digest
    }
}

struct Manifest {
    described: Value,
    config: String,
}

fn manifest(blobs: &Path, name: &str, layer: &Value, command: &Value) -> Manifest {
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Entrypoint": command, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let media = |what: &str| format!("application/vnd.oci.image.{what}");
    let config = blob(
        blobs,
        &media("config.v1+json"),
        config.to_string().as_bytes(),
    );
    let kind = media("manifest.v1+json");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": config,
        "layers": [layer],
    });
    let mut described = blob(blobs, &kind, manifest.to_string().as_bytes());
    described["annotations"] = json!({"io.containerd.image.name": name});
    Manifest {
        described,
        config: config["digest"].as_str().unwrap().to_owned(),
    }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The files, as a descriptor of the layer.
fn layer(dir: &Path, blobs: &Path) -> Value {
    let root = dir.join("rootfs");
    for name in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).unwrap();
    let applets = Command::new(BUSYBOX).arg("--list").output().unwrap().stdout;
    for applet in String::from_utf8(applets).unwrap().lines() {
        if applet != "busybox" {
            symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n",
    )
    .unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\napp:x:1000:\n").unwrap();
    let file = dir.join("layer.tar");
    tar(&root, &file);
    let described = blob(
        blobs,
        "application/vnd.oci.image.layer.v1.tar",
        &fs::read(&file).unwrap(),
    );
    fs::remove_file(&file).unwrap();
    fs::remove_dir_all(&root).unwrap();
    described
}

/// Stores `bytes` under their digest, and gives the descriptor.
fn blob(blobs: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let file = blobs.join("new");
    fs::write(&file, bytes).unwrap();
    let sum = Command::new("sha256sum")
        .arg(&file)
        .output()
        .unwrap()
        .stdout;
    let sum = String::from_utf8(sum).unwrap();
    let hex = sum.split_whitespace().next().unwrap();
    fs::rename(&file, blobs.join(hex)).unwrap();
    json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()})
}

fn tar(dir: &Path, archive: &Path) {
    let status = Command::new("/usr/bin/tar")
        .args([
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "-C",
        ])
        .arg(dir)
        .arg("-cf")
        .arg(archive)
        .arg(".")
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "tar failed");
}
