//! Loading: files in, rule set and diagnostics out.

use super::catalog::Catalog;
use super::compile;
use super::diagnostics::{Diagnostic, E0001, E0002, E0004, to_json};
use super::format::OutputOptions;
use super::load::{Collector, Priority, Version, read_file};
use super::set::RuleSet;
use super::source::{Files, Source, Span};

/// Version of Falco's rule language that is implemented.
pub const ENGINE_VERSION: Version = Version::new(0, 63, 0);

/// Plugins of the reference implementation whose fields are built in here, with the version they match.
pub const PROVIDED_PLUGINS: &[(&str, &str)] = &[("container", "0.7.0")];

/// How rules are loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Rules less severe than this are left out.
    pub least_priority: Priority,
    /// What is added to outputs.
    pub output: OutputOptions,
    /// Bytes that one file may have.
    pub max_file_bytes: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            least_priority: Priority::Debug,
            output: OutputOptions {
                suggested: true,
                extra: None,
            },
            max_file_bytes: 16 << 20,
        }
    }
}

/// What a load gives.
#[derive(Debug)]
pub struct LoadResult {
    /// The rules; none if there was an error.
    pub rules: Option<RuleSet>,
    /// Every error and warning of every file.
    pub diagnostics: Vec<Diagnostic>,
    /// Errors and warnings beyond [`MAX_SHOWN`] of each, which are left out.
    pub left_out: usize,
    /// The files, for showing the diagnostics.
    pub files: Files,
    /// Every definition, and where its parts came from.
    pub catalog: Catalog,
}

/// Errors, and likewise warnings, that one load reports. A file can be wrong everywhere.
pub const MAX_SHOWN: usize = 500;

impl LoadResult {
    /// The errors among the diagnostics.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
    }

    /// The warnings among the diagnostics.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| !diagnostic.is_error())
    }

    /// Every diagnostic for people, one after the other.
    pub fn render(&self, color: bool) -> String {
        let shown = self.diagnostics.iter();
        let mut text: String = shown
            .map(|diagnostic| super::diagnostics::render(diagnostic, &self.files, color))
            .collect();
        if self.left_out > 0 {
            text.push_str(&self.left_out.to_string());
            text.push_str(
                " more errors and warnings are left out
",
            );
        }
        text
    }

    /// Every diagnostic for programs.
    pub fn json(&self) -> serde_json::Value {
        self.diagnostics
            .iter()
            .map(|diagnostic| to_json(diagnostic, &self.files))
            .collect()
    }
}

/// Loads rule files, in the order given. Later files may change what earlier ones define.
pub fn load(sources: &[Source], options: &LoadOptions) -> LoadResult {
    let mut files = Files::default();
    let mut collector = Collector::new(ENGINE_VERSION);
    for (number, source) in (0_u32..).zip(sources) {
        match readable(source, number, options) {
            Ok(text) => {
                read_file(&mut collector, text, number);
                files.add(&source.name, text.to_owned());
            }
            Err(diagnostic) => {
                collector.diagnostics.push(*diagnostic);
                let shown = source
                    .text
                    .get(..options.max_file_bytes.min(source.text.len()));
                let shown = String::from_utf8_lossy(shown.unwrap_or_default());
                files.add(&source.name, shown.into_owned());
            }
        }
    }
    let compiled = compile::compile(&collector, options.least_priority, &options.output);
    let mut diagnostics = std::mem::take(&mut collector.diagnostics);
    diagnostics.extend(compiled.diagnostics.iter().cloned());
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    let left_out = limit(&mut diagnostics);
    let rules = (!failed).then(|| RuleSet::new(compiled, std::mem::take(&mut collector.plugins)));
    LoadResult {
        rules,
        diagnostics,
        left_out,
        files,
        catalog: Catalog::new(collector),
    }
}

/// Keeps the first [`MAX_SHOWN`] errors and warnings; how many are left out.
fn limit(diagnostics: &mut Vec<Diagnostic>) -> usize {
    let before = diagnostics.len();
    let (mut errors, mut warnings) = (0, 0);
    diagnostics.retain(|diagnostic| {
        let count = if diagnostic.is_error() {
            &mut errors
        } else {
            &mut warnings
        };
        *count += 1;
        *count <= MAX_SHOWN
    });
    before - diagnostics.len()
}

/// The text of a file, if it can be read at all.
fn readable<'s>(
    source: &'s Source,
    number: u32,
    options: &LoadOptions,
) -> Result<&'s str, Box<Diagnostic>> {
    if let Some(problem) = &source.problem {
        let span = Span {
            file: number,
            start: 0,
            end: 0,
        };
        let message = format!("{}: {problem}", source.name);
        return Err(Box::new(Diagnostic::new(&E0001, message, span)));
    }
    if source.text.len() > options.max_file_bytes {
        let (len, most) = (source.text.len(), options.max_file_bytes);
        let message = format!("file has {len} bytes; at most {most} are read");
        let span = Span {
            file: number,
            start: 0,
            end: 0,
        };
        return Err(Box::new(Diagnostic::new(&E0004, message, span)));
    }
    std::str::from_utf8(&source.text).map_err(|error| {
        let at = u32::try_from(error.valid_up_to()).unwrap_or(0);
        let span = Span {
            file: number,
            start: at,
            end: at + 1,
        };
        let message = format!("byte {at} is not UTF-8");
        Box::new(Diagnostic::new(&E0002, message, span).label("not UTF-8"))
    })
}

/// The event names that a condition can match, as the reference implementation infers them.
pub fn infer_event_types(condition: &str) -> Result<Vec<&'static str>, Box<Diagnostic>> {
    let types = compile::infer(condition)?;
    Ok(types.names().collect())
}
