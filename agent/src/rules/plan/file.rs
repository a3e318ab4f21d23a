//! What comparisons of a file demand: its path, the flags of the open, and `..` in what was passed.

use komainu_common::filter::{role, source};

use super::conjunction::{Conjunction, Disjunction, Number, all_of, any_of};
use super::literal::{Demand, Literal, fixed_number, numbers};
use super::paths::{Entry, Paths};
use super::ranges::Ranges;
use crate::event::fields::{Field, FieldArg, path_parameter};
use crate::event::flags::kernel_open_bits;
use crate::event::{EventType, Flag, ParamKind, path};
use crate::rules::eval::{Get, Glob, Stem, Test, TextFn};
use crate::rules::syntax::ast::Modifier;

/// Conjunctions that one comparison may give.
const MAX_PARTS: usize = 16;

const O_ACCMODE: u64 = 0o3;
const O_CREAT: u64 = 0o100;
/// As `decode` reads it.
const O_DIRECTORY: u64 = 0o200_000;
/// `__O_TMPFILE` without the directory bit.
const TMPFILE: u64 = 0o20_000_000;

const NEGATED: &str = "the kernel only tells which paths can match, not which cannot";
const NO_TEST: &str = "no table tells this of a path";

/// What a text of the event is to the path in the kernel's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The path itself, normalised.
    Whole,
    /// The path, absolute ones as the program wrote them.
    Written,
    /// Its directory, or the path where that is a directory.
    Directory,
    /// Its last component.
    Base,
}

/// Whether the event is one of those whose `fd` is the opened file.
fn opens(ty: &EventType) -> bool {
    matches!(ty.name, "open" | "openat" | "openat2" | "creat")
}

/// What a comparison of a file's field demands; `None` for other fields.
pub(super) fn demand(field: &Field, arg: &FieldArg, literal: Literal<'_>) -> Option<Demand> {
    let Literal { test, negated, ty } = literal;
    let file = opens(ty);
    Some(match field.name {
        "fd.name" | "fd.resolved" if file => of_path(role::FIRST, Form::Whole, literal),
        "fd.directory" if file => of_path(role::FIRST, Form::Directory, literal),
        "fd.filename" if file => with(
            of_path(role::FIRST, Form::Base, literal),
            literal,
            kind(false),
        ),
        "fd.nameraw" if file => raw(literal),
        "fd.num" if file => descriptor(literal),
        "fd.type" if file && !negated => types(test),
        "fd.typechar" if file => letters(test, negated, ty),
        "evt.is_open_read" | "evt.is_open_write" if file => access(field.name, literal),
        "evt.is_open_exec" if file => executable(literal),
        "evt.is_open_read" | "evt.is_open_write" | "evt.is_open_exec" => fixed_number(0, literal),
        "evt.arg" => argument(arg, literal),
        name => {
            let kind = name.strip_prefix("fs.path.")?;
            let param = path_parameter(kind, ty.name)?;
            let role = path_role(ty, param)?;
            let path = if kind.ends_with("raw") {
                Demand::nothing(NO_TEST)
            } else {
                of_path(role, Form::Whole, literal)
            };
            with(path, literal, succeeded())
        }
    })
}

/// `basename()` of a path.
pub(super) fn basename(get: &Get, literal: Literal<'_>) -> Demand {
    match get {
        Get::Text(TextFn::Basename, inner) => match &**inner {
            Get::Field(field, _) if field.name == "fd.name" && opens(literal.ty) => {
                of_path(role::FIRST, Form::Base, literal)
            }
            _ => Demand::nothing("the kernel does not compute this"),
        },
        _ => Demand::nothing("the kernel does not transform text"),
    }
}

/// Which of an event's paths a parameter is.
fn path_role(ty: &EventType, param: &str) -> Option<u8> {
    let is_path = |kind: ParamKind| matches!(kind, ParamKind::Path | ParamKind::RelPath);
    let mut paths = ty.params.iter().filter(|param| is_path(param.kind));
    paths.clone().find(|path| path.name == param)?;
    match (ty.name, param) {
        ("rename" | "renameat" | "renameat2" | "link" | "linkat", "oldpath") => Some(role::FIRST),
        ("rename" | "renameat" | "renameat2" | "link" | "linkat", "newpath")
        | ("symlink" | "symlinkat", "linkpath")
        | ("mount", "dir") => Some(role::SECOND),
        ("move_mount" | "pivot_root", _) => None,
        // The only one.
        _ => (paths.next().is_some() && paths.next().is_none()).then_some(role::FIRST),
    }
}

