//! The variable-length parts of a record.

use komainu_common::{
    exec::Ancestor,
    item::{ITEM_CUT, ITEM_FAULT, tag},
};
use zerocopy::FromBytes as _;

use super::DecodeError;

/// Tags are below this; higher ones are of a newer kernel half and skipped.
const TAGS: usize = 32;

/// One item.
#[derive(Clone, Copy, Debug, Default)]
pub struct Item<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// `ITEM_*` bits.
    pub flags: u8,
}

/// The items of a record, by tag.
#[derive(Clone, Debug, Default)]
pub struct Items<'a> {
    by_tag: [Option<Item<'a>>; TAGS],
}

impl<'a> Items<'a> {
    /// Splits the tail of a record. Of two items with one tag the first is kept.
    pub fn parse(tail: &'a [u8]) -> Result<Self, DecodeError> {
        let mut items = Self::default();
        let mut rest = tail;
        while let Some((&tag, after)) = rest.split_first() {
            let cut_short = DecodeError::Item {
                tag,
                at: tail.len() - rest.len(),
            };
            let Some(([flags, low, high], after)) = after.split_first_chunk() else {
                return Err(cut_short);
            };
            let len = usize::from(u16::from_ne_bytes([*low, *high]));
            let Some((bytes, next)) = after.split_at_checked(len) else {
                return Err(cut_short);
            };
            if let Some(slot @ None) = items.by_tag.get_mut(usize::from(tag)) {
                *slot = Some(Item {
                    bytes,
                    flags: *flags,
                });
            }
            rest = next;
        }
        Ok(items)
    }

    /// The item with this tag.
    pub fn get(&self, tag: u8) -> Option<Item<'a>> {
        self.by_tag.get(usize::from(tag)).copied().flatten()
    }

    /// Bytes of the item with this tag; `None` where it is missing or could not be read.
    pub fn bytes(&self, tag: u8) -> Option<&'a [u8]> {
        let item = self.get(tag)?;
        let unread = item.flags & ITEM_FAULT != 0 && item.bytes.is_empty();
        (!unread).then_some(item.bytes)
    }

    /// Bytes of the item with this tag, if nothing of it is missing.
    pub fn whole(&self, tag: u8) -> Option<&'a [u8]> {
        let item = self.get(tag)?;
        (item.flags & (ITEM_CUT | ITEM_FAULT) == 0).then_some(item.bytes)
    }

    /// Whether any item is cut or incomplete.
    pub fn any_cut(&self) -> bool {
        self.by_tag
            .iter()
            .flatten()
            .any(|item| item.flags & (ITEM_CUT | ITEM_FAULT) != 0)
    }

    /// Ancestors, nearest first.
    pub fn ancestors(&self) -> Ancestors<'a> {
        Ancestors::new(self.bytes(tag::ANCESTORS).unwrap_or_default())
    }
}

/// Iterator over the ancestors in a record. A trailing part of one is ignored.
#[derive(Clone, Debug)]
pub struct Ancestors<'a> {
    rest: &'a [u8],
}

impl<'a> Ancestors<'a> {
    /// Over the bytes of an `ANCESTORS` item.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl Iterator for Ancestors<'_> {
    type Item = Ancestor;

    fn next(&mut self) -> Option<Ancestor> {
        let (ancestor, rest) = Ancestor::read_from_prefix(self.rest).ok()?;
        self.rest = rest;
        Some(ancestor)
    }
}
