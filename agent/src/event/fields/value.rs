//! Values of fields and their types.

use std::net::IpAddr;

/// Type of a field, as the reference implementation names it; decides which operators apply and how
/// constants are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 32 bits.
    Uint32,
    /// Unsigned, 64 bits.
    Uint64,
    /// Floating point.
    Double,
    /// `true` or `false`.
    Bool,
    /// Text.
    Text,
    /// Path.
    Path,
    /// Path relative to a directory descriptor.
    RelPath,
    /// Bytes.
    Bytes,
    /// Nanoseconds since the Unix epoch.
    Time,
    /// Nanoseconds.
    Duration,
    /// TCP or UDP port.
    Port,
    /// IPv4 or IPv6 address.
    Ip,
    /// IPv4 or IPv6 network.
    Net,
    /// Decided by the event parameter it reads.
    Dynamic,
}

impl FieldType {
    /// Name in messages and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Uint32 => "UINT32",
            Self::Uint64 => "UINT64",
            Self::Double => "DOUBLE",
            Self::Bool => "BOOL",
            Self::Text => "CHARBUF",
            Self::Path => "FSPATH",
            Self::RelPath => "FSRELPATH",
            Self::Bytes => "BYTEBUF",
            Self::Time => "ABSTIME",
            Self::Duration => "RELTIME",
            Self::Port => "PORT",
            Self::Ip => "IPADDR",
            Self::Net => "IPNET",
            Self::Dynamic => "DYNAMIC",
        }
    }

    /// Text that string operators and transformers accept.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Path | Self::RelPath)
    }

    /// Number that ordering operators accept.
    pub const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int16
                | Self::Int32
                | Self::Int64
                | Self::Uint32
                | Self::Uint64
                | Self::Double
                | Self::Time
                | Self::Duration
                | Self::Port
        )
    }

    /// Signed whole number.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Int16 | Self::Int32 | Self::Int64)
    }
}

/// One value of a field. Text is borrowed from the event, the process table or the scratch memory of
/// the evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// Signed number.
    Int(i64),
    /// Unsigned number.
    Uint(u64),
    /// Unsigned number that prints in hexadecimal (capital letters, no prefix).
    Hex(u64),
    /// Floating point.
    Double(f64),
    /// Truth value.
    Bool(bool),
    /// Text or bytes, not necessarily UTF-8.
    Bytes(&'a [u8]),
    /// Address.
    Ip(IpAddr),
}

impl<'a> FieldValue<'a> {
    /// Text of a string.
    pub const fn text(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }

    /// The value as a number for comparing.
    pub fn number(self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(value.into()),
            Self::Uint(value) | Self::Hex(value) => Some(value.into()),
            Self::Bool(value) => Some(value.into()),
            Self::Double(_) | Self::Bytes(_) | Self::Ip(_) => None,
        }
    }

    /// Appends the value as alerts print it. Unprintable and invalid text is passed through.
    pub fn print(self, out: &mut Vec<u8>) {
        use std::io::Write as _;
        let written = match self {
            Self::Int(value) => write!(out, "{value}"),
            Self::Uint(value) => write!(out, "{value}"),
            Self::Hex(value) => write!(out, "{value:X}"),
            Self::Double(value) => write!(out, "{value:.3}"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Ip(value) => write!(out, "{value}"),
            Self::Bytes(value) => {
                out.extend_from_slice(value);
                Ok(())
            }
        };
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }

    /// The value as JSON: numbers stay numbers, text is cleaned to UTF-8.
    pub fn json(self) -> serde_json::Value {
        match self {
            Self::Int(value) => value.into(),
            Self::Uint(value) => value.into(),
            Self::Hex(value) => format!("{value:X}").into(),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the reference truncates too"
            )]
            Self::Double(value) => (value as i64).into(),
            Self::Bool(value) => value.into(),
            Self::Ip(value) => value.to_string().into(),
            Self::Bytes(value) => String::from_utf8_lossy(value).into(),
        }
    }
}
