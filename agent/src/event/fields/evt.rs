//! Fields of the event itself: `evt.*`, `syscall.*`.

use komainu_common::Class;

use super::FieldType::{Bool, Bytes, Duration, Dynamic, Int16, Int64, Text, Time, Uint32, Uint64};
use super::{ArgKind, Availability, Field, FieldArg, FieldValue, Scope, args};
use crate::event::{ParamKind, Value, errno_name};

const CAPTURE: Availability = Availability::Never(
    "counts from the start of a capture, which an agent that runs on does not have",
);
const ENTER: Availability = Availability::Never("calls are seen at their end only");
const PREVIOUS: Availability = Availability::Never(
    "events that no rule needs end in the kernel, so the one before is not known",
);
const OUTPUT: Availability =
    Availability::Never("no clock is read while a rule is evaluated or printed");
const WAITS: Availability = Availability::Never("no probe delivers calls that wait");
const PLUGINS: Availability = Availability::Never("there are no plugins");

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("evt.num", Uint64, |s, _| Some(FieldValue::Uint(s.event.number)),
        "Number of the event in this run of the agent, from 1. `evt.num=0` is never true."),
    Field::one("evt.time", Text, |s, _| Some(FieldValue::Bytes(time_text(s))),
        "Time of day of the event, `HH:MM:SS.nnnnnnnnn`, in UTC. In JSON: nanoseconds since the Unix epoch."),
    Field::one("evt.time.s", Text, |s, _| Some(FieldValue::Bytes(seconds_text(s))),
        "Time of day of the event without fraction, in UTC."),
    Field::one("evt.time.iso8601", Text, |s, _| Some(FieldValue::Bytes(iso_text(s))),
        "Time of the event as ISO 8601 in UTC, with nanoseconds."),
    Field::one("evt.datetime", Text, |s, _| Some(FieldValue::Bytes(date_text(s, s.event.time))),
        "Date and time of the event, in UTC."),
    Field::one("evt.rawtime", Time, |s, _| Some(FieldValue::Uint(s.event.time)),
        "Time of the event, nanoseconds since the Unix epoch."),
    Field::one("evt.rawtime.s", Time, |s, _| Some(FieldValue::Uint(s.event.time / SECOND)),
        "Whole seconds of `evt.rawtime`."),
    Field::one("evt.rawtime.ns", Time, |s, _| Some(FieldValue::Uint(s.event.time % SECOND)),
        "Nanoseconds of `evt.rawtime` beyond its seconds."),
    Field::absent("evt.reltime", Duration, CAPTURE, "Nanoseconds since the capture began."),
    Field::absent("evt.reltime.s", Duration, CAPTURE, "Seconds since the capture began."),
    Field::absent("evt.reltime.ns", Duration, CAPTURE, "Fraction of `evt.reltime.s`."),
    Field::absent("evt.latency", Duration, ENTER, "Time between a call's enter and exit events.").deprecated(),
    Field::absent("evt.latency.s", Duration, ENTER, "Seconds of `evt.latency`.").deprecated(),
    Field::absent("evt.latency.ns", Duration, ENTER, "Nanoseconds of `evt.latency`.").deprecated(),
    Field::absent("evt.latency.human", Text, ENTER, "`evt.latency` for people.").deprecated(),
    Field::absent("evt.wait_latency", Duration, ENTER, "Time spent waiting.").deprecated(),
    Field::absent("evt.deltatime", Duration, PREVIOUS, "Time since the previous event."),
    Field::absent("evt.deltatime.s", Duration, PREVIOUS, "Seconds of `evt.deltatime`."),
    Field::absent("evt.deltatime.ns", Duration, PREVIOUS, "Nanoseconds of `evt.deltatime`."),
    Field::absent("evt.outputtime", Uint64, OUTPUT, "Time of the output."),
    Field::one("evt.dir", Text, |_, _| Some(FieldValue::text("<")),
        "Always `<`: only the end of a call is an event.").deprecated(),
    Field::one("evt.type", Text, |s, _| Some(FieldValue::text(s.event.ty.name)),
        "Name of the event, as in `syscalls(2)`. A successful `execveat` is an `execve`."),
    Field::one("syscall.type", Text, |s, _| Some(FieldValue::text(s.event.ty.name)),
        "Name of the system call."),
    Field::one("evt.type.is", Uint32, type_is,
        "1 where the event is of the type given behind the dot, else 0.").arg(ArgKind::Suffix),
    Field::one("evt.category", Text, |s, _| Some(FieldValue::text(category(s))),
        "Family of the event: `file`, `net`, `process` and so on."),
    Field::one("evt.cpu", Int16, |s, _| Some(FieldValue::Int(s.event.cpu.into())),
        "Number of the CPU the event happened on."),
    Field::one("evt.source", Text, |_, _| Some(FieldValue::text("syscall")), "Source of the event."),
    Field::one("evt.hostname", Text, |s, _| Some(FieldValue::text(s.world.hostname())), "Name of this machine."),
    Field::one("evt.args", Text, |s, _| Some(FieldValue::Bytes(args::all(s))),
        "All parameters, as `name=value(interpretation)`."),
    Field::one("evt.arg", Text, arg_text,
        "Text of one parameter, by name or number: flags as names, paths made absolute, users by name. \
         Absent where the event has no such parameter.").arg(ArgKind::Parameter).path(),
    Field::one("evt.rawarg", Dynamic, raw_arg,
        "Value of one parameter as it is, by name.").arg(ArgKind::ParameterName).no_transformer(),
    Field::one("evt.info", Text, |s, _| Some(FieldValue::Bytes(args::all(s))), "The same as `evt.args`."),
    Field::one("evt.buffer", Bytes, buffer,
        "Beginning of the data that the call sent or received, at most 80 bytes. Absent for events without data."),
    Field::one("evt.buflen", Uint64, |s, a| buffer(s, a).and_then(length),
        "Length of `evt.buffer`."),
    Field::one("evt.res", Text, result_text,
        "`SUCCESS`, or the name of the error such as `ENOENT`. Absent where the event has no result."),
    Field::one("evt.rawres", Int64, |s, _| s.event.ret.map(FieldValue::Int),
        "Return value. Absent where the event has none."),
    Field::one("evt.failed", Bool, |s, _| s.event.ret.map(|ret| FieldValue::Bool(ret < 0)),
        "Whether the call failed. Absent where the event has no result."),
    Field::one("evt.is_io", Bool, |s, _| Some(FieldValue::Bool(io(s).is_some())),
        "Whether the event reads or writes data: `send*` and `recv*`."),
    Field::one("evt.is_io_read", Bool, |s, _| Some(FieldValue::Bool(io(s) == Some(Io::Read))),
        "Whether the event reads data: `recv*`."),
    Field::one("evt.is_io_write", Bool, |s, _| Some(FieldValue::Bool(io(s) == Some(Io::Write))),
        "Whether the event writes data: `send*`."),
    Field::one("evt.io_dir", Text, |s, _| io(s).map(|io| FieldValue::text(io.name())),
        "`read` or `write` for events that do; absent for others."),
    Field::absent("evt.is_wait", Bool, WAITS, "Whether the call waits."),
    Field::one("evt.is_syslog", Bool, |s, _| Some(FieldValue::Bool(is_syslog(s))),
        "Whether the event writes to the system log: to a descriptor whose name has `/dev/log` in it."),
    Field::one("evt.is_async", Bool, |s, _| Some(FieldValue::Bool(s.event.ty.name == "notification")),
        "Whether the event does not come from a process."),
    Field::absent("evt.asynctype", Text, PLUGINS, "Name of an asynchronous event."),
    Field::one("evt.count", Uint32, |_, _| Some(FieldValue::Uint(1)), "Always 1."),
    Field::one("evt.count.error", Uint32, |s, _| failed(s), "1 where the call failed."),
    Field::one("evt.count.error.file", Uint32, |s, _| failed(s).filter(|_| category(s) == "file"),
        "1 for failed file events."),
    Field::one("evt.count.error.net", Uint32, |s, _| failed(s).filter(|_| category(s) == "net"),
        "1 for failed network events."),
    Field::one("evt.count.error.memory", Uint32, |s, _| failed(s).filter(|_| is_memory(s)), "1 for failed memory events."),
    Field::one("evt.count.error.other", Uint32, |s, _| failed(s).filter(|_| !matches!(category(s), "file" | "net") && !is_memory(s)),
        "1 for failed events that are of neither files, network nor memory."),
    Field::one("evt.count.exit", Uint32, |_, _| Some(FieldValue::Uint(1)), "Always 1: every event is the end of a call."),
    Field::one("evt.count.procinfo", Uint32, |s, _| Some(is_named(s, "procinfo")), "1 for procinfo events."),
    Field::one("evt.count.threadinfo", Uint32, |s, _| Some(is_named(s, "procinfo")), "1 for procinfo events."),
    Field::absent("evt.around", Uint64, CAPTURE, "Events around a time.").arg(ArgKind::Required).filter_only(),
    Field::one("evt.abspath", Text, absolute_path,
        "Absolute path of a parameter: `evt.abspath` itself, or `.src`, `.dst` behind a dot.")
        .arg(ArgKind::Suffix).path(),
    Field::one("evt.is_open_read", Bool, |s, _| Some(FieldValue::Bool(opens(s, READ))),
        "Whether the event is open, openat, openat2 or open_by_handle_at for reading, successful or not."),
    Field::one("evt.is_open_write", Bool, |s, _| Some(FieldValue::Bool(opens(s, WRITE))),
        "The same for writing."),
    Field::one("evt.is_open_exec", Bool, |s, _| Some(FieldValue::Bool(opens_exec(s))),
        "Whether the event creates a file with an execute bit (open family with O_CREAT or O_TMPFILE, creat)."),
    Field::one("evt.is_open_create", Bool, |s, _| Some(FieldValue::Bool(opens_create(s))),
        "Whether the event created a file."),
    Field::absent("evt.plugininfo", Text, PLUGINS, "Information of a plugin."),
    Field::absent("evt.pluginname", Text, PLUGINS, "Name of a plugin."),
];

