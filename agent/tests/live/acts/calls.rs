//! Calls of many kinds, in every spelling of their paths.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path};

use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Where they are made.
pub(crate) const DIRECTORY: &str = "/tmp/komainu-calls";

/// Makes, renames, links and removes files, with success and without; and sockets.
pub(super) fn all() {
    let directory = Path::new(DIRECTORY);
    // It is there where an earlier run was killed.
    let _removed = fs::remove_dir_all(directory).is_ok();
    fs::create_dir(directory).unwrap();
    env::set_current_dir(directory).unwrap();
    for prefix in [
        "",
        "./",
        "/tmp/komainu-calls/",
        "../komainu-calls//",
        "/tmp/../tmp/./komainu-calls/",
    ] {
        files(&|name| format!("{prefix}{name}"));
    }
    fs::remove_dir_all(directory).unwrap();
    super::network::make_sockets();
    super::network::refusals();
    // SAFETY: this process has one thread and opens nothing afterwards.
    unsafe { unshare_unsafe(UnshareFlags::NEWUTS) }.unwrap();
}

fn files(at: &dyn Fn(&str) -> String) {
    fs::write(at("a"), "").unwrap();
    fs::set_permissions(at("a"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::rename(at("a"), at("b")).unwrap();
    fs::hard_link(at("b"), at("a")).unwrap();
    fs::hard_link(at("b"), at("a")).unwrap_err();
    fs::remove_file(at("b")).unwrap();
    std::os::unix::fs::symlink("/etc/shadow", at("shadow")).unwrap();
    std::os::unix::fs::symlink(at("a"), at("b")).unwrap();
    fs::create_dir(at("d")).unwrap();
    fs::remove_dir(at("d")).unwrap();
    fs::rename(at("missing"), at("b")).unwrap_err();
    for name in ["a", "b", "shadow"] {
        fs::remove_file(at(name)).unwrap();
    }
    fs::remove_file(at("missing")).unwrap_err();
}
