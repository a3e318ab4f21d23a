//! Loading the object, attaching its programs, and telling what did not work.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapData, MapError, ProgramArray, RingBuf},
    programs::{
        ProgramError, RawTracePoint, RawTracePointRunOptions, TestRun as _,
        raw_trace_point::RawTracePointLink,
    },
    util::nr_cpus,
};
use aya_log::EbpfLogger;
use hashbrown::HashMap;
use komainu_common::{
    Settings, call,
    limits::SCRATCH_SLOTS_PER_CPU,
    offsets::ABSENT,
    syscalls::{
        INTEREST_SLOTS, half_of_row, handler, handler_of,
        x86_64::{self, compat},
    },
};

use super::{
    BtfError, KernelTypes, Lanes, OBJECT,
    features::v1_controllers,
    lanes::LARGEST_RING,
    plan::Installed,
    probes::{Hook, PROBES, Probe, ProbeStatus, needed, older_name},
    runtime::count_run_time,
};

/// Bytes in a ring from which its reader is woken; of a small one, a quarter.
const WAKEUP: u32 = 256 * 1024;

/// Inode of the initial pid namespace (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// What the kernel half is loaded with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the lifecycle ring, a power of two and a multiple of the page size.
    pub lifecycle_ring: u32,
    /// Bytes of the bulk ring, likewise.
    pub bulk_ring: u32,
    /// Record the environment of started programs.
    pub record_env: bool,
    /// Have the kernel count runs and run time of the programs.
    pub run_times: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lifecycle_ring: 4 << 20,
            bulk_ring: 8 << 20,
            record_env: true,
            run_times: false,
        }
    }
}

/// Why the kernel half cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
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
    #[error("ring size {0} is not a power of two from 4096 bytes to 64 MiB")]
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
    /// What keeps the programs attached.
    links: Vec<RawTracePointLink>,
    /// Bytes of the lifecycle and the bulk ring.
    rings: [u32; 2],
    /// Has run time counted for as long as it is open.
    #[expect(dead_code, reason = "closing it is what it is for")]
    counting: Option<OwnedFd>,
    pub(super) installed: Installed,
}

impl Kernel {
    /// Loads the object and attaches every probe that this kernel takes.
    ///
    /// Needs `CAP_BPF` and `CAP_PERFMON` (or root), and kernel BTF. A probe that cannot be attached
    /// is in [`Self::probes`]; only if none can this is an error.
    pub fn load(options: &Options) -> Result<Self, LoadError> {
        let types = KernelTypes::of_running_kernel()?;
        let offsets = types.offsets()?;
        let settings = Settings {
            record_env: u32::from(options.record_env),
            cgroup_v1_subsys: v1_subsys(&types),
            wakeup_bytes: (options.bulk_ring.min(options.lifecycle_ring) / 4).min(WAKEUP),
            bulk_bytes: options.bulk_ring,
            typed: u32::from(types.has_typed_task()),
        };
        let absent = types.absent();
        drop(types);
        for size in [options.lifecycle_ring, options.bulk_ring] {
            let small_enough = usize::try_from(size).is_ok_and(|size| size <= LARGEST_RING);
            if size < 4096 || !size.is_power_of_two() || !small_enough {
                return Err(LoadError::RingSize(size));
            }
        }
        let cpus = nr_cpus().map_err(|(what, e)| LoadError::Cpus(what, e))?;
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
            .map_err(|e| LoadError::Object(Box::new(e)))?;
        let mut kernel = Self {
            object,
            probes: Vec::new(),
            links: Vec::new(),
            rings: [options.lifecycle_ring, options.bulk_ring],
            counting: count(options.run_times),
            installed: Installed::default(),
        };
        kernel.learn_own_process();
        kernel.attach_all(&absent)?;
        kernel.watch(|_| true)?;
        Ok(kernel)
    }

    /// What became of each probe.
    pub fn probes(&self) -> &[ProbeStatus] {
        &self.probes
    }