const SECOND: u64 = 1_000_000_000;

/// Bits of the `flags` parameter, as Falco numbers them.
const READ: u64 = 1;
const WRITE: u64 = 1 << 1;
const CREATE: u64 = 1 << 2;
const TMPFILE: u64 = 1 << 13;
const CREATED: u64 = 1 << 14;

fn time(scope: &Scope<'_>, nanoseconds: u64) -> jiff::Timestamp {
    let _ = scope;
    jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

fn time_text<'a>(scope: &Scope<'a>) -> &'a [u8] {
    let at = time(scope, scope.event.time);
    scope.format(format_args!("{}", at.strftime("%H:%M:%S.%9f")))
}

fn seconds_text<'a>(scope: &Scope<'a>) -> &'a [u8] {
    scope.format(format_args!(
        "{}",
        time(scope, scope.event.time).strftime("%H:%M:%S")
    ))
}

fn iso_text<'a>(scope: &Scope<'a>) -> &'a [u8] {
    let at = time(scope, scope.event.time);
    scope.format(format_args!(
        "{}",
        at.strftime("%Y-%m-%dT%H:%M:%S.%9f+0000")
    ))
}

/// Date and time of an instant, nanoseconds since the Unix epoch.
pub(super) fn date_text<'a>(scope: &Scope<'a>, nanoseconds: u64) -> &'a [u8] {
    let at = time(scope, nanoseconds);
    scope.format(format_args!("{}", at.strftime("%Y-%m-%d %H:%M:%S.%9f")))
}

