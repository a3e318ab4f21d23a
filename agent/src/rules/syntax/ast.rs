//! Syntax tree of conditions. Macros and lists stay references; every part knows its range in the
//! text it was parsed from.

use std::ops::Range;

/// Range of bytes in the text of the condition.
pub type At = Range<usize>;

/// A condition or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// All hold.
    And(Vec<Self>),
    /// Any holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// Use of a macro.
    Macro(Name),
    /// A comparison.
    Check(Box<Check>),
}

/// An identifier in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The identifier.
    pub name: String,
    /// Where it stands.
    pub at: At,
}

/// A comparison of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What is compared.
    pub left: Operand,
    /// How.
    pub op: Op,
    /// `oneof`, `anyof`, `allof` after the operator.
    pub modifier: Option<Modifier>,
    /// Where operator and modifier stand.
    pub op_at: At,
    /// With what.
    pub right: Right,
    /// The whole comparison.
    pub at: At,
}

/// Something with a value: a field, or a transformer around operands.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A field.
    Field(FieldRef),
    /// A transformer.
    Transform(Transform),
    /// A constant, as an argument of a transformer.
    Value(Value),
    /// A list, as an argument of a transformer.
    List(Vec<Self>, At),
}

/// A field with its argument.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRef {
    /// Name as written, dots included.
    pub name: String,
    /// Text in brackets.
    pub arg: Option<String>,
    /// Where both stand.
    pub at: At,
}

/// A transformer with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Which one.
    pub kind: Transformer,
    /// Arguments.
    pub args: Vec<Operand>,
    /// Text in brackets behind it.
    pub index: Option<String>,
    /// Where it stands.
    pub at: At,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Right {
    /// Nothing (`exists`).
    None,
    /// One constant.
    Value(Value),
    /// A list in parentheses.
    List(Vec<Value>, At),
    /// `val(field)`.
    Field(FieldRef),
    /// A transformer.
    Transform(Transform),
}

/// A constant. Without quotes it may be the name of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Its bytes, escapes resolved.
    pub bytes: Vec<u8>,
    /// It was in quotes.
    pub quoted: bool,
    /// Where it stands, quotes included.
    pub at: At,
    /// Where the list item stands that it came from.
    pub origin: Option<crate::rules::Span>,
}

impl Value {
    /// The constant as text, where it is UTF-8 and was not in quotes.
    pub fn bare(&self) -> Option<&str> {
        if self.quoted {
            None
        } else {
            std::str::from_utf8(&self.bytes).ok()
        }
    }

    /// The constant for messages.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// Defines an enum whose variants are words of the language.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every one, in the order messages list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As rules write it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The one written like this.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.text() == text)
            }
        }
    };
}

words! {
    /// Operators.
    Op {
        /// Has a value.
        Exists = "exists",
        /// Less or equal.
        Le = "<=",
        /// Less.
        Lt = "<",
        /// Greater or equal.
        Ge = ">=",
        /// Greater.
        Gt = ">",
        /// Equal.
        EqEq = "==",
        /// Equal.
        Eq = "=",
        /// Different.
        Ne = "!=",
        /// Shell pattern.
        Glob = "glob",
        /// Shell pattern, ignoring ASCII case.
        Iglob = "iglob",
        /// Substring.
        Contains = "contains",
        /// Substring, ignoring ASCII case.
        Icontains = "icontains",
        /// Substring given in hexadecimal.
        Bcontains = "bcontains",
        /// Prefix.
        Startswith = "startswith",
        /// Prefix given in hexadecimal.
        Bstartswith = "bstartswith",
        /// Suffix.
        Endswith = "endswith",
        /// Regular expression for the whole text.
        Regex = "regex",
        /// A member of both.
        Intersects = "intersects",
        /// One of.
        In = "in",
        /// Path prefix, component by component.
        Pmatch = "pmatch",
    }
}

words! {
    /// How a string operator applies to a list.
    Modifier {
        /// To exactly one member.
        Oneof = "oneof",
        /// To any member.
        Anyof = "anyof",
        /// To every member.
        Allof = "allof",
    }
}

words! {
    /// Functions on values.
    Transformer {
        /// Lower case.
        Tolower = "tolower",
        /// Upper case.
        Toupper = "toupper",
        /// Decodes Base64.
        B64 = "b64",
        /// Text after the last slash.
        Basename = "basename",
        /// Length.
        Len = "len",
        /// Joins a list with a separator.
        Join = "join",
        /// Joins texts.
        Concat = "concat",
        /// Value of a command-line option.
        Getopt = "getopt",
    }
}

impl Op {
    /// Takes a list on the right.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::In | Self::Intersects | Self::Pmatch)
    }

    /// Takes a number on the right.
    pub const fn is_order(self) -> bool {
        matches!(self, Self::Le | Self::Lt | Self::Ge | Self::Gt)
    }

    /// Takes one constant on the right, and may have a modifier.
    pub const fn is_string(self) -> bool {
        !self.is_list() && !self.is_order() && !matches!(self, Self::Exists)
    }

    /// Equal, in either spelling.
    pub const fn is_equal(self) -> bool {
        matches!(self, Self::Eq | Self::EqEq)
    }
}
