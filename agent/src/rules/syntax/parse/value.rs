//! The right side of comparisons: constants, lists, fields and transformers.

use super::super::ast::{At, Operand, Right, Transform, Transformer, Value};
use super::super::quote::unquote;
use super::{Parsed, Parser};

impl Parser<'_> {
    pub(super) fn list(&mut self) -> Parsed<Right> {
        let open = self.cursor.take(1);
        self.cursor.blank();
        let mut values = Vec::new();
        if let Some(first) = self.any_string()? {
            values.push(first);
            self.cursor.blank();
            while self.cursor.literal(",").is_some() {
                self.cursor.blank();
                values.push(self.string()?);
                self.cursor.blank();
            }
        }
        self.closing("expected a ')' token")?;
        Ok(Right::List(values, open.start..self.cursor.at))
    }

    /// `val(field)` or a transformer, if one is next.
    pub(super) fn right_field(&mut self) -> Parsed<Option<Right>> {
        if let Some(transform) = self.transform()? {
            return Ok(Some(Right::Transform(transform)));
        }
        if self.cursor.call("val").is_none() {
            return Ok(None);
        }
        self.cursor.literal("(");
        self.cursor.blank();
        let Some(field) = self.field()? else {
            return self.fail("expected a field within 'val' transformer");
        };
        self.cursor.blank();
        self.closing("expected a ')' token closing the transformer")?;
        Ok(Some(Right::Field(field)))
    }

    /// A transformer, if one is next: its name with a parenthesis right behind.
    pub(super) fn transform(&mut self) -> Parsed<Option<Transform>> {
        let called = Transformer::ALL.iter().copied().find_map(|kind| {
            let at = self.cursor.call(kind.text())?;
            Some((kind, at))
        });
        let Some((kind, at)) = called else {
            return Ok(None);
        };
        self.deeper(|parser| {
            parser.cursor.literal("(");
            let mut args = vec![parser.argument(true)?];
            while parser.cursor.literal(",").is_some() {
                args.push(parser.argument(true)?);
            }
            parser.closing("expected a ')' token closing the transformer")?;
            let index = parser.index()?;
            if index.is_some() && kind != Transformer::Getopt {
                let name = kind.text();
                return parser.fail(format!(
                    "transformer '{name}' does not support field arguments"
                ));
            }
            Ok(Some(Transform {
                kind,
                args,
                index,
                at: at.start..parser.cursor.at,
            }))
        })
    }

    /// An argument of a transformer, with the blanks around it.
    pub(super) fn argument(&mut self, lists: bool) -> Parsed<Operand> {
        self.cursor.blank();
        let start = self.cursor.at;
        let argument = if let Some(operand) = self.operand()? {
            operand
        } else if let Some(value) = self.quoted()? {
            Operand::Value(value)
        } else if let Some(at) = self.cursor.number() {
            Operand::Value(self.bare(at))
        } else if lists && self.cursor.literal("(").is_some() {
            Operand::List(self.arguments()?, start..self.cursor.at)
        } else if lists {
            return self.fail(
                "expected field transformer argument: field, transformer, quoted string, number, \
                 or transformer list",
            );
        } else {
            return self.fail(
                "expected transformer list argument: field, transformer, quoted string, or number",
            );
        };
        self.cursor.blank();
        Ok(argument)
    }

    /// The rest of a list of arguments, behind the opening parenthesis.
    pub(super) fn arguments(&mut self) -> Parsed<Vec<Operand>> {
        self.cursor.blank();
        let mut items = Vec::new();
        if self.cursor.literal(")").is_some() {
            return Ok(items);
        }
        loop {
            items.push(self.argument(false)?);
            if self.cursor.literal(",").is_none() {
                break;
            }
        }
        self.closing("expected a ')' token closing the transformer list")?;
        Ok(items)
    }

    pub(super) fn string(&mut self) -> Parsed<Value> {
        match self.any_string()? {
            Some(value) => Ok(value),
            None => self.fail("expected a string value"),
        }
    }

    /// A constant in quotes or without, if one is next.
    pub(super) fn any_string(&mut self) -> Parsed<Option<Value>> {
        if let Some(value) = self.quoted()? {
            return Ok(Some(value));
        }
        Ok(self.cursor.bare_string().map(|at| self.bare(at)))
    }

    pub(super) fn bare(&self, at: At) -> Value {
        let bytes = self.cursor.slice(&at).as_bytes().to_vec();
        Value {
            bytes,
            quoted: false,
            at,
            origin: None,
        }
    }

    pub(super) fn quoted(&mut self) -> Parsed<Option<Value>> {
        let Some(at) = self.cursor.quoted() else {
            return Ok(None);
        };
        let [quote, inside @ .., _] = self.cursor.slice(&at).as_bytes() else {
            return Ok(None);
        };
        match unquote(inside, *quote) {
            Ok(bytes) => Ok(Some(Value {
                bytes,
                quoted: true,
                at,
                origin: None,
            })),
            Err(message) => self.fail(message),
        }
    }
}
