//! What comparisons of a file demand: its path, and `..` in what was passed.

use komainu_common::filter::{role, source};

use super::conjunction::{Conjunction, Disjunction, Number, all_of, any_of};
use super::inside;
use super::literal::{Demand, Literal, Noted, fixed_number};
use super::open::{
    MAX_PARTS, access, clone_case, descriptor, executable, flag_case, flag_names, kind, letters,
    succeeded, types,
};
use super::paths::{Entry, Paths};
use super::ranges::Ranges;
use crate::event::fields::{Field, FieldArg, path_parameter};
use crate::event::{EventType, ParamKind, path};
use crate::rules::eval::{Get, Glob, Stem, Test, TextFn};
use crate::rules::syntax::ast::Modifier;

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
    let Literal {
        test, negated, ty, ..
    } = literal;
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

fn of_path(role: u8, form: Form, literal: Literal<'_>) -> Demand {
    if literal.negated {
        return Demand::nothing(NEGATED);
    }
    let any_of = path_or_inside((role, form), literal.test, literal.grams);
    if any_of.iter().any(Conjunction::is_always) {
        return Demand::nothing(NO_TEST);
    }
    Demand::of(any_of)
}

/// The paths that pass a test, by the tables, and by what is in them and at their end; the latter is told
/// of the first path only, and as rules see it whole.
fn path_or_inside((role, form): (u8, Form), test: &Test, grams: &Noted) -> Disjunction {
    let each = |tests: &[Test]| {
        let parts = tests
            .iter()
            .map(|test| path_or_inside((role, form), test, grams));
        parts.collect::<Vec<Disjunction>>()
    };
    match test {
        Test::Any(tests) | Test::Modified(Modifier::Anyof | Modifier::Oneof, tests) => {
            any_of(each(tests).concat(), MAX_PARTS)
        }
        Test::Modified(Modifier::Allof, tests) => all_of(each(tests), MAX_PARTS),
        _ => {
            let mut demands = Vec::new();
            demands.extend(paths(test, form).map(|paths| Conjunction::path(role, paths)));
            if role == role::FIRST && form == Form::Whole {
                demands.push(inside::demand(test, grams));
            }
            all_of(demands, MAX_PARTS)
        }
    }
}

/// The paths that pass a test; `None` where the tables cannot tell.
fn paths(test: &Test, form: Form) -> Option<Paths> {
    match test {
        Test::Equal(word) => Paths::new(exact(word, form)?),
        Test::In(set) => union(set.iter().map(|word| Paths::new(exact(word, form)?))),
        Test::Prefix(word) => prefix(word, form),
        Test::Suffix(word) => suffix(word, form),
        Test::Glob(glob) => pattern(glob, form),
        Test::Paths(set) if matches!(form, Form::Whole | Form::Directory) => {
            let mut entries = Vec::new();
            set.stems(&mut |stem| match stem {
                Stem::Path(path) => entries.extend(directory(path)),
                Stem::Text(start) => entries.push(Entry::Prefix(start.into())),
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
    let starts = glob.literal_starts().unwrap_or_default();
    let several = union(starts.iter().map(|start| prefix(start, form)));
    let several = several.filter(|paths| !paths.is_empty());
    let begins = prefix(glob.literal_start(), form)
        .into_iter()
        .chain(several);
    let ends = suffix(glob.literal_end(), form);
    begins.chain(ends).min_by_key(Paths::weight)
}

/// Whether every text that passes the test has `part` in it.
pub(super) fn demands_text(test: &Test, part: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(word, part).is_some();
    match test {
        Test::Equal(word)
        | Test::Prefix(word)
        | Test::Suffix(word)
        | Test::ContainsIgnoringCase(word) => has(word),
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
        ParamKind::Flags(table) if opens(ty) && param.name == "flags" => {
            flag_names(table, literal, flag_case)
        }
        ParamKind::Flags(table) if matches!(param.name, "flags" | "nstype") => {
            flag_names(table, literal, |flag, prints| clone_case(ty, flag, prints))
        }
        _ => Demand::nothing("the kernel's tables do not have this parameter"),
    }
}
