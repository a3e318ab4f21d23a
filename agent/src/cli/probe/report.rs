//! What `komainu probe` finds out.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::enrich;
use crate::kernel::{self, Features, Kernel};

/// The findings. Keys are stable; others may be added.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Every required probe attaches.
    pub(super) ready: bool,
    kernel: KernelFacts,
    /// Why the kernel half could not be loaded at all.
    load_error: Option<String>,
    probes: Vec<Probe>,
}

#[derive(Debug, Serialize)]
struct KernelFacts {
    release: String,
    machine: String,
    btf: Result<&'static str, String>,
    /// Struct members that this kernel lacks; what needs them is absent or found another way.
    absent_members: Vec<&'static str>,
    security_modules: String,
    lockdown: Option<String>,
    cgroup_v1_controllers: Vec<String>,
    cgroup_v2: bool,
    root: bool,
    capabilities: String,
    /// `/proc` numbers processes as the kernel does, not as some inner pid namespace.
    proc_of_initial_pid_namespace: bool,
}

#[derive(Debug, Serialize)]
struct Probe {
    name: &'static str,
    hook: String,
    classes: Vec<&'static str>,
    required: bool,
    attached: bool,
    reason: Option<String>,
}

impl Report {
    pub(super) fn of_this_kernel() -> Self {
        let loaded = Kernel::load(&kernel::Options::default());
        let probes = match &loaded {
            Ok(kernel) => kernel.probes().iter().map(probe).collect(),
            Err(_) => Vec::new(),
        };
        let missing = |probe: &Probe| probe.required && !probe.attached;
        Self {
            ready: loaded.is_ok() && !probes.iter().any(missing),
            kernel: facts(kernel::features()),
            load_error: loaded
                .err()
                .map(|error| format!("{:#}", anyhow::Error::new(error))),
            probes,
        }
    }
}

fn probe(status: &kernel::ProbeStatus) -> Probe {
    Probe {
        name: status.probe.program,
        hook: status.probe.hook.describe(),
        classes: status
            .probe
            .classes
            .iter()
            .map(|class| class.name())
            .collect(),
        required: status.probe.required,
        attached: status.attached(),
        reason: status.error.clone(),
    }
}

fn facts(features: Features) -> KernelFacts {
    let (btf, absent_members) = match features.btf {
        Ok(absent) => (Ok("present"), absent),
        Err(error) => (Err(format!("{:#}", anyhow::Error::new(error))), Vec::new()),
    };
    KernelFacts {
        release: features.release,
        machine: features.machine,
        btf,
        absent_members,
        security_modules: features.lsm,
        lockdown: features.lockdown,
        cgroup_v1_controllers: features.cgroup_v1,
        cgroup_v2: features.cgroup_v2,
        root: features.root,
        capabilities: format!("{:016x}", features.capabilities),
        proc_of_initial_pid_namespace: !enrich::proc::foreign(Path::new("/proc")),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel = &self.kernel;
        let or_none = |text: &str| {
            if text.is_empty() {
                "none".to_owned()
            } else {
                text.to_owned()
            }
        };
        writeln!(f, "kernel        {} {}", kernel.release, kernel.machine)?;
        match &kernel.btf {
            Ok(present) => writeln!(f, "type info     {present}")?,
            Err(error) => writeln!(f, "type info     missing: {error}")?,
        }
        if !kernel.absent_members.is_empty() {
            writeln!(f, "lacks         {}", kernel.absent_members.join(", "))?;
        }
        writeln!(f, "security      {}", or_none(&kernel.security_modules))?;
        writeln!(
            f,
            "lockdown      {}",
            kernel.lockdown.as_deref().unwrap_or("none")
        )?;
        let v2 = if kernel.cgroup_v2 { "v2" } else { "no v2" };
        writeln!(
            f,
            "cgroups       {v2}, v1: {}",
            or_none(&kernel.cgroup_v1_controllers.join(" "))
        )?;
        let user = if kernel.root { "root" } else { "not root" };
        writeln!(
            f,
            "running as    {user}, effective capabilities {}",
            kernel.capabilities
        )?;
        let numbers = if kernel.proc_of_initial_pid_namespace {
            "/proc is the host's"
        } else {
            "/proc is that of another pid namespace: run in the host's (hostPID: true)"
        };
        writeln!(f, "processes     {numbers}")?;
        if let Some(error) = &self.load_error {
            return writeln!(f, "\nThe kernel half cannot be loaded: {error}");
        }
        writeln!(f)?;
        for probe in &self.probes {
            let state = match (&probe.reason, probe.required) {
                (None, _) => "attached".to_owned(),
                (Some(reason), true) => format!("MISSING, required: {reason}"),
                (Some(reason), false) => format!("missing: {reason}"),
            };
            writeln!(
                f,
                "{:<13} {:<40} {:<14} {state}",
                probe.name,
                probe.hook,
                probe.classes.join(",")
            )?;
        }
        Ok(())
    }
}
