//! Sets of path prefixes, compared component by component (`pmatch`).

use hashbrown::HashMap;
use regex::bytes::Regex;

use super::pattern::{PatternError, glob};

/// Components that one path of a set may have.
const MAX_COMPONENTS: usize = 256;

/// A set of paths; a component of a path may be a shell pattern.
#[derive(Clone, Debug, Default)]
pub(in crate::rules) struct PathSet {
    /// A path of the set ends here.
    end: bool,
    names: HashMap<Box<[u8]>, Self>,
    patterns: Vec<(Box<[u8]>, Regex, Self)>,
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
        patterns
            .any(|(_, regex, node)| regex.is_match(part) && node.matches_rest(&mut rest.clone()))
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
}