fn type_is<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<FieldValue<'a>> {
    let FieldArg::Key(name) = arg else {
        return None;
    };
    Some(FieldValue::Uint((scope.event.ty.name == &**name).into()))
}

/// What an event does with the data of its descriptor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Io {
    Read,
    Write,
}

impl Io {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// By class, which is that of what is delivered.
fn io(scope: &Scope<'_>) -> Option<Io> {
    match scope.event.ty.class? {
        Class::RECEIVE => Some(Io::Read),
        Class::SEND => Some(Io::Write),
        _ => None,
    }
}

fn is_syslog(scope: &Scope<'_>) -> bool {
    let log = b"/dev/log";
    io(scope) == Some(Io::Write)
        && super::fd::fd(scope).is_some_and(|fd| {
            let name = super::fd::name(scope, fd);
            name.windows(log.len()).any(|part| part == log)
        })
}

fn category(scope: &Scope<'_>) -> &'static str {
    crate::event::family(scope.event.ty)
}

fn arg_text<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<FieldValue<'a>> {
    args::text(scope, position(scope, arg)?).map(FieldValue::Bytes)
}

fn raw_arg<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<FieldValue<'a>> {
    let (kind, value) = args::param(scope.event, position(scope, arg)?)?;
    args::raw(kind, value)
}

