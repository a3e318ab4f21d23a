//! Loading the object, attaching its programs, and telling what did not work.

use std::io;

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapData, MapError, ProgramArray, RingBuf},
    programs::{ProgramError, RawTracePoint, RawTracePointRunOptions, TestRun as _},
    util::nr_cpus,
};
use aya_log::EbpfLogger;
use komainu_common::{
    Settings,
    limits::SCRATCH_SLOTS_PER_CPU,
    offsets::ABSENT,
    syscalls::{handler, x86_64},
};

use super::{
    BtfError, KernelTypes, Lanes, OBJECT,
    features::v1_controllers,
    probes::{Hook, PROBES, Probe, ProbeStatus},
};

/// What the kernel half is loaded with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the lifecycle ring, a power of two and a multiple of the page size.
    pub lifecycle_ring: u32,
    /// Bytes of the bulk ring, likewise.
    pub bulk_ring: u32,
    /// Record the environment of started programs.
    pub record_env: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lifecycle_ring: 4 << 20,
            bulk_ring: 8 << 20,
            record_env: true,
        }
    }
}

/// Why the kernel half cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable type information.
    #[error("kernel type information")]
    Btf(#[from] BtfError),
    /// The object was refused; the message of the system call or the verifier is the source.
    #[error("loading the BPF object")]
    Object(#[source] Box<aya::EbpfError>),
    /// A map is not usable.
    #[error("BPF map {0}")]
    Map(&'static str, #[source] MapError),
    /// The object does not have this map: object and agent are of different builds.
    #[error("the BPF object has no map {0}")]
    NoMap(&'static str),
    /// A ring size the kernel would refuse.
    #[error("ring size {0} is not a power of two of at least 4096 bytes")]
    RingSize(u32),
    /// The number of CPUs could not be read.
    #[error("reading {0}")]
    Cpus(&'static str, #[source] io::Error),
    /// The wake-up descriptor could not be made.
    #[error("creating an eventfd")]
    Wake(#[source] rustix::io::Errno),
    /// Not one probe could be attached.
    #[error("no probe could be attached; {} says: {}", .0.probe.program, .0.error.as_deref().unwrap_or("?"))]
    Nothing(ProbeStatus),
}

/// The loaded kernel half. Dropping it detaches every probe.
#[derive(Debug)]
pub struct Kernel {
    pub(super) object: Ebpf,
    probes: Vec<ProbeStatus>,
}

impl Kernel {
    /// Loads the object and attaches every probe that this kernel takes.
    ///
    /// Needs `CAP_BPF` and `CAP_PERFMON` (or root), and kernel BTF. A probe that cannot be attached
    /// is in [`Self::probes`]; only if none can this is an error.
    pub fn load(options: &Options) -> Result<Self, Error> {
        let types = KernelTypes::of_running_kernel()?;
        let offsets = types.offsets()?;
        let settings = Settings {
            record_env: u32::from(options.record_env),
            cgroup_v1_subsys: v1_subsys(&types),
        };
        drop(types);
        for size in [options.lifecycle_ring, options.bulk_ring] {
            if size < 4096 || !size.is_power_of_two() {
                return Err(Error::RingSize(size));
            }
        }
        let cpus = nr_cpus().map_err(|(what, e)| Error::Cpus(what, e))?;
        let slots = u32::try_from(cpus)
            .unwrap_or(u32::MAX)
            .saturating_mul(SCRATCH_SLOTS_PER_CPU);
        let object = EbpfLoader::new()
            // The programs carry no relocations against kernel types; parsing BTF again costs 0.3 s.
            .btf(None)
            .override_global("OFFSETS", &offsets, true)
            .override_global("SETTINGS", &settings, true)
            .map_max_entries("SCRATCH", slots)
            .map_max_entries("LIFECYCLE", options.lifecycle_ring)
            .map_max_entries("BULK", options.bulk_ring)
            .load(OBJECT)
            .map_err(|e| Error::Object(Box::new(e)))?;
        let mut kernel = Self {
            object,
            probes: Vec::new(),
        };
        kernel.learn_own_process();
        kernel.attach_all()?;
        Ok(kernel)
    }

    /// What became of each probe.
    pub fn probes(&self) -> &[ProbeStatus] {
        &self.probes
    }

    /// The rings. Once only: the second call fails with [`Error::NoMap`].
    pub fn lanes(&mut self) -> Result<Lanes, Error> {
        let lifecycle = self.ring("LIFECYCLE")?;
        let bulk = self.ring("BULK")?;
        Lanes::new(lifecycle, bulk).map_err(Error::Wake)
    }

    fn ring(&mut self, name: &'static str) -> Result<RingBuf<MapData>, Error> {
        let map = self.object.take_map(name).ok_or(Error::NoMap(name))?;
        RingBuf::try_from(map).map_err(|e| Error::Map(name, e))
    }

    /// Log lines of the kernel half, forwarded to the `log` facade. `None` if the object has none.
    pub fn logger(&mut self) -> Option<EbpfLogger<&'static dyn log::Log>> {
        EbpfLogger::init(&mut self.object).ok()
    }

    /// Tells the programs which process is the agent, so that they skip it.
    fn learn_own_process(&mut self) {
        let run = |object: &mut Ebpf| -> Result<(), ProgramError> {
            let program = raw_tracepoint(object, "whoami")?;
            program.load()?;
            program.test_run(RawTracePointRunOptions::new())?;
            Ok(())
        };
        if let Err(error) = run(&mut self.object) {
            // Outside a container the number is the same in both namespaces.
            tracing::debug!(%error, "cannot run a program in this process, using getpid");
            let own = std::process::id();
            if let Some(map) = self.object.map_mut("OWN_TGID")
                && let Ok(mut map) = Array::<_, u32>::try_from(map)
                && let Err(error) = map.set(0, own, 0)
            {
                tracing::warn!(%error, "the agent will see its own events");
            }
        }
    }

    fn attach_all(&mut self) -> Result<(), Error> {
        for probe in PROBES {
            let error = attach(&mut self.object, probe).err().map(|e| chain(&e));
            self.probes.push(ProbeStatus { probe, error });
        }
        match self.probes.iter().find(|status| !status.attached()) {
            Some(status) if !self.probes.iter().any(ProbeStatus::attached) => {
                Err(Error::Nothing(status.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// Why one probe is not attached.
#[derive(Debug, thiserror::Error)]
enum AttachError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("BPF map")]
    Map(#[from] MapError),
    #[error("the BPF object has no map {0}")]
    NoMap(&'static str),
}

fn raw_tracepoint<'a>(
    object: &'a mut Ebpf,
    name: &str,
) -> Result<&'a mut RawTracePoint, ProgramError> {
    let program = object.program_mut(name).ok_or(ProgramError::NotLoaded)?;
    program.try_into()
}

fn attach(object: &mut Ebpf, probe: &Probe) -> Result<(), AttachError> {
    let program = raw_tracepoint(object, probe.program)?;
    program.load()?;
    match probe.hook {
        Hook::RawTracepoint(name) => {
            program.attach(name)?;
            Ok(())
        }
        Hook::SyscallHandler(index) => {
            let fd = program.fd()?.try_clone().map_err(ProgramError::IOError)?;
            let handlers = object
                .map_mut("HANDLERS")
                .ok_or(AttachError::NoMap("HANDLERS"))?;
            ProgramArray::try_from(handlers)?.set(u32::from(index), &fd, 0)?;
            let interest = object
                .map_mut("INTEREST")
                .ok_or(AttachError::NoMap("INTEREST"))?;
            set_interest(&mut Array::try_from(interest)?, index)?;
            Ok(())
        }
    }
}

/// Enters every system call of `handler` into the interest table.
fn set_interest(table: &mut Array<&mut MapData, u32>, handler: u16) -> Result<(), MapError> {
    debug_assert_ne!(handler, handler::NONE);
    let calls = x86_64::TABLE.iter().filter(|call| call.handler == handler);
    for call in calls {
        for &number in call.native {
            let word = table.get(&number, 0)?;
            table.set(number, (word & 0xffff_0000) | u32::from(handler), 0)?;
        }
        for &number in call.compat {
            let word = table.get(&number, 0)?;
            table.set(number, (word & 0xffff) | (u32::from(handler) << 16), 0)?;
        }
    }
    Ok(())
}

/// Index of a cgroup v1 controller that is mounted, by the kernel's own numbering.
fn v1_subsys(types: &KernelTypes) -> u32 {
    v1_controllers()
        .iter()
        .find_map(|name| types.cgroup_subsys(name))
        .unwrap_or(ABSENT)
}

/// An error with its sources, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
