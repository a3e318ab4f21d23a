//! What the kernel must see for a comparison to hold, or for it not to hold.
//!
//! The answer may only demand what certainly is so: a comparison that is not understood, whose field may
//! be absent, or whose value the kernel does not know demands nothing, negated or not.

use std::cell::Cell;

use komainu_common::filter::{Gram, Grams, cgroup_kind, source};

use super::conjunction::{Conjunction, Disjunction, Number};
use super::ranges::Ranges;
use super::{file, socket};
use crate::event::fields::{Availability, Field, FieldArg};
use crate::event::{EventType, errno_name, family};
use crate::rules::eval::{Compare, Get, Predicate, Test};

/// What a comparison demands.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// One of these holds where the comparison does.
    pub(super) any_of: Disjunction,
    /// Why nothing is demanded.
    pub(super) why: Option<&'static str>,
}

impl Demand {
    pub(super) fn of(any_of: Disjunction) -> Self {
        let nothing = any_of.iter().any(Conjunction::is_always);
        Self {
            any_of,
            why: nothing.then_some("holds for every value that the kernel can tell"),
        }
    }

    /// The comparison is left to user space.
    pub(super) fn nothing(why: &'static str) -> Self {
        Self {
            any_of: vec![Conjunction::default()],
            why: Some(why),
        }
    }

    /// The comparison is decided by the type of the event.
    pub(super) fn decided(holds: bool) -> Self {
        Self {
            any_of: if holds {
                vec![Conjunction::default()]
            } else {
                Vec::new()
            },
            why: holds.then_some("holds for every event of this type"),
        }
    }
}

/// A comparison with its sign, in events of one type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal<'p> {
    pub(super) test: &'p Test,
    /// The comparison must not hold.
    pub(super) negated: bool,
    pub(super) ty: &'static EventType,
    /// Where what is demanded of the inside of paths is noted.
    pub(super) grams: &'p Noted,
}

/// The grams that demands of a class are about: only these are in the signatures of paths.
#[derive(Debug, Default)]
pub(super) struct Noted(Cell<Grams>);

impl Noted {
    /// Notes a gram.
    pub(super) fn add(&self, gram: Gram) {
        let mut grams = self.0.get();
        grams.add(gram);
        self.0.set(grams);
    }

    /// Those noted.
    pub(super) fn grams(&self) -> Grams {
        self.0.get()
    }
}

const PROCESS: &str = "the process table is in user space";

/// What a comparison (or its negation) demands of events of this type.
pub(super) fn demand(
    predicate: &Predicate,
    negated: bool,
    ty: &'static EventType,
    grams: &Noted,
) -> Demand {
    let literal = Literal {
        test: &predicate.test,
        negated,
        ty,
        grams,
    };
    if predicate.host.is_some() {
        return Demand::nothing("names are looked up in user space");
    }
    match &predicate.get {
        Get::Field(field, arg) => of_field(field, arg, literal),
        Get::Text(_, inner) => match &**inner {
            Get::Field(field, _) if field.name.starts_with("proc.") => Demand::nothing(PROCESS),
            _ => file::basename(&predicate.get, literal),
        },
        _ => Demand::nothing("the kernel does not compute this"),
    }
}

fn of_field(field: &'static Field, arg: &FieldArg, literal: Literal<'_>) -> Demand {
    let Literal {
        test, negated, ty, ..
    } = literal;
    if let Availability::Never(_) = field.availability {
        return Demand::decided(negated);
    }
    match field.name {
        "evt.rawres" | "evt.failed" | "evt.res" => result(field.name, literal),
        "evt.dir" => fixed("<", literal),
        "evt.source" => fixed("syscall", literal),
        "evt.category" => fixed(family(ty), literal),
        "evt.type.is" => match arg {
            FieldArg::Key(name) => fixed_number((**name == *ty.name).into(), literal),
            _ => Demand::nothing("the kernel does not compute this"),
        },
        name if name.starts_with("container.") || name.starts_with("k8s.") => {
            container(name, test, negated)
        }
        name if name.starts_with("proc.") || name.starts_with("thread.") => {
            Demand::nothing(PROCESS)
        }
        name if name.starts_with("session.") => {
            Demand::nothing("exec sessions are known in user space")
        }
        name if name.starts_with("user.") || name.starts_with("group.") => {
            Demand::nothing("the kernel's tables have no credentials")
        }
        _ => socket::demand(field, literal)
            .or_else(|| file::demand(field, arg, literal))
            .unwrap_or_else(|| Demand::nothing("the kernel's tables do not have this field")),
    }
}

/// A text that every event of the type has.
fn fixed(text: &str, literal: Literal<'_>) -> Demand {
    match literal.test.holds_known(text) {
        Some(holds) => Demand::decided(holds != literal.negated),
        None => Demand::nothing("compares with another field"),
    }
}

/// A number that every event of the type has.
pub(super) fn fixed_number(number: i64, literal: Literal<'_>) -> Demand {
    match numbers(literal.test) {
        Some(values) => Demand::decided(values.contains(number) != literal.negated),
        None => Demand::nothing("compares with another field"),
    }
}

