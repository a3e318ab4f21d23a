//! The one table of fields that conditions and outputs can name.
//!
//! A row holds everything about a field: name, type, argument, what it may be used for, whether its
//! value is delivered yet, its documentation and its getter. Checking, evaluation, output and the
//! generated reference all read this table.

mod args;
mod container;
mod docs;
mod evt;
mod fd;
mod fspath;
mod labels;
mod pod;
mod process;
mod scope;
mod session;
mod socket;
mod user;
mod value;

pub use docs::reference;
pub(crate) use fspath::parameter as path_parameter;
pub use scope::{MAX_ANCESTORS, Reading, Scope};
pub use value::{FieldType, FieldValue};

/// Reads one value; `None` where the event has none.
pub type GetOne = for<'a> fn(&Scope<'a>, &FieldArg) -> Option<FieldValue<'a>>;
/// Hands every value to the callback.
pub type GetMany = for<'a> fn(&Scope<'a>, &FieldArg, &mut dyn FnMut(FieldValue<'a>));

/// How a field is read.
#[derive(Clone, Copy, Debug)]
pub enum Getter {
    /// It has at most one value.
    One(GetOne),
    /// It has several, and [`Many`] says what a comparison means.
    Many(Many, GetMany),
}

/// Meaning of a comparison with a field of several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// Both ends of a connection: `!=` must hold for both, other operators for either.
    Ends,
    /// Every ancestor: the operator must hold for any.
    Ancestors,
    /// A list: `in` must hold for all members, `intersects` for any.
    List,
}

/// What stands in brackets after a field, or behind its last dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldArg {
    /// Nothing.
    None,
    /// A number.
    Index(u32),
    /// Text.
    Key(Box<str>),
}

impl FieldArg {
    /// The number; `None` without one.
    pub const fn index(&self) -> Option<u32> {
        if let Self::Index(index) = self {
            Some(*index)
        } else {
            None
        }
    }
}

/// Which arguments a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// None.
    None,
    /// An optional number.
    OptionalIndex,
    /// An optional number or text.
    Optional,
    /// A required number or text.
    Required,
    /// The name (behind a dot or in brackets) or number of an event parameter.
    Parameter,
    /// The name of an event parameter, behind a dot.
    ParameterName,
    /// Required text behind a dot.
    Suffix,
}

/// Whether the value of a field is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Yes, where the event has it.
    Now,
    /// Not yet; the text says what it waits for. Until then it is absent.
    Later(&'static str),
    /// Never; the text says why. It exists so that rule files load.
    Never(&'static str),
}

/// Properties of a field beyond its type.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties of a table row"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Cannot be printed.
    pub filter_only: bool,
    /// Cannot be compared.
    pub print_only: bool,
    /// Takes no transformer.
    pub no_transformer: bool,
    /// Cannot stand in `val()`.
    pub no_rhs: bool,
    /// Accepted for old rule files only.
    pub deprecated: bool,
    /// Depends on which name of a file is read.
    pub path: bool,
    /// Added to every output unless configured otherwise.
    pub suggested: bool,
}

/// A row of the field table.
#[derive(Debug)]
pub struct Field {
    /// Name, as rules write it.
    pub name: &'static str,
    /// Type of its values.
    pub ty: FieldType,
    /// Arguments it takes.
    pub arg: ArgKind,
    /// Other properties.
    pub traits: Traits,
    /// Whether it is delivered.
    pub availability: Availability,
    /// One sentence or more for the reference.
    pub doc: &'static str,
    /// How it is read.
    pub getter: Getter,
    /// [`facts`](komainu_common::facts) that are recorded for events that a rule reads this field of.
    pub facts: u32,
    /// What it prints without argument, where that differs from what conditions compare.
    pub shown: Option<GetOne>,
}

impl Field {
    /// A field of one value without argument.
    const fn one(name: &'static str, ty: FieldType, get: GetOne, doc: &'static str) -> Self {
        Self::with(name, ty, Getter::One(get), doc)
    }

    /// A field that exists but has no value yet or ever.
    const fn absent(
        name: &'static str,
        ty: FieldType,
        availability: Availability,
        doc: &'static str,
    ) -> Self {
        let mut field = Self::one(name, ty, |_, _| None, doc);
        field.availability = availability;
        field
    }

    const fn with(name: &'static str, ty: FieldType, getter: Getter, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            arg: ArgKind::None,
            traits: Traits {
                filter_only: false,
                print_only: false,
                no_transformer: false,
                no_rhs: false,
                deprecated: false,
                path: false,
                suggested: false,
            },
            availability: Availability::Now,
            doc,
            getter,
            facts: 0,
            shown: None,
        }
    }

    const fn facts(mut self, facts: u32) -> Self {
        self.facts = facts;
        self
    }

    const fn shown(mut self, shown: GetOne) -> Self {
        self.shown = Some(shown);
        self
    }

    const fn arg(mut self, arg: ArgKind) -> Self {
        self.arg = arg;
        self
    }

    const fn later(mut self, needs: &'static str) -> Self {
        self.availability = Availability::Later(needs);
        self
    }

    const fn filter_only(mut self) -> Self {
        self.traits.filter_only = true;
        self
    }

    const fn no_transformer(mut self) -> Self {
        self.traits.no_transformer = true;
        self.traits.no_rhs = true;
        self
    }

    const fn no_rhs(mut self) -> Self {
        self.traits.no_rhs = true;
        self
    }

    const fn deprecated(mut self) -> Self {
        self.traits.deprecated = true;
        self
    }

    const fn path(mut self) -> Self {
        self.traits.path = true;
        self
    }

    const fn suggested(mut self) -> Self {
        self.traits.suggested = true;
        self
    }

    /// Whether the field is a list on which only `in` and `intersects` work.
    pub const fn is_list(&self) -> bool {
        matches!(self.getter, Getter::Many(Many::List, _))
    }
}

/// Families of fields, in the order the reference lists them.
pub static ALL: &[&[Field]] = &[
    evt::FIELDS,
    fd::FIELDS,
    socket::FIELDS,
    fspath::FIELDS,
    process::FIELDS,
    process::LINEAGE,
    user::FIELDS,
    container::FIELDS,
    pod::FIELDS,
    session::FIELDS,
];

/// Every field.
pub fn all() -> impl Iterator<Item = &'static Field> {
    ALL.iter().copied().flatten()
}

/// The field with exactly this name (no argument).
pub fn find(name: &str) -> Option<&'static Field> {
    all().find(|field| field.name == name)
}

/// Whether some event has a parameter of this name.
pub fn is_param(name: &str) -> bool {
    param_type(name).is_some()
}

/// Type that `evt.rawarg` of the parameter called `name` has: that of the first event with it.
pub fn param_type(name: &str) -> Option<FieldType> {
    let mut params = super::event_types().flat_map(|ty| ty.params);
    params
        .find(|param| param.name == name)
        .map(|param| args::raw_type(param.kind))
}
