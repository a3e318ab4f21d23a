//! A reader of BTF, the kernel's compact type information (`Documentation/bpf/btf.rst`).
//!
//! It answers three questions: where a member is in a struct, how large a struct is, what an
//! enumerator's value is. The crates that parse BTF build the whole type graph (0.4 s and 60 MB for
//! a distribution kernel) and take a function for a struct of the same name; this one walks the
//! bytes in place. Total: any bytes give an answer or an error.

use std::collections::HashMap;

const MAGIC: u16 = 0xeb9f;
const TYPE_HEADER: usize = 12;
const MEMBER: usize = 12;

/// Nesting of typedefs, qualifiers and anonymous members that is followed; BTF that needs more is
/// hostile.
const MAX_DEPTH: u32 = 32;

mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNC: u32 = 12;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
    pub(super) const LAST: u32 = 19;
}

/// What is wrong with BTF bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too short, or a section outside the file.
    #[error("it is cut short")]
    Short,
    /// Not BTF of this machine's byte order.
    #[error("the magic number is {0:#06x}, not {MAGIC:#06x}")]
    Magic(u16),
    /// A kind of type that this reader cannot skip.
    #[error("type {id} is of unknown kind {kind}")]
    Kind {
        /// Number of the type.
        id: usize,
        /// Its kind.
        kind: u32,
    },
}

/// Parsed BTF: an index over its bytes.
#[derive(Debug)]
pub struct Btf {
    bytes: Vec<u8>,
    strings: std::ops::Range<usize>,
    /// Byte offset of type `i + 1`.
    types: Vec<u32>,
    /// Structs and enums by name. Another kind of the same name is not in the way.
    structs: HashMap<Box<[u8]>, usize>,
}

#[derive(Clone, Copy)]
struct Type {
    at: usize,
    name: u32,
    kind: u32,
    flag: bool,
    len: usize,
    /// Size in bytes, or number of the type referred to.
    value: u32,
}

impl Btf {
    /// Indexes BTF bytes.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let magic = u16_at(&bytes, 0).ok_or(Malformed::Short)?;
        if magic != MAGIC {
            return Err(Malformed::Magic(magic));
        }
        let header = section(&bytes, 4).ok_or(Malformed::Short)?;
        let part = |offset: usize, length: usize| {
            let start = header.checked_add(section(&bytes, offset)?)?;
            let end = start.checked_add(section(&bytes, length)?)?;
            (end <= bytes.len()).then_some(start..end)
        };
        let type_part = part(8, 12).ok_or(Malformed::Short)?;
        let strings = part(16, 20).ok_or(Malformed::Short)?;
        let mut btf = Self {
            bytes,
            strings,
            types: Vec::new(),
            structs: HashMap::new(),
        };
        btf.index(type_part)?;
        Ok(btf)
    }

    fn index(&mut self, part: std::ops::Range<usize>) -> Result<(), Malformed> {
        let mut at = part.start;
        while at < part.end {
            let ty = self.read(at).ok_or(Malformed::Short)?;
            let id = self.types.len() + 1;
            let extra = extra(&ty).ok_or(Malformed::Kind { id, kind: ty.kind })?;
            if matches!(ty.kind, kind::STRUCT | kind::ENUM) && ty.name != 0 {
                let name = self.string(ty.name).ok_or(Malformed::Short)?.into();
                self.structs.insert(name, id);
            }
            self.types
                .push(u32::try_from(at).map_err(|_| Malformed::Short)?);
            at = at + TYPE_HEADER + extra;
        }
        if at == part.end {
            Ok(())
        } else {
            Err(Malformed::Short)
        }
    }

    /// Offset in bytes of `path` (`a.b.c`, anonymous members seen through) in `struct name`.
    /// `None` if there is none, or it is a bit field that no byte offset reaches.
    pub fn offset_of(&self, name: &str, path: &str) -> Option<u32> {
        let mut id = self.named(name)?;
        let mut bits = 0_u32;
        for part in path.split('.') {
            let (offset, ty) = self.member(id, part, MAX_DEPTH)?;
            bits = bits.checked_add(offset)?;
            id = ty;
        }
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// Size of `struct name` in bytes.
    pub fn size_of(&self, name: &str) -> Option<u32> {
        Some(self.get(self.named(name)?)?.value)
    }

    /// Number of `struct name`.
    pub fn struct_id(&self, name: &str) -> Option<u32> {
        let id = self.named(name)?;
        (self.get(id)?.kind == kind::STRUCT).then(|| u32::try_from(id).ok())?
    }

    /// Number of the function `name`.
    pub fn function_id(&self, name: &str) -> Option<u32> {
        let is_it = |&id: &usize| {
            self.get(id).is_some_and(|ty| {
                ty.kind == kind::FUNC && self.string(ty.name) == Some(name.as_bytes())
            })
        };
        u32::try_from((1..=self.types.len()).find(is_it)?).ok()
    }

    /// Value of `enumerator` in `enum name`.
    pub fn enumerator(&self, name: &str, enumerator: &str) -> Option<u32> {
        let ty = self.get(self.named(name)?)?;
        (0..ty.len)
            .filter(|_| ty.kind == kind::ENUM)
            .find_map(|index| {
                let entry = ty.at + TYPE_HEADER + index * 8;
                let found = self.string(u32_at(&self.bytes, entry)?) == Some(enumerator.as_bytes());
                found.then(|| u32_at(&self.bytes, entry + 4)).flatten()
            })
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.structs.get(name.as_bytes()).copied()
    }

    /// Bit offset and type of member `name`, looking through anonymous structs and unions.
    fn member(&self, id: usize, name: &str, depth: u32) -> Option<(u32, usize)> {
        let depth = depth.checked_sub(1)?;
        let ty = self.strip(id)?;
        if !matches!(ty.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        (0..ty.len).find_map(|index| {
            let at = ty.at + TYPE_HEADER + index * MEMBER;
            let member_name = u32_at(&self.bytes, at)?;
            let member_type = usize::try_from(u32_at(&self.bytes, at + 4)?).ok()?;
            let raw = u32_at(&self.bytes, at + 8)?;
            let bits = if ty.flag { raw & 0xff_ffff } else { raw };
            if member_name == 0 {
                let (inner, found) = self.member(member_type, name, depth)?;
                return Some((bits.checked_add(inner)?, found));
            }
            (self.string(member_name) == Some(name.as_bytes())).then_some((bits, member_type))
        })
    }

    /// The type behind typedefs and qualifiers.
    fn strip(&self, id: usize) -> Option<Type> {
        let mut ty = self.get(id)?;
        for _ in 0..MAX_DEPTH {
            match ty.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    ty = self.get(usize::try_from(ty.value).ok()?)?;
                }
                _ => return Some(ty),
            }
        }
        None
    }

    fn get(&self, id: usize) -> Option<Type> {
        let at = *self.types.get(id.checked_sub(1)?)?;
        self.read(usize::try_from(at).ok()?)
    }

    fn read(&self, at: usize) -> Option<Type> {
        let info = u32_at(&self.bytes, at.checked_add(4)?)?;
        Some(Type {
            at,
            name: u32_at(&self.bytes, at)?,
            kind: (info >> 24) & 0x1f,
            flag: info >> 31 == 1,
            len: usize::try_from(info & 0xffff).ok()?,
            value: u32_at(&self.bytes, at + 8)?,
        })
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        let strings = self.bytes.get(self.strings.clone())?;
        let rest = strings.get(usize::try_from(offset).ok()?..)?;
        rest.get(..memchr::memchr(0, rest)?)
    }
}