/// Adds what else must be where a field is there at all.
fn with(path: Demand, literal: Literal<'_>, also: Disjunction) -> Demand {
    if literal.negated {
        return path;
    }
    Demand::of(all_of(vec![path.any_of, also], MAX_PARTS))
}

fn succeeded() -> Disjunction {
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
fn kind(directory: bool) -> Disjunction {
    all_of(vec![succeeded(), bits(O_DIRECTORY, directory)], MAX_PARTS)
}

fn of_path(role: u8, form: Form, literal: Literal<'_>) -> Demand {
    if literal.negated {
        return Demand::nothing(NEGATED);
    }
    match paths(literal.test, form) {
        Some(paths) => Demand::of(Conjunction::path(role, paths)),
        None => Demand::nothing(NO_TEST),
    }
}

/// The paths that pass a test; `None` where the tables cannot tell.
fn paths(test: &Test, form: Form) -> Option<Paths> {
    match test {
        Test::Equal(text) => Paths::new(exact(text, form)?),
        Test::In(set) => union(set.iter().map(|text| Paths::new(exact(text, form)?))),
        Test::Prefix(text) => prefix(text, form),
        Test::Suffix(text) => suffix(text, form),
        Test::Glob(glob) => pattern(glob, form),
        Test::Paths(set) if matches!(form, Form::Whole | Form::Directory) => {
            let mut entries = Vec::new();
            set.stems(&mut |stem| match stem {
                Stem::Path(path) => entries.extend(directory(path)),
                Stem::Text(text) => entries.push(Entry::Prefix(text.into())),
            });
            Paths::new(entries)
        }
        Test::Any(tests) | Test::Modified(Modifier::Anyof | Modifier::Oneof, tests) => {
            union(tests.iter().map(|test| paths(test, form)))
        }
        Test::Modified(Modifier::Allof, tests) => {
            let sets = tests.iter().filter_map(|test| paths(test, form));
            sets.min_by_key(Paths::weight)
        }
        _ => None,
    }
}

/// Any of the sets; `None` if one cannot be told.
fn union(sets: impl Iterator<Item = Option<Paths>>) -> Option<Paths> {
    let sets = sets.collect::<Option<Vec<Paths>>>()?;
    Paths::new(sets.iter().flat_map(|set| set.entries().cloned()))
}

/// A directory and what is below it.
fn directory(path: &[u8]) -> [Entry; 2] {
    [
        Entry::Exact(path.into()),
        Entry::Prefix([path, b"/"].concat().into()),
    ]
}

fn exact(text: &[u8], form: Form) -> Option<Vec<Entry>> {
    let whole = || Entry::Exact(text.into());
    match form {
        Form::Whole => Some(vec![whole()]),
        Form::Written if text.first() == Some(&b'/') => {
            let mut normal = Vec::new();
            path::join(b"/", text, &mut normal);
            Some(vec![whole(), Entry::Exact(normal.into())])
        }
        Form::Directory if text != b"/" => Some(directory(text).into()),
        Form::Base if !text.is_empty() && !text.contains(&b'/') => {
            Some(vec![Entry::Base(text.into())])
        }
        _ => None,
    }
}

fn prefix(text: &[u8], form: Form) -> Option<Paths> {
    match form {
        Form::Whole | Form::Directory => Paths::new([Entry::Prefix(text.into())]),
        // `/etc/../root` begins with `/etc`.
        Form::Written | Form::Base => None,
    }
}

/// A path that ends with `/name` has this name.
fn suffix(text: &[u8], form: Form) -> Option<Paths> {
    let slash = memchr::memrchr(b'/', text)?;
    let name = text.get(slash + 1..).filter(|name| !name.is_empty())?;
    let told = match form {
        Form::Whole => true,
        Form::Written => !matches!(name, b"." | b".."),
        Form::Directory | Form::Base => false,
    };
    Paths::new(told.then(|| Entry::Base(name.into()))).filter(|_| told)
}

fn pattern(glob: &Glob, form: Form) -> Option<Paths> {
    let begins = prefix(glob.literal_start(), form);
    let ends = suffix(glob.literal_end(), form);
    begins.into_iter().chain(ends).min_by_key(Paths::weight)
}

/// Whether every text that passes the test has `part` in it.
pub(super) fn demands_text(test: &Test, part: &[u8]) -> bool {
    let has = |text: &[u8]| memchr::memmem::find(text, part).is_some();
    match test {
        Test::Equal(text)
        | Test::Prefix(text)
        | Test::Suffix(text)
        | Test::ContainsIgnoringCase(text) => has(text),
        Test::In(set) => set.iter().all(has),
        Test::Contains(finder) => has(finder.needle()),
        Test::Glob(glob) => glob.has_literal(part),
        Test::Any(tests) | Test::Modified(Modifier::Anyof | Modifier::Oneof, tests) => {
            tests.iter().all(|test| demands_text(test, part))
        }
        Test::Modified(Modifier::Allof, tests) => tests.iter().any(|test| demands_text(test, part)),
        _ => false,
    }
}

/// `fd.nameraw`: as passed, so only `..` can be told.
fn raw(literal: Literal<'_>) -> Demand {
    if literal.negated || !demands_text(literal.test, b"..") {
        return Demand::nothing(NO_TEST);
    }
    let number = Number::whole(source::DOTDOT);
    Demand::of(Conjunction::number(number, Ranges::one(1)))
}

/// `fd.num` of an open: what it returned, or -1.
fn descriptor(literal: Literal<'_>) -> Demand {
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
fn types(test: &Test) -> Demand {
    let cases = [("file", kind(false)), ("directory", kind(true))];
    let told = cases
        .into_iter()
        .filter(|(name, _)| test.holds_known(name) != Some(false));
    Demand::of(any_of(told.flat_map(|(_, case)| case).collect(), MAX_PARTS))
}

/// `fd.typechar` of an open, which every open has.
fn letters(test: &Test, negated: bool, ty: &EventType) -> Demand {
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
fn access(field: &str, literal: Literal<'_>) -> Demand {
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
fn executable(literal: Literal<'_>) -> Demand {
    let holds_for = |value: i64| {
        numbers(literal.test).is_none_or(|values| values.contains(value) != literal.negated)
    };
    if literal.ty.name == "creat" || holds_for(0) {
        return Demand::nothing("the mode is in user space");
    }
    let creates = Ranges::one(0).complement();
    Demand::of(flags(O_CREAT | TMPFILE, creates))
}

/// `evt.arg`: flags of an open, or a path.
fn argument(arg: &FieldArg, literal: Literal<'_>) -> Demand {
    let ty = literal.ty;
    let param = match arg {
        FieldArg::Key(name) => ty.params.iter().find(|param| param.name == &**name),
        FieldArg::Index(index) => usize::try_from(*index)
            .ok()
            .and_then(|at| ty.params.get(at)),
        FieldArg::None => None,
    };
    let Some(param) = param else {
        // Events of this type do not have it.
        return Demand::decided(literal.negated);
    };
    match param.kind {
        ParamKind::Path | ParamKind::RelPath => match path_role(ty, param.name) {
            Some(role) => of_path(role, Form::Written, literal),
            None => Demand::nothing("the kernel's tables do not have this path"),
        },
        ParamKind::Flags(table) if opens(ty) && param.name == "flags" => flag_names(table, literal),
        _ => Demand::nothing("the kernel's tables do not have this parameter"),
    }
}

/// `evt.arg.flags`: whether names of flags are among those that print.
fn flag_names(table: &[Flag], literal: Literal<'_>) -> Demand {
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
        .map(|flag| flag_case(flag, !literal.negated))
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

/// What the passed flags are where a name prints, or does not; `None` where they do not tell.
fn flag_case(flag: &Flag, prints: bool) -> Option<Disjunction> {
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