    /// Which system calls are to be delivered, by the name of their event: the others end in the
    /// dispatcher. Starts and ends of processes always are, the process table lives on them.
    pub fn watch(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<(), LoadError> {
        let loaded = |handler: u16| {
            self.probes.iter().any(|status| {
                status.probe.hook == Hook::SyscallHandler(handler) && status.attached()
            })
        };
        let words = interest_table(|name, handler| loaded(handler) && is_wanted(name));
        let map = self
            .object
            .map_mut("INTEREST")
            .ok_or(LoadError::NoMap("INTEREST"))?;
        let failed = |e| LoadError::Map("INTEREST", e);
        let mut table = Array::<_, u32>::try_from(map).map_err(failed)?;
        for (number, word) in (0..INTEREST_SLOTS).zip(words) {
            table.set(number, word, 0).map_err(failed)?;
        }
        Ok(())
    }

    /// Takes every probe off. Programs and maps stay readable: what was lost until now can still be
    /// told. A program that is just running ends a moment later.
    pub fn detach(&mut self) {
        self.links.clear();
    }

    /// The rings. Once only: the second call fails with [`LoadError::NoMap`].
    pub fn lanes(&mut self) -> Result<Lanes, LoadError> {
        let lifecycle = self.ring("LIFECYCLE")?;
        let bulk = self.ring("BULK")?;
        Lanes::new(lifecycle, bulk, self.rings[0] as usize).map_err(LoadError::Wake)
    }

    /// Bytes of the lifecycle and the bulk ring.
    pub fn ring_sizes(&self) -> [u64; 2] {
        self.rings.map(u64::from)
    }

    fn ring(&mut self, name: &'static str) -> Result<RingBuf<MapData>, LoadError> {
        let map = self.object.take_map(name).ok_or(LoadError::NoMap(name))?;
        RingBuf::try_from(map).map_err(|e| LoadError::Map(name, e))
    }

    /// The process id of the agent as records have it, which is that of the initial pid namespace.
    pub fn own_process(&self) -> Option<u32> {
        let map = self.object.map("OWN_TGID")?;
        let own = Array::<_, u32>::try_from(map).ok()?.get(&0, 0).ok()?;
        (own != 0).then_some(own)
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
            let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
            if namespace.as_os_str() != INITIAL_PID_NAMESPACE {
                // Our number there is not known, and the one here is somebody else's there.
                tracing::warn!(%error, "the agent will see its own events");
                return;
            }
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

    /// `absent` are the members that this kernel's structs do not have.
    fn attach_all(&mut self, absent: &[&str]) -> Result<(), LoadError> {
        let lacks = |probe: &Probe| {
            let mut names = needed(probe.program).iter();
            names.find(|&name| absent.contains(name)).copied()
        };
        let mut refused = verify(&mut self.object, |program| {
            PROBES
                .iter()
                .any(|probe| probe.program == program && lacks(probe).is_none())
        });
        for probe in PROBES {
            let attached = match (lacks(probe), refused.remove(probe.program)) {
                (Some(name), _) => Err(AttachError::Absent(name)),
                (_, Some(error)) => Err(AttachError::Program(error)),
                _ => attach(&mut self.object, probe, &mut self.links),
            };
            let error = attached.err().map(|e| chain(&e));
            let verified = verified_instructions(&mut self.object, probe.program);
            self.probes.push(ProbeStatus {
                probe,
                error,
                verified,
            });
        }
        match self.probes.iter().find(|status| !status.attached()) {
            Some(status) if !self.probes.iter().any(ProbeStatus::attached) => {
                Err(LoadError::Nothing(status.clone()))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Kernel {
    /// Takes the probes off and empties the program array. It refers to the programs and they to it, and the kernel
    /// breaks that ring only when the last descriptor of the array is closed; a tool that lists
    /// maps at that moment would make it stay.
    fn drop(&mut self) {
        self.detach();
        let Some(map) = self.object.map_mut("HANDLERS") else {
            return;
        };
        let Ok(mut handlers) = ProgramArray::try_from(map) else {
            return;
        };
        for probe in PROBES {
            if let Hook::SyscallHandler(index) = probe.hook {
                // Fails for a handler that was never there.
                let _cleared = handlers.clear_index(&u32::from(index)).is_ok();
            }
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
    #[error("this kernel's BTF lacks {0}")]
    Absent(&'static str),
}

/// Without it the programs run all the same.
fn count(wanted: bool) -> Option<OwnedFd> {
    if !wanted {
        return None;
    }
    let counting = count_run_time();
    if let Err(error) = &counting {
        tracing::warn!(%error, "the kernel does not count the run time of programs");
    }
    counting.ok()
}

fn raw_tracepoint<'a>(
    object: &'a mut Ebpf,
    name: &str,
) -> Result<&'a mut RawTracePoint, ProgramError> {
    let program = object.program_mut(name).ok_or(ProgramError::NotLoaded)?;
    program.try_into()
}

/// Loads the wanted programs; returns those that the kernel refused.
///
/// On every CPU: the verifier takes most of the agent's start, one program at a time, and several at once where
/// `CAP_BPF` is held (`bpf_check`, `kernel/bpf/verifier.c`).
fn verify(object: &mut Ebpf, is_wanted: impl Fn(&str) -> bool) -> HashMap<String, ProgramError> {
    let wanted = object.programs_mut().filter(|(name, _)| is_wanted(name));
    let waiting = Mutex::new(wanted.collect::<Vec<_>>());
    let refused = Mutex::new(HashMap::new());
    let work = || {
        loop {
            // A statement of its own: in the head of a loop the lock would be held through its body.
            let Some((name, program)) = lock(&waiting).pop() else {
                break;
            };
            let program: Result<&mut RawTracePoint, _> = program.try_into();
            if let Err(error) = program.and_then(RawTracePoint::load) {
                lock(&refused).insert(name.to_owned(), error);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(PROBES.len()) {
            scope.spawn(work);
        }
        work();
    });
    refused.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn attach(
    object: &mut Ebpf,
    probe: &Probe,
    links: &mut Vec<RawTracePointLink>,
) -> Result<(), AttachError> {
    let program = raw_tracepoint(object, probe.program)?;
    match probe.hook {
        Hook::RawTracepoint(name) => {
            let id = program
                .attach(name)
                .or_else(|error| match older_name(name) {
                    Some(older) => program.attach(older),
                    None => Err(error),
                })?;
            links.push(program.take_link(id)?);
            Ok(())
        }
        Hook::SyscallHandler(index) => {
            let fd = program.fd()?.try_clone().map_err(ProgramError::IOError)?;
            let handlers = object
                .map_mut("HANDLERS")
                .ok_or(AttachError::NoMap("HANDLERS"))?;
            ProgramArray::try_from(handlers)?.set(u32::from(index), &fd, 0)?;
            Ok(())
        }
    }
}

fn verified_instructions(object: &mut Ebpf, program: &str) -> Option<u32> {
    let program = raw_tracepoint(object, program).ok()?;
    program.info().ok()?.verified_instruction_count()
}

/// The interest table for the calls whose event and handler are wanted: one word per system call
/// number.
fn interest_table(is_wanted: impl Fn(&str, u16) -> bool) -> Vec<u32> {
    let mut words = vec![0_u32; INTEREST_SLOTS as usize];
    let mut enter = |numbers: &[u32], bits: u32| {
        for &number in numbers {
            if let Some(word) = words.get_mut(number as usize) {
                *word |= bits;
            }
        }
    };
    let mut enter_call = |native: &[u32], narrow: &[u32], half: u32| {
        enter(native, half);
        enter(narrow, half << 16);
        if narrow
            .iter()
            .any(|&number| number >= compat::SOCKETCALL_BASE)
        {
            let by_sub_call = u32::from(handler::SOCKETCALL) << 16;
            enter(&[compat::SOCKETCALL], by_sub_call);
        }
    };
    for call in x86_64::TABLE {
        if is_wanted(call.name, call.handler) {
            enter_call(call.native, call.compat, u32::from(call.handler));
        }
    }
    for (row, call) in (0..=u8::MAX).zip(call::TABLE) {
        let half = half_of_row(row, &call.spec);
        if is_wanted(call.name, handler_of(half)) {
            enter_call(call.native, call.compat, half.into());
        }
    }
    words
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_can_mean_two_calls() {
        let words = interest_table(|_, _| true);
        // 5 is open in the compat table and fstat natively; 59 is execve natively.
        assert_eq!(words[5], u32::from(handler::OPEN) << 16);
        assert_eq!(words[59], u32::from(handler::EXEC_FAILED));
        let open = u32::from(handler::OPEN);
        assert_eq!(words[437], open | open << 16, "openat2 has one number");
        assert_eq!(words[110], 0, "getppid");
    }

    #[test]
    fn unwanted_calls_have_no_entry() {
        let words = interest_table(|_, handler| handler == handler::CONNECT);
        assert_eq!(words[257], 0);
        assert_eq!(words[42], u32::from(handler::CONNECT));
        let sub_call = |number| words[compat::socketcall(number) as usize] >> 16;
        assert_eq!(words[102] >> 16, u32::from(handler::SOCKETCALL));
        assert_eq!(sub_call(3), u32::from(handler::CONNECT));
        assert_eq!(sub_call(1), 0, "socket");
        let none = interest_table(|_, handler| handler == handler::OPEN);
        assert_eq!(none[102] >> 16, 0, "no sub-call is wanted");
        let shutdown = interest_table(|name, _| name == "shutdown");
        assert_eq!(shutdown[102] >> 16, u32::from(handler::SOCKETCALL));
        let words = interest_table(|name, _| name == "unlinkat");
        let unlinkat = words[263] & 0xffff;
        assert_eq!(handler_of(unlinkat as u16), handler::CALL_PATH);
        let row = usize::from(komainu_common::syscalls::row_of(unlinkat as u16));
        assert_eq!(call::TABLE[row].name, "unlinkat");
        assert_eq!(words[87], 0, "unlink");
    }

    /// Each half of a word means one call.
    #[test]
    fn no_number_is_taken_twice() {
        let mut taken = std::collections::BTreeSet::new();
        let own = x86_64::TABLE.iter().map(|call| (call.native, call.compat));
        let rows = call::TABLE.iter().map(|row| (row.native, row.compat));
        for (native, compat) in own.chain(rows) {
            for number in native {
                assert!(taken.insert((false, *number)), "native {number}");
            }
            for number in compat {
                assert!(taken.insert((true, *number)), "compat {number}");
            }
        }
    }
}
