//! Tests on values.

use std::net::IpAddr;

use hashbrown::HashSet;
use ipnet::IpNet;
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::{Get, Glob, PathSet};
use crate::event::fields::{Field, FieldArg, FieldValue, Many, Scope};
use crate::rules::syntax::ast::Modifier;

/// A comparison, compiled.
#[derive(Debug)]
pub(in crate::rules) struct Predicate {
    pub(in crate::rules) get: Get,
    pub(in crate::rules) test: Test,
    /// `!=` of a field with two values must hold for both.
    pub(in crate::rules) all: bool,
    /// `in` of a list must hold for all of its members.
    pub(in crate::rules) whole_list: bool,
    /// Names for an address, compared by looking them up.
    pub(in crate::rules) host: Option<(&'static Field, Vec<Box<str>>, bool)>,
}

/// Order of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Compare {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
}

impl Compare {
    fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Equal => left == right,
        }
    }
}

/// A set of texts.
#[derive(Clone, Debug)]
pub(in crate::rules) enum TextSet {
    Few(Box<[Box<[u8]>]>),
    Many(HashSet<Box<[u8]>>),
}

/// Above this many texts hashing beats comparing.
const FEW: usize = 4;

impl TextSet {
    pub(in crate::rules) fn new(texts: Vec<Box<[u8]>>) -> Self {
        if texts.len() <= FEW {
            Self::Few(texts.into())
        } else {
            Self::Many(texts.into_iter().collect())
        }
    }

    /// Every text, in no particular order.
    pub(in crate::rules) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let (few, many) = match self {
            Self::Few(texts) => (Some(texts.iter()), None),
            Self::Many(texts) => (None, Some(texts.iter())),
        };
        few.into_iter()
            .flatten()
            .chain(many.into_iter().flatten())
            .map(|text| &**text)
    }

    fn contains(&self, text: &[u8]) -> bool {
        match self {
            Self::Few(texts) => texts.iter().any(|known| **known == *text),
            Self::Many(texts) => texts.contains(text),
        }
    }
}

