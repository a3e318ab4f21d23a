//! Fields of the exec session that the event happened in: `session.*`. Outside of one, all are absent.
//!
//! Sessions are known in user space only: to the kernel's filter every comparison with these counts as true.

use super::FieldType::{Bool, Duration, Int64, Text, Time, Uint32, Uint64};
use super::{Field, FieldValue, Getter, Many, Scope};
use crate::event::Session;

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("session.id", Text, |s, _| Some(FieldValue::text(&s.session()?.id)),
        "Id of the exec session, the same for everything in it and unique over machines and boots; absent outside of sessions, \
         as all of `session.*`."),
    Field::one("session.kind", Text, |s, _| Some(FieldValue::text(s.session()?.kind.name())),
        "`exec`: somebody had a runtime start a process in a running container (`kubectl exec`, `crictl exec`, `docker exec`, \
         probes that run a command)."),
    Field::one("session.tty", Bool, |s, _| Some(FieldValue::Bool(s.session()?.tty)),
        "Whether its root command had a terminal when it started, as with `kubectl exec -t`."),
    Field::one("session.start", Time, |s, _| nonzero(s.session()?.start), "When its root process was made."),
    Field::one("session.duration", Duration, |s, _| duration(s, s.session()?), "Nanoseconds since `session.start`."),
    Field::one("session.pid", Int64, |s, _| Some(FieldValue::Int(s.session()?.root.tgid.into())),
        "Process id of its root in the initial pid namespace."),
    Field::one("session.uid", Uint32, |s, _| Some(FieldValue::Uint(s.session()?.uid.into())),
        "Effective user id of its root command when it started."),
    Field::one("session.user", Text, |s, _| Some(super::user::user_name(s, s.session()?.uid)),
        "Name of `session.uid`, as `user.name` has it."),
    Field::one("session.name", Text, |s, _| Some(FieldValue::Bytes(&s.session()?.name)), "`proc.name` of its root command."),
    Field::one("session.exe", Text, |s, _| Some(FieldValue::Bytes(&s.session()?.exe)), "`proc.exe` of its root command."),
    Field::one("session.exepath", Text, |s, _| Some(FieldValue::Bytes(&s.session()?.exe_path)), "`proc.exepath` of its root command."),
    Field::one("session.cmdline", Text, |s, _| Some(FieldValue::Bytes(&s.session()?.cmdline)), "`proc.cmdline` of its root command."),
    Field::one("session.partial", Bool, |s, _| Some(FieldValue::Bool(s.session()?.partial)),
        "Whether it began before the agent, so that what ran before is not known."),
    Field::with("session.commands", Text, Getter::Many(Many::List, |s, _, each| commands(s, each)),
        "Command lines run in it so far, each different one once, up to `sessions.commands` and `sessions.command_bytes`. \
         A list: only `in` and `intersects` work on it."),
    Field::one("session.commands.run", Uint64, |s, _| Some(FieldValue::Uint(s.session()?.commands.run())),
        "Number of programs started in it so far."),
    Field::one("session.commands.omitted", Uint64, |s, _| Some(FieldValue::Uint(s.session()?.commands.omitted())),
        "Number of those whose command lines had no room in `session.commands`."),
    Field::one("session.processes", Uint64, |s, _| Some(FieldValue::Uint(s.session()?.processes)),
        "Number of processes that were in it so far."),
    Field::one("session.alerts", Uint64, |s, _| Some(FieldValue::Uint(s.session()?.alerts)),
        "Number of alerts about what happened in it so far."),
    Field::one("session.status", Int64, |s, _| Some(FieldValue::Int(s.session()?.exit_status()?.into())),
        "Exit status of its root command as a shell shows it, 128 and the signal if one ended it; absent while it runs."),
];

fn nonzero<'a>(time: u64) -> Option<FieldValue<'a>> {
    (time != 0).then_some(FieldValue::Uint(time))
}

fn duration<'a>(scope: &Scope<'_>, session: &Session) -> Option<FieldValue<'a>> {
    let start = Some(session.start).filter(|time| *time != 0)?;
    Some(FieldValue::Uint(scope.event.time.saturating_sub(start)))
}

fn commands<'a>(scope: &Scope<'a>, each: &mut dyn FnMut(FieldValue<'a>)) {
    let session = scope.session();
    let lines = session
        .into_iter()
        .flat_map(|session| session.commands.lines());
    lines.for_each(|line| each(FieldValue::Bytes(line)));
}
