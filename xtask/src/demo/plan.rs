//! The acts: what is done, and what the alert must say.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::Result;

use super::act;
use super::workplace::{Workplace, find, real, text};

/// One act and its expected alert.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) title: &'static str,
    pub(super) rule: &'static str,
    pub(super) in_container: bool,
    /// Arguments of the hidden verb.
    pub(super) arguments: Vec<OsString>,
    /// Output fields and their exact values.
    pub(super) fields: Vec<(&'static str, String)>,
    /// A path that must be in the alert besides.
    pub(super) resolved: Option<&'static str>,
    /// Types on a terminal.
    pub(super) terminal: bool,
    /// A file it leaves behind.
    pub(super) litter: Option<PathBuf>,
}

impl Planned {
    fn new<A: Into<OsString>>(
        title: &'static str,
        rule: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            title,
            rule,
            in_container: false,
            arguments: arguments.into_iter().map(Into::into).collect(),
            fields: vec![("user.name", "root".to_owned())],
            resolved: None,
            terminal: false,
            litter: None,
        }
    }

    fn in_container(mut self) -> Self {
        self.in_container = true;
        self
    }

    fn expect(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((field, value.into()));
        self
    }
}

/// The acts in order, with the files they need.
pub(super) fn acts(place: &Workplace) -> Result<Vec<Planned>> {
    let mut acts = file_acts(place)?;
    acts.extend(program_acts()?);
    acts.extend(copied_program_acts(place)?);
    Ok(acts)
}

fn file_acts(place: &Workplace) -> Result<Vec<Planned>> {
    let link = place.file("notes.txt");
    symlink("/etc/shadow", &link)?;
    let program = PathBuf::from(format!("/usr/bin/.komainu-demo-{}", place.short_id()));
    let core_pattern = "/proc/sys/kernel/core_pattern";
    let mut read = Planned::new(
        "read /etc/shadow through a symbolic link",
        "Sensitive file read",
        [
            "exec".as_ref(),
            "--".as_ref(),
            find("cat")?.as_os_str(),
            link.as_os_str(),
        ],
    )
    .expect("proc.name", "cat")
    .expect("proc.exepath", text(&real("cat")?))
    .expect("fd.name", text(&link));
    read.resolved = Some("/etc/shadow");
    let mut write = Planned::new(
        "create a file in /usr/bin",
        "Write below a system directory",
        [
            "exec".as_ref(),
            "--".as_ref(),
            find("touch")?.as_os_str(),
            program.as_os_str(),
        ],
    )
    .expect("proc.name", "touch")
    .expect("fd.name", text(&program));
    write.litter = Some(program);
    let escape = Planned::new(
        "open the kernel's core_pattern for writing, in a container",
        "Kernel control file opened for writing in a container",
        ["open-for-writing", core_pattern],
    )
    .in_container()
    .expect("proc.name", "xtask")
    .expect("fd.name", core_pattern);
    let metadata = Planned::new(
        "connect to the cloud metadata address, in a container",
        "Cloud metadata service contacted from a container",
        ["connect", "169.254.169.254", "80"],
    )
    .in_container()
    .expect("proc.name", "xtask");
    Ok(vec![read, write, escape, metadata])
}

fn program_acts() -> Result<Vec<Planned>> {
    let mut shell = Planned::new(
        "type in a shell, in a container",
        "Interactive shell in a container",
        [OsString::from("shell"), find("sh")?.into()],
    )
    .in_container()
    .expect("proc.name", "sh")
    .expect("proc.exepath", text(&real("sh")?));
    shell.terminal = true;
    let command = Planned::new(
        "run a command, in a container",
        "Command run in a container",
        [
            "exec".as_ref(),
            "--".as_ref(),
            find("id")?.as_os_str(),
            "-u".as_ref(),
        ],
    )
    .in_container()
    .expect("proc.name", "id")
    .expect("proc.cmdline", "id -u")
    .expect("proc.exepath", text(&real("id")?));
    Ok(vec![command, shell])
}

/// Programs that were not there before, made of copies of `true`.
fn copied_program_acts(place: &Workplace) -> Result<Vec<Planned>> {
    let program = real("true")?;
    let apk = place.file("apk");
    act::copy_program(&program, &apk)?;
    let overlay = place.file("overlay");
    fs::create_dir(&overlay)?;
    let package = Planned::new(
        "start a package manager, in a container",
        "Package manager started in a container",
        [
            "exec".as_ref(),
            "--".as_ref(),
            apk.as_os_str(),
            "add".as_ref(),
            "nothing".as_ref(),
        ],
    )
    .in_container()
    .expect("proc.name", "apk")
    .expect("proc.exepath", text(&apk));
    let dropped = Planned::new(
        "drop a program and execute it, in a container",
        "Binary dropped and executed in a container",
        [
            "dropped".as_ref(),
            program.as_os_str(),
            overlay.as_os_str(),
            "payload".as_ref(),
        ],
    )
    .in_container()
    .expect("proc.name", "payload")
    .expect("proc.exepath", text(&overlay.join("merged/payload")));
    let memory = Planned::new(
        "execute a program that is only in memory",
        "Program run from memory",
        ["memory".as_ref(), program.as_os_str(), "payload".as_ref()],
    )
    .expect("proc.exepath", "memfd:payload");
    Ok(vec![package, dropped, memory])
}
