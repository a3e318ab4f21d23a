//! Values of an event's parameters.

use std::ops::{Deref, DerefMut};

use arrayvec::ArrayVec;

use super::Value;

/// Values that stand in the event itself.
///
/// An event is moved several times until rules see it, and each move copies the room for these. Most
/// events have fewer; a program that starts has thirty, and costs far more than an allocation anyway.
const FEW: usize = 8;

/// Parameter values, in the order of the event table.
#[derive(Clone, Debug)]
pub struct Params<'a>(Inner<'a>);

#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the common one, and must not allocate"
)]
#[derive(Clone, Debug)]
enum Inner<'a> {
    Few(ArrayVec<Value<'a>, FEW>),
    Many(Vec<Value<'a>>),
}

impl<'a> Params<'a> {
    /// No value.
    pub const fn new() -> Self {
        Self(Inner::Few(ArrayVec::new_const()))
    }

    /// Adds the next value.
    pub fn push(&mut self, value: Value<'a>) {
        match &mut self.0 {
            Inner::Many(many) => many.push(value),
            Inner::Few(few) => {
                if let Err(full) = few.try_push(value) {
                    let mut many = Vec::with_capacity(4 * FEW);
                    many.extend(few.iter().copied().chain([full.element()]));
                    self.0 = Inner::Many(many);
                }
            }
        }
    }
}

impl Default for Params<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Deref for Params<'a> {
    type Target = [Value<'a>];

    fn deref(&self) -> &[Value<'a>] {
        match &self.0 {
            Inner::Few(few) => few,
            Inner::Many(many) => many,
        }
    }
}

impl DerefMut for Params<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.0 {
            Inner::Few(few) => few,
            Inner::Many(many) => many,
        }
    }
}

impl<'p, 'a> IntoIterator for &'p Params<'a> {
    type Item = &'p Value<'a>;
    type IntoIter = std::slice::Iter<'p, Value<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> Extend<Value<'a>> for Params<'a> {
    fn extend<I: IntoIterator<Item = Value<'a>>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl<'a> FromIterator<Value<'a>> for Params<'a> {
    fn from_iter<I: IntoIterator<Item = Value<'a>>>(values: I) -> Self {
        let mut params = Self::new();
        params.extend(values);
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_look_alike() {
        for count in [0, FEW, FEW + 1, 5 * FEW] {
            let values: Vec<Value<'_>> = (0_u64..).map(Value::Uint).take(count).collect();
            let params: Params<'_> = values.iter().copied().collect();
            assert_eq!(*params, *values);
        }
    }
}