/// Bytes that follow the header of a type.
fn extra(ty: &Type) -> Option<usize> {
    match ty.kind {
        kind::INT | kind::VAR | kind::DECL_TAG => Some(4),
        kind::ARRAY => Some(12),
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => Some(12 * ty.len),
        kind::ENUM | kind::FUNC_PROTO => Some(8 * ty.len),
        0 => None,
        other if other <= kind::LAST => Some(0),
        _ => None,
    }
}

fn section(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, at)?).ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let raw = bytes.get(at..at.checked_add(2)?)?;
    raw.try_into().ok().map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at.checked_add(4)?)?;
    raw.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `struct s { int a; union { int b; struct { int c; int d:3; }; }; }; enum e { X = 7 };` and a
    /// function called `s`.
    #[expect(
        clippy::many_single_char_names,
        reason = "they are the names in the sample"
    )]
    fn sample() -> Vec<u8> {
        let strings = b"\0int\0s\0a\0b\0c\0d\0e\0X\0";
        let (int, s, a, b, c, d, e, x) = (1, 5, 7, 9, 11, 13, 15, 17);
        let info = |kind: u32, len: u32, flag: bool| (kind << 24) | len | u32::from(flag) << 31;
        let words: Vec<u32> = vec![
            int,
            info(kind::INT, 0, false),
            4,
            32, // 1
            0,
            info(kind::STRUCT, 2, true),
            8,
            c,
            1,
            0,
            d,
            1,
            3 << 24 | 0x21, // 2
            0,
            info(kind::UNION, 2, false),
            8,
            b,
            1,
            0,
            0,
            2,
            0, // 3
            s,
            info(kind::STRUCT, 2, false),
            12,
            a,
            1,
            0,
            0,
            3,
            32, // 4
            s,
            info(12, 0, false),
            1, // 5: func
            e,
            info(kind::ENUM, 1, false),
            4,
            x,
            7, // 6
        ];
        let mut bytes = Vec::new();
        bytes.extend(MAGIC.to_ne_bytes());
        bytes.extend([1, 0]);
        let types_len = u32::try_from(words.len() * 4).unwrap();
        let strings_len = u32::try_from(strings.len()).unwrap();
        for word in [24, 0, types_len, types_len, strings_len] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn finds_members_through_anonymous_types() {
        let btf = Btf::parse(sample()).unwrap();
        assert_eq!(btf.offset_of("s", "a"), Some(0));
        assert_eq!(btf.offset_of("s", "b"), Some(4));
        assert_eq!(btf.offset_of("s", "c"), Some(4));
        assert_eq!(btf.offset_of("s", "nosuch"), None);
        assert_eq!(btf.offset_of("s", "a.x"), None);
        assert_eq!(btf.size_of("s"), Some(12));
        assert_eq!(btf.enumerator("e", "X"), Some(7));
    }

    #[test]
    fn refuses_a_bit_field_off_a_byte() {
        assert_eq!(Btf::parse(sample()).unwrap().offset_of("s", "d"), None);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(Btf::parse(Vec::new()).unwrap_err(), Malformed::Short);
        assert_eq!(Btf::parse(vec![0; 64]).unwrap_err(), Malformed::Magic(0));
        let mut cut = sample();
        cut.truncate(80);
        assert_eq!(Btf::parse(cut).unwrap_err(), Malformed::Short);
    }

    proptest! {
        #[test]
        fn survives_any_change_of_a_byte(at in 0_usize..200, value: u8) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(btf) = Btf::parse(bytes) {
                let _answer = (btf.offset_of("s", "c"), btf.size_of("s"), btf.enumerator("e", "X"));
            }
        }
    }
}
