//! Sets of path prefixes, compared component by component (`pmatch`).

use hashbrown::HashMap;

use super::pattern::{Glob, PatternError, glob};

/// Components that one path of a set may have.
const MAX_COMPONENTS: usize = 256;

/// A set of paths; a component of a path may be a shell pattern.
#[derive(Clone, Debug, Default)]
pub(in crate::rules) struct PathSet {
    /// A path of the set ends here.
    end: bool,
    names: HashMap<Box<[u8]>, Self>,
    patterns: Vec<(Box<[u8]>, Glob, Self)>,
}

/// What a path begins with.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) enum Stem<'p> {
    /// This directory, which it may also be itself; empty for the root.
    Path(&'p [u8]),
    /// This text.
    Text(&'p [u8]),
}

impl PathSet {
    /// Adds a path.
    pub(in crate::rules) fn insert(&mut self, path: &[u8]) -> Result<(), PatternError> {
        let mut node = self;
        for (index, part) in components(path).enumerate() {
            if index >= MAX_COMPONENTS {
                return Err(format!("path has more than {MAX_COMPONENTS} components"));
            }
            node = if part.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
                node.pattern(part)?
            } else {
                node.names.entry(part.into()).or_default()
            };
        }
        node.end = true;
        Ok(())
    }

    fn pattern(&mut self, part: &[u8]) -> Result<&mut Self, PatternError> {
        let known = self
            .patterns
            .iter()
            .position(|(text, _, _)| **text == *part);
        let at = if let Some(at) = known {
            at
        } else {
            self.patterns
                .push((part.into(), glob(part, false)?, Self::default()));
            self.patterns.len() - 1
        };
        match self.patterns.get_mut(at) {
            Some((_, _, node)) => Ok(node),
            None => Err("pattern lost".to_owned()),
        }
    }

    /// Hands over what absolute paths that match begin with, one of which is true of each.
    pub(in crate::rules) fn stems(&self, each: &mut dyn FnMut(Stem<'_>)) {
        self.stems_below(&mut Vec::new(), each);
    }

    /// `at` is the path so far, without a slash at its end.
    fn stems_below(&self, at: &mut Vec<u8>, each: &mut dyn FnMut(Stem<'_>)) {
        if self.end {
            each(Stem::Path(at));
            return;
        }
        let len = at.len();
        for (name, node) in &self.names {
            at.push(b'/');
            at.extend_from_slice(name);
            node.stems_below(at, each);
            at.truncate(len);
        }
        for (_, glob, _) in &self.patterns {
            at.push(b'/');
            at.extend_from_slice(glob.literal_start());
            each(Stem::Text(at));
            at.truncate(len);
        }
    }

    /// Whether a path of the set is a prefix of `path`.
    pub(in crate::rules) fn matches(&self, path: &[u8]) -> bool {
        self.matches_rest(&mut components(path))
    }

    fn matches_rest<'p>(&self, rest: &mut (impl Iterator<Item = &'p [u8]> + Clone)) -> bool {
        if self.end {
            return true;
        }
        let Some(part) = rest.next() else {
            return false;
        };
        if let Some(node) = self.names.get(part)
            && node.matches_rest(&mut rest.clone())
        {
            return true;
        }
        let mut patterns = self.patterns.iter();
        patterns.any(|(_, glob, node)| glob.is_match(part) && node.matches_rest(&mut rest.clone()))
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
}
