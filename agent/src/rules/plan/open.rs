//! What comparisons of an open demand: its result, its flags, and what kind of file it gave.

use komainu_common::filter::source;

use super::conjunction::{Conjunction, Disjunction, Number, all_of, any_of};
use super::literal::{Demand, Literal, fixed_number, numbers};
use super::ranges::Ranges;
use crate::event::flags::{O_DIRECTORY, VFORK_FLAGS, kernel_namespace_bit, kernel_open_bits};
use crate::event::{EventType, Flag};
use crate::rules::eval::Test;

/// Conjunctions that one comparison may give.
pub(super) const MAX_PARTS: usize = 16;

const O_ACCMODE: u64 = 0o3;
const O_CREAT: u64 = 0o100;
/// `__O_TMPFILE` without the directory bit.
const TMPFILE: u64 = 0o20_000_000;

pub(super) fn succeeded() -> Disjunction {
    Conjunction::number(Number::whole(source::RESULT), Ranges::between(0, i64::MAX))
}

fn failed() -> Disjunction {
    Conjunction::number(Number::whole(source::RESULT), Ranges::between(i64::MIN, -1))
}

/// Flags under a mask that are one of the values.
fn flags(mask: u64, values: Ranges) -> Disjunction {
    let number = Number {
        source: source::OPEN_FLAGS,
        mask,
    };
    Conjunction::number(number, values)
}

/// All bits of the mask are set, or not all.
fn bits(mask: u64, set: bool) -> Disjunction {
    let all = Ranges::one(i64::try_from(mask).unwrap_or(i64::MAX));
    flags(mask, if set { all } else { all.complement() })
}

/// An opened file, or an opened directory.
pub(super) fn kind(directory: bool) -> Disjunction {
    all_of(
        vec![succeeded(), bits(O_DIRECTORY.into(), directory)],
        MAX_PARTS,
    )
}

/// `fd.num` of an open: what it returned, or -1.
pub(super) fn descriptor(literal: Literal<'_>) -> Demand {
    let Some(mut holds) = numbers(literal.test) else {
        return Demand::nothing("compares with another field");
    };
    if literal.negated {
        holds = holds.complement();
    }
    let mut values = holds.intersection(&Ranges::between(0, i64::MAX));
    if holds.contains(-1) {
        values = values.union(&Ranges::between(i64::MIN, -1));
    }
    Demand::of(Conjunction::number(Number::whole(source::RESULT), values))
}

/// `fd.type` of an open: absent where it failed.
pub(super) fn types(test: &Test) -> Demand {
    let cases = [("file", kind(false)), ("directory", kind(true))];
    let told = cases
        .into_iter()
        .filter(|(name, _)| test.holds_known(name) != Some(false));
    Demand::of(any_of(told.flat_map(|(_, case)| case).collect(), MAX_PARTS))
}

/// `fd.typechar` of an open, which every open has.
pub(super) fn letters(test: &Test, negated: bool, ty: &EventType) -> Demand {
    let on_failure = if ty.name == "open" { "o" } else { "f" };
    let cases = [
        ("f", kind(false)),
        ("d", kind(true)),
        (on_failure, failed()),
    ];
    let told = cases
        .into_iter()
        .filter(|(letter, _)| test.holds_known(letter) != Some(negated));
    Demand::of(any_of(told.flat_map(|(_, case)| case).collect(), MAX_PARTS))
}

/// `evt.is_open_read`, `evt.is_open_write`; never of `creat`.
pub(super) fn access(field: &str, literal: Literal<'_>) -> Demand {
    if literal.ty.name == "creat" {
        return fixed_number(0, literal);
    }
    let Some(values) = numbers(literal.test) else {
        return Demand::nothing("compares with another field");
    };
    // O_WRONLY is 1; 2 and 3 count as both.
    let yes = if field == "evt.is_open_read" {
        Ranges::new(vec![(0, 0), (2, 3)])
    } else {
        Ranges::between(1, 3)
    };
    let no = Ranges::between(0, 3).intersection(&yes.complement());
    let mut modes = Ranges::none();
    for (value, set) in [(1, yes), (0, no)] {
        if values.contains(value) != literal.negated {
            modes = modes.union(&set);
        }
    }
    if modes == Ranges::between(0, 3) {
        return Demand::decided(true);
    }
    Demand::of(flags(O_ACCMODE, modes))
}