/// Position of the parameter that an argument names.
fn position(scope: &Scope<'_>, arg: &FieldArg) -> Option<usize> {
    match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => usize::try_from(*index).ok(),
        FieldArg::Key(name) => scope.event.ty.param(name),
    }
}

/// Value of the parameter called `name`.
fn value<'a>(scope: &Scope<'a>, name: &str) -> Option<Value<'a>> {
    scope.event.params.get(scope.event.ty.param(name)?).copied()
}

fn buffer<'a>(scope: &Scope<'a>, _: &FieldArg) -> Option<FieldValue<'a>> {
    match value(scope, "data")? {
        Value::Bytes(bytes) => Some(FieldValue::Bytes(bytes)),
        _ => None,
    }
}

fn length(value: FieldValue<'_>) -> Option<FieldValue<'_>> {
    let FieldValue::Bytes(bytes) = value else {
        return None;
    };
    u64::try_from(bytes.len()).ok().map(FieldValue::Uint)
}

fn result_text<'a>(scope: &Scope<'a>, _: &FieldArg) -> Option<FieldValue<'a>> {
    let ret = scope.event.ret?;
    if ret >= 0 {
        return Some(FieldValue::text("SUCCESS"));
    }
    let name = ret.checked_neg().and_then(errno_name);
    Some(name.map_or_else(
        || FieldValue::Bytes(scope.format(format_args!("{ret}"))),
        FieldValue::text,
    ))
}

fn failed<'a>(scope: &Scope<'a>) -> Option<FieldValue<'a>> {
    scope
        .event
        .ret
        .filter(|ret| *ret < 0)
        .map(|_| FieldValue::Uint(1))
}

/// Whether the event is about a process's memory map.
fn is_memory(scope: &Scope<'_>) -> bool {
    matches!(
        scope.event.ty.name,
        "brk" | "mmap" | "mmap2" | "munmap" | "mprotect" | "mremap"
    )
}

fn is_named<'a>(scope: &Scope<'_>, name: &str) -> FieldValue<'a> {
    FieldValue::Uint((scope.event.ty.name == name).into())
}

/// Value of a numeric parameter.
pub(super) fn number(scope: &Scope<'_>, name: &str) -> Option<u64> {
    match value(scope, name)? {
        Value::Uint(number) => Some(number),
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
}

fn opens(scope: &Scope<'_>, access: u64) -> bool {
    let name = scope.event.ty.name;
    matches!(name, "open" | "openat" | "openat2" | "open_by_handle_at")
        && number(scope, "flags").is_some_and(|flags| flags & access != 0)
}

fn opens_exec(scope: &Scope<'_>) -> bool {
    let creates = match scope.event.ty.name {
        "open" | "openat" | "openat2" => {
            number(scope, "flags").is_some_and(|flags| flags & (CREATE | TMPFILE) != 0)
        }
        "creat" => true,
        _ => false,
    };
    creates && number(scope, "mode").is_some_and(|mode| mode & 0o111 != 0)
}

fn opens_create(scope: &Scope<'_>) -> bool {
    let Some(flags) = number(scope, "flags") else {
        return false;
    };
    let opens = matches!(
        scope.event.ty.name,
        "open" | "openat" | "openat2" | "open_by_handle_at"
    );
    let succeeded = scope.event.ret.is_some_and(|ret| ret >= 0);
    opens && (flags & CREATED != 0 || (flags & TMPFILE != 0 && succeeded))
}

fn absolute_path<'a>(scope: &Scope<'a>, arg: &FieldArg) -> Option<FieldValue<'a>> {
    let wanted: &[&str] = match arg {
        FieldArg::Key(side) if &**side == "src" => &["oldpath", "target"],
        FieldArg::Key(side) if &**side == "dst" => &["newpath", "linkpath"],
        _ => &["path", "name", "filename"],
    };
    let params = scope.event.ty.params.iter().zip(&scope.event.params);
    let mut paths = params.filter(|(param, _)| {
        matches!(param.kind, ParamKind::Path | ParamKind::RelPath) && wanted.contains(&param.name)
    });
    match paths.next()?.1 {
        Value::Path(path) => Some(FieldValue::Bytes(scope.path(path))),
        _ => None,
    }
}
