//! The record of a system call that is a row of the table: what a test says of its parameters is put
//! where the table of event types takes it from.

use komainu_common::{
    call::{CALL_RESOLVED, Call, NO_ARGUMENT, Row, shape},
    item::tag,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::case::{Argument, Case};
use super::network::{self, Needs};
use super::record::{AT_FDCWD, Entry, record, result};
use crate::event::flags::low;
use crate::event::{Param, ParamKind, Source, event_type};

const REGULAR_FILE: u32 = 0o100_644;

/// Bytes of the record; the error says what the test lacks.
pub(super) fn encode(case: &Case, index: u32, row: &Row) -> Result<Vec<u8>, String> {
    let ty = event_type(row.name).ok_or_else(|| format!("`{}` is no event", row.name))?;
    let mut call = Call::new_zeroed();
    call.row = index;
    for path in &row.spec.paths {
        if let Some(dirfd) = call.args.get_mut(usize::from(path.dirfd)) {
            *dirfd = i64::from(AT_FDCWD).cast_unsigned();
        }
    }
    let mut items = Items::default();
    for (name, value) in &case.event.args {
        let param = ty.params.iter().find(|param| param.name == name);
        let param = param.ok_or_else(|| format!("`{}` has no parameter `{name}`", row.name))?;
        place(param, value, &mut call, &mut items).map_err(|error| format!("`{name}`: {error}"))?;
    }
    items.relative_to(case.process.directory());
    if row.spec.shape == shape::DESCRIPTOR {
        object(case, &mut call, &mut items)?;
    } else if case.file.is_some() || case.socket.is_some() {
        return Err(format!("`{}` has neither `file` nor `socket`", row.name));
    }
    let entry = Entry::of(&row.native, &row.compat);
    let ret = result(case, 0)?;
    let items: Vec<_> = items
        .0
        .iter()
        .map(|(tag, value)| (*tag, &**value))
        .collect();
    Ok(record(
        case,
        row.spec.class,
        entry,
        ret,
        call.as_bytes(),
        &items,
    ))
}

/// The items of the record.
#[derive(Default)]
struct Items(Vec<(u8, Vec<u8>)>);

impl Items {
    fn push(&mut self, tag: u8, value: &[u8]) {
        self.0.push((tag, value.to_vec()));
    }

    /// Adds the directory that relative paths start from.
    fn relative_to(&mut self, directory: &str) {
        for (user, base) in [
            (tag::USER_PATH, tag::BASE_PATH),
            (tag::USER_PATH_2, tag::BASE_PATH_2),
        ] {
            let relative = |(tag, value): &(u8, Vec<u8>)| *tag == user && !value.starts_with(b"/");
            if self.0.iter().any(relative) {
                self.push(base, directory.as_bytes());
            }
        }
    }
}

/// What the descriptor stands for.
fn object(case: &Case, call: &mut Call, items: &mut Items) -> Result<(), String> {
    if let Some(socket) = &case.socket {
        network::check(socket, Needs::Peer)?;
        items.push(tag::SOCKET, network::sock(socket).as_bytes());
        if let Some(path) = &socket.path {
            items.push(tag::UNIX_PATH, path.as_bytes());
        }
    } else if let Some(file) = &case.file {
        let path = file.resolved.as_ref().unwrap_or(&file.name);
        items.push(tag::KERNEL_PATH, path.as_bytes());
        call.inode_mode = REGULAR_FILE;
    } else {
        return Ok(());
    }
    call.facts = CALL_RESOLVED;
    call.inode = 1;
    Ok(())
}

/// Puts the value of a parameter where its decoder looks for it.
fn place(
    param: &Param,
    value: &Argument,
    call: &mut Call,
    items: &mut Items,
) -> Result<(), String> {
    match param.source {
        Source::Arg(index) | Source::Long(index) | Source::Id(index) => {
            let value = number(param.kind, value)?;
            let arg = call.args.get_mut(usize::from(index));
            *arg.ok_or("is no argument")? = value;
        }
        Source::Of(make) => invert(make, number(param.kind, value)?, &mut call.args)?,
        Source::Path => items.push(tag::USER_PATH, text(value)?),
        Source::Path2 => items.push(tag::USER_PATH_2, text(value)?),
        Source::Text => items.push(tag::STRING, text(value)?),
        Source::Text2 => items.push(tag::STRING_2, text(value)?),
        Source::Bytes => items.push(tag::BYTES, text(value)?),
        Source::Result => return Err("is given by `event.result`".into()),
        Source::Words(make) => items.push(tag::BYTES, &words(make, number(param.kind, value)?)?),
        Source::Item(tag) => items.push(tag, text(value)?),
        Source::Task(_) | Source::Comm | Source::Exe | Source::Args => {
            return Err("is given by `process`".into());
        }
        Source::Caller(_) | Source::Decoder => {
            return Err("cannot be given".into());
        }
    }
    Ok(())
}

/// The words, as bytes, that give this value.
fn words(make: fn(&[u32; 6]) -> u64, wanted: u64) -> Result<Vec<u8>, String> {
    let mut words = [0; 6];
    invert(|words| make(&words.map(low)), wanted, &mut words)?;
    Ok(words.map(low).as_bytes().to_vec())
}

/// The argument that gives this value, found by trial: bit by bit, else number by number.
fn invert(make: impl Fn(&[u64; 6]) -> u64, wanted: u64, args: &mut [u64; 6]) -> Result<(), String> {
    /// Numbers of ptrace(2) end before.
    const NUMBERS: u64 = 0x4300;
    for index in 0..usize::from(NO_ARGUMENT).min(args.len()) {
        let with = |value: u64| {
            let mut tried = *args;
            if let Some(arg) = tried.get_mut(index) {
                *arg = value;
            }
            tried
        };
        let bits = (0..32).map(|bit| 1_u64 << bit);
        let none = make(&with(0));
        let set = bits.filter(|bit| (make(&with(*bit)) & !none) & wanted != 0);
        let bits = set.fold(0, |all, bit| all | bit);
        let mut candidates = std::iter::once(bits).chain(0..NUMBERS);
        if let Some(found) = candidates.find(|value| make(&with(*value)) == wanted) {
            *args = with(found);
            return Ok(());
        }
    }
    Err(format!("no argument gives {wanted}"))
}

fn text(value: &Argument) -> Result<&[u8], String> {
    match value {
        Argument::Text(text) => Ok(text.as_bytes()),
        _ => Err("must be a text".into()),
    }
}

/// A number, or the one that the names stand for.
fn number(kind: ParamKind, value: &Argument) -> Result<u64, String> {
    let table = match kind {
        ParamKind::Flags(table) | ParamKind::Enum(table) | ParamKind::Mode(table) => table,
        _ => &[],
    };
    let value_of = |name: &str| {
        let flag = table.iter().find(|flag| flag.name == name);
        flag.map(|flag| flag.value)
            .ok_or_else(|| format!("`{name}` is no name of a value"))
    };
    match value {
        Argument::Number(number) => Ok(number.cast_unsigned()),
        Argument::Text(name) => value_of(name),
        Argument::Names(names) => names
            .iter()
            .try_fold(0, |bits, name| Ok(bits | value_of(name)?)),
    }
}