/// A test on one value.
#[derive(Debug)]
pub(in crate::rules) enum Test {
    Exists,
    Equal(Box<[u8]>),
    In(TextSet),
    Contains(Box<Finder<'static>>),
    /// Lower-case needle.
    ContainsIgnoringCase(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    /// A shell pattern, on bytes.
    Glob(Box<Glob>),
    /// A regular expression, on text cleaned to UTF-8.
    Regex(Box<Regex>),
    Paths(Box<PathSet>),
    TextOrder(Compare, Box<[u8]>),
    Number(Compare, i128),
    NumberIn(Box<[i128]>),
    Ip(IpAddr),
    Net(IpNet),
    Not(Box<Test>),
    Any(Vec<Test>),
    Modified(Modifier, Vec<Test>),
    /// The other side is a value too.
    Against(Box<Against>),
}

/// A comparison of two values.
#[derive(Debug)]
pub(in crate::rules) struct Against {
    pub(in crate::rules) right: Get,
    pub(in crate::rules) op: crate::rules::syntax::ast::Op,
}

impl Predicate {
    /// Whether the comparison holds; false where there is no value.
    pub(in crate::rules) fn holds<'a>(&'a self, scope: &Scope<'a>) -> bool {
        if let Some((field, names, negated)) = &self.host {
            return host_matches(scope, field, names, *negated);
        }
        match self.get.many() {
            None => self
                .get
                .one(scope)
                .is_some_and(|value| self.test.holds(value, scope)),
            Some(many) => {
                let (mut any, mut all, mut some) = (false, true, false);
                self.get.each(scope, &mut |value| {
                    let holds = self.test.holds(value, scope);
                    some = true;
                    any |= holds;
                    all &= holds;
                });
                let every = self.all && many == Many::Ends || self.whole_list && many == Many::List;
                if every { some && all } else { any }
            }
        }
    }

    /// Whether it depends on which name of a file is read.
    pub(in crate::rules) fn reads_path(&self) -> bool {
        self.get.reads_path() || self.test.reads_path()
    }

    /// Hands over every field it reads.
    pub(in crate::rules) fn fields(&self, each: &mut dyn FnMut(&'static Field, &FieldArg)) {
        self.get.fields(each);
        if let Test::Against(against) = &self.test {
            against.right.fields(each);
        }
    }
}

/// An address matches a name if the name resolves to it.
fn host_matches(scope: &Scope<'_>, field: &Field, names: &[Box<str>], negated: bool) -> bool {
    let crate::event::fields::Getter::One(get) = field.getter else {
        return false;
    };
    let Some(FieldValue::Ip(address)) = get(scope, &FieldArg::None) else {
        return false;
    };
    let cached = scope.world.address_name(address);
    let found = names
        .iter()
        .any(|name| cached == Some(name) || scope.world.name_has_address(name, address));
    found != negated
}

impl Test {
    /// Text that is the same for equal tests.
    pub(in crate::rules) fn key(&self) -> String {
        match self {
            Self::In(set) => {
                let mut texts: Vec<_> = set.iter().collect();
                texts.sort_unstable();
                format!("In{texts:?}")
            }
            Self::Against(against) => {
                let mut key = format!("{:?}", against.op);
                against.right.key(&mut key);
                key
            }
            Self::Not(inner) => format!("Not({})", inner.key()),
            Self::Modified(modifier, tests) => {
                let keys: Vec<_> = tests.iter().map(Self::key).collect();
                format!("{modifier:?}{keys:?}")
            }
            other => format!("{other:?}"),
        }
    }

    /// Whether the test holds for a text that is known beforehand; `None` where that is not enough.
    pub(in crate::rules) fn holds_known(&self, text: &str) -> Option<bool> {
        match self {
            Self::Exists => Some(true),
            Self::Against(_) => None,
            Self::Not(inner) => inner.holds_known(text).map(|holds| !holds),
            Self::Any(tests) => {
                let holds: Option<Vec<_>> =
                    tests.iter().map(|test| test.holds_known(text)).collect();
                holds.map(|holds| holds.contains(&true))
            }
            Self::Modified(modifier, tests) => {
                let hits: Option<Vec<_>> =
                    tests.iter().map(|test| test.holds_known(text)).collect();
                let hits = hits?;
                let count = hits.iter().filter(|hit| **hit).count();
                Some(match modifier {
                    Modifier::Anyof => count > 0,
                    Modifier::Oneof => count == 1,
                    Modifier::Allof => count > 0 && count == hits.len(),
                })
            }
            other => Some(other.holds_text(text.as_bytes())),
        }
    }

    fn reads_path(&self) -> bool {
        match self {
            Self::Against(against) => against.right.reads_path(),
            Self::Not(inner) => inner.reads_path(),
            _ => false,
        }
    }

    /// Whether the test holds for one value.
    pub(in crate::rules) fn holds<'a>(&'a self, value: FieldValue<'a>, scope: &Scope<'a>) -> bool {
        match self {
            Self::Exists => true,
            Self::Not(inner) => match &**inner {
                // Without a value on the other side nothing is compared.
                Self::Against(against) => {
                    let right = against.right.one(scope);
                    right.is_some_and(|right| !against.compare(value, right))
                }
                inner => !inner.holds(value, scope),
            },
            Self::Any(tests) => tests.iter().any(|test| test.holds(value, scope)),
            Self::Modified(modifier, tests) => {
                let mut hits = tests.iter().filter(|test| test.holds(value, scope));
                match modifier {
                    Modifier::Anyof => hits.next().is_some(),
                    Modifier::Oneof => hits.count() == 1,
                    Modifier::Allof => !tests.is_empty() && hits.count() == tests.len(),
                }
            }
            Self::Against(against) => {
                let right = against.right.one(scope);
                right.is_some_and(|right| against.compare(value, right))
            }
            _ => match value {
                FieldValue::Bytes(text) => self.holds_text(text),
                FieldValue::Ip(address) => self.holds_ip(address),
                FieldValue::Double(number) => self.holds_double(number),
                _ => value
                    .number()
                    .is_some_and(|number| self.holds_number(number)),
            },
        }
    }

    fn holds_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Equal(other) => *text == **other,
            Self::In(set) => set.contains(text),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::ContainsIgnoringCase(needle) => contains_ignoring_case(text, needle),
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => match std::str::from_utf8(text) {
                Ok(_) => regex.is_match(text),
                Err(_) => regex.is_match(String::from_utf8_lossy(text).as_bytes()),
            },
            Self::Paths(set) => set.matches(text),
            Self::TextOrder(compare, other) => compare.holds(&text, &&**other),
            _ => false,
        }
    }

    fn holds_number(&self, number: i128) -> bool {
        match self {
            Self::Number(compare, other) => compare.holds(&number, other),
            Self::NumberIn(set) => set.binary_search(&number).is_ok(),
            _ => false,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "constants are small whole numbers"
    )]
    fn holds_double(&self, number: f64) -> bool {
        match self {
            Self::Number(compare, other) => compare.holds(&number, &(*other as f64)),
            Self::NumberIn(set) => set
                .iter()
                .any(|other| Compare::Equal.holds(&number, &(*other as f64))),
            _ => false,
        }
    }

    fn holds_ip(&self, address: IpAddr) -> bool {
        match self {
            Self::Ip(other) => address == *other,
            Self::Net(net) => net.contains(&address),
            _ => false,
        }
    }
}