/// `evt.is_open_exec`: the mode counts too, so that only its presence can be told.
pub(super) fn executable(literal: Literal<'_>) -> Demand {
    let holds_for = |value: i64| {
        numbers(literal.test).is_none_or(|values| values.contains(value) != literal.negated)
    };
    if literal.ty.name == "creat" || holds_for(0) {
        return Demand::nothing("the mode is in user space");
    }
    let creates = Ranges::one(0).complement();
    Demand::of(flags(O_CREAT | TMPFILE, creates))
}

/// `evt.arg.flags`: whether names of flags are among those that print. `case` is what the event is where the
/// name of a flag prints, or does not; `None` where the kernel cannot tell.
pub(super) fn flag_names(
    table: &[Flag],
    literal: Literal<'_>,
    case: impl Fn(&Flag, bool) -> Option<Disjunction>,
) -> Demand {
    let (needle, ignore_case) = match literal.test {
        Test::Contains(finder) => (finder.needle(), false),
        Test::ContainsIgnoringCase(needle) => (&**needle, true),
        _ => return Demand::nothing("only `contains` of a flag can be told"),
    };
    if needle.is_empty() || needle.contains(&b'|') {
        return Demand::nothing("only `contains` of a flag can be told");
    }
    let named = |flag: &&Flag| {
        let name = if ignore_case {
            flag.name.to_ascii_lowercase()
        } else {
            flag.name.to_owned()
        };
        memchr::memmem::find(name.as_bytes(), needle).is_some()
    };
    let cases: Option<Vec<Disjunction>> = table
        .iter()
        .filter(named)
        .map(|flag| case(flag, !literal.negated))
        .collect();
    let Some(cases) = cases else {
        return Demand::nothing("only the kernel's answer tells this flag");
    };
    Demand::of(if literal.negated {
        all_of(cases, MAX_PARTS)
    } else {
        any_of(cases.into_iter().flatten().collect(), MAX_PARTS)
    })
}

/// What the flags passed to an open are where a name prints, or does not.
pub(super) fn flag_case(flag: &Flag, prints: bool) -> Option<Disjunction> {
    let modes = match flag.value {
        // `O_NONE`: an access mode always prints.
        0 => {
            return Some(if prints {
                Vec::new()
            } else {
                vec![Conjunction::default()]
            });
        }
        1 => (0, 0),
        2 => (1, 1),
        3 => (2, 3),
        value => return Some(bits(kernel_open_bits(value)?.into(), prints)),
    };
    let set = Ranges::new(vec![modes]);
    Some(flags(
        O_ACCMODE,
        if prints { set } else { set.complement() },
    ))
}

/// The same for the calls that take `CLONE_*` flags.
pub(super) fn clone_case(ty: &EventType, flag: &Flag, prints: bool) -> Option<Disjunction> {
    let constant = |flags: u64| {
        let holds = (flags & flag.value != 0) == prints;
        Some(if holds {
            vec![Conjunction::default()]
        } else {
            Vec::new()
        })
    };
    let source = match ty.name {
        "clone" | "clone3" | "unshare" => source::ARG0,
        "setns" => source::ARG0 + 1,
        "vfork" => return constant(VFORK_FLAGS),
        "fork" => return constant(0),
        _ => return None,
    };
    let mask = u64::from(kernel_namespace_bit(flag.value)?);
    let all = Ranges::one(i64::try_from(mask).ok()?);
    let values = if prints { all } else { all.complement() };
    Some(Conjunction::number(Number { source, mask }, values))
}