/// The numbers that a test holds for; `None` where it is no test of a number against constants.
pub(super) fn numbers(test: &Test) -> Option<Ranges> {
    let clamp = |number: i128| i64::try_from(number).ok();
    let above = |number: i128| match i64::try_from(number) {
        Ok(number) => Ranges::between(number, i64::MAX),
        Err(_) if number < 0 => Ranges::all(),
        Err(_) => Ranges::none(),
    };
    Some(match test {
        Test::Exists => Ranges::all(),
        Test::Number(Compare::Equal, number) => clamp(*number).map_or(Ranges::none(), Ranges::one),
        Test::Number(Compare::GreaterEqual, number) => above(*number),
        Test::Number(Compare::Greater, number) => above(number.saturating_add(1)),
        Test::Number(Compare::Less, number) => above(*number).complement(),
        Test::Number(Compare::LessEqual, number) => above(number.saturating_add(1)).complement(),
        Test::NumberIn(list) => {
            let numbers = list.iter().filter_map(|number| clamp(*number));
            Ranges::new(numbers.map(|number| (number, number)).collect())
        }
        Test::Not(inner) => numbers(inner)?.complement(),
        Test::Any(tests) => {
            let sets = tests.iter().map(numbers).collect::<Option<Vec<_>>>()?;
            sets.iter().fold(Ranges::none(), |all, set| all.union(set))
        }
        _ => return None,
    })
}

/// Error numbers that system calls return, negated (`MAX_ERRNO` of `include/linux/err.h`).
const MAX_ERRNO: i64 = 4095;

/// `evt.rawres`, `evt.failed`, `evt.res`: every event of a system call has them.
fn result(field: &str, literal: Literal<'_>) -> Demand {
    let holds = match field {
        "evt.rawres" => numbers(literal.test),
        "evt.failed" => numbers(literal.test).map(|values| {
            let on = |number: i64, range: (i64, i64)| values.contains(number).then_some(range);
            let ranges = [on(1, (i64::MIN, -1)), on(0, (0, i64::MAX))];
            Ranges::new(ranges.into_iter().flatten().collect())
        }),
        _ => result_names(literal.test),
    };
    let Some(holds) = holds else {
        return Demand::nothing("compares in a way that the kernel's tables do not");
    };
    let values = if literal.negated {
        holds.complement()
    } else {
        holds
    };
    Demand::of(Conjunction::number(Number::whole(source::RESULT), values))
}

/// Return values whose name (`evt.res`) passes a test.
fn result_names(test: &Test) -> Option<Ranges> {
    let mut ranges = Vec::new();
    if test.holds_known("SUCCESS")? {
        ranges.push((0, i64::MAX));
    }
    for number in 1..=MAX_ERRNO {
        let holds = match errno_name(number) {
            Some(name) => test.holds_known(name),
            None => test.holds_known(&(-number).to_string()),
        };
        if holds? {
            ranges.push((-number, -number));
        }
    }
    // Values below are no errors; the text of one of them stands for all, whose texts differ in
    // digits only, unless a constant looks like such a text.
    if mentions_numbers(test) {
        return None;
    }
    if test.holds_known("-4096")? {
        ranges.push((i64::MIN, -MAX_ERRNO - 1));
    }
    Some(Ranges::new(ranges))
}

/// Whether a constant of the test could be (a part of) a negative number; others are not looked into.
fn mentions_numbers(test: &Test) -> bool {
    let numeric = |word: &[u8]| {
        word.iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'-')
    };
    match test {
        Test::Equal(word) | Test::Prefix(word) | Test::Suffix(word) => numeric(word),
        Test::In(set) => set.iter().any(numeric),
        Test::Not(inner) => mentions_numbers(inner),
        Test::Any(tests) | Test::Modified(_, tests) => tests.iter().any(mentions_numbers),
        Test::Exists => false,
        _ => true,
    }
}

/// `container.*`, `k8s.*`: whether they can hold on the host, and in a container.
///
/// A cgroup of which nothing is known yet passes in any case.
fn container(name: &str, test: &Test, negated: bool) -> Demand {
    // `container.start_ts` and the like are of the process, not of the container; and a node has its name for
    // processes of the host too.
    if matches!(
        name,
        "container.start_ts" | "container.duration" | "k8s.node.name"
    ) {
        return Demand::nothing(PROCESS);
    }
    let on_host = match name {
        "container.id" | "container.full_id" | "container.name" | "container.type" => {
            test.holds_known("host")
        }
        "container.privileged"
        | "container.host_pid"
        | "container.host_network"
        | "container.host_ipc" => numbers(test).map(|values| values.contains(0)),
        _ if name.starts_with("container.image") => test.holds_known(""),
        // Absent on the host.
        _ => Some(false),
    };
    // Ids are hexadecimal and runtimes known, so `host` is the host.
    let says_host = matches!(
        name,
        "container.id" | "container.full_id" | "container.type"
    );
    let (host, container) = if negated {
        (on_host != Some(true), !(says_host && is_always_other(test)))
    } else {
        (on_host != Some(false), !(says_host && is_host_only(test)))
    };
    let mut kinds = vec![(cgroup_kind::UNKNOWN, cgroup_kind::UNKNOWN)];
    if host {
        kinds.push((cgroup_kind::HOST, cgroup_kind::HOST));
    }
    if container {
        kinds.push((cgroup_kind::CONTAINER, cgroup_kind::CONTAINER));
    }
    let kinds = kinds.into_iter().map(|(a, b)| (i64::from(a), i64::from(b)));
    if host && container {
        return Demand::nothing("details of containers are in user space");
    }
    let number = Number::whole(source::CGROUP_KIND);
    Demand::of(Conjunction::number(number, Ranges::new(kinds.collect())))
}

/// Whether the test holds for no text but `host`.
fn is_host_only(test: &Test) -> bool {
    match test {
        Test::Equal(word) => **word == *b"host",
        Test::In(set) => set.iter().all(|word| word == b"host"),
        Test::Any(tests) => tests.iter().all(is_host_only),
        _ => false,
    }
}

/// Whether the test holds for every text but `host`.
fn is_always_other(test: &Test) -> bool {
    matches!(test, Test::Exists) || matches!(test, Test::Not(inner) if is_host_only(inner))
}