/// `needle` is in lower case.
fn contains_ignoring_case(text: &[u8], needle: &[u8]) -> bool {
    needle.is_empty()
        || text
            .windows(needle.len())
            .any(|window| window.eq_ignore_ascii_case(needle))
}

impl Against {
    /// Whether the operator holds between two values; `!=` is handled as the negation of `=`.
    fn compare(&self, left: FieldValue<'_>, right: FieldValue<'_>) -> bool {
        use crate::rules::syntax::ast::Op;
        if let (FieldValue::Bytes(left), FieldValue::Bytes(right)) = (left, right) {
            return match self.op {
                Op::Contains | Op::Bcontains => memchr::memmem::find(left, right).is_some(),
                Op::Icontains => contains_ignoring_case(left, &right.to_ascii_lowercase()),
                Op::Startswith | Op::Bstartswith => left.starts_with(right),
                Op::Endswith => left.ends_with(right),
                Op::Glob | Op::Iglob => {
                    super::glob(right, self.op == Op::Iglob).is_ok_and(|glob| glob.is_match(left))
                }
                Op::Pmatch => {
                    let mut set = PathSet::default();
                    set.insert(right).is_ok() && set.matches(left)
                }
                op => ordering(op).holds(&left, &right),
            };
        }
        match (left, right) {
            (FieldValue::Ip(left), FieldValue::Ip(right)) => left == right,
            (FieldValue::Double(left), FieldValue::Double(right)) => {
                ordering(self.op).holds(&left, &right)
            }
            _ => match (left.number(), right.number()) {
                (Some(left), Some(right)) => ordering(self.op).holds(&left, &right),
                _ => false,
            },
        }
    }
}

/// The order that an operator asks for.
pub(in crate::rules) const fn ordering(op: crate::rules::syntax::ast::Op) -> Compare {
    use crate::rules::syntax::ast::Op;
    match op {
        Op::Lt => Compare::Less,
        Op::Le => Compare::LessEqual,
        Op::Gt => Compare::Greater,
        Op::Ge => Compare::GreaterEqual,
        _ => Compare::Equal,
    }
}
