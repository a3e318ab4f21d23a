//! Diagnostics for people, as rustc shows them.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};

use super::{Diagnostic, Label, Severity};
use crate::rules::source::Files;

/// Lines apart at most for two labels to share one excerpt.
const NEAR_LINES: usize = 200;
/// Characters of a label's text at most.
const MAX_LABEL: usize = 400;

/// Text of a diagnostic with the excerpts it speaks of.
pub fn render(diagnostic: &Diagnostic, files: &Files, color: bool) -> String {
    let level = match diagnostic.code.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(shorten(&diagnostic.message))
        .id(diagnostic.code.id);
    let mut group = title.elements(Vec::<Snippet<'_, Annotation<'_>>>::new());
    for excerpt in excerpts(diagnostic, files) {
        group = group.element(excerpt.snippet(files));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(shorten(help)));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_LABEL) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Labels of one file that are near each other.
struct Excerpt<'d> {
    file: u32,
    lines: Range<usize>,
    labels: Vec<(AnnotationKind, &'d Label)>,
}

fn excerpts<'d>(diagnostic: &'d Diagnostic, files: &Files) -> Vec<Excerpt<'d>> {
    let primary = (AnnotationKind::Primary, &diagnostic.primary);
    let notes = diagnostic
        .notes
        .iter()
        .map(|note| (AnnotationKind::Context, note));
    let mut excerpts: Vec<Excerpt<'d>> = Vec::new();
    for (kind, label) in std::iter::once(primary).chain(notes) {
        let line = files.position(label.span).line;
        let near = excerpts.iter_mut().find(|excerpt| {
            excerpt.file == label.span.file
                && line + NEAR_LINES >= excerpt.lines.start
                && line <= excerpt.lines.end + NEAR_LINES
        });
        match near {
            Some(excerpt) => {
                excerpt.lines.start = excerpt.lines.start.min(line);
                excerpt.lines.end = excerpt.lines.end.max(line);
                excerpt.labels.push((kind, label));
            }
            None => excerpts.push(Excerpt {
                file: label.span.file,
                lines: line..line,
                labels: vec![(kind, label)],
            }),
        }
    }
    excerpts
}

impl<'d> Excerpt<'d> {
    /// The lines with their labels. Only the lines needed are handed to the renderer, because files may
    /// be large.
    fn snippet<'f: 'd>(&self, files: &'f Files) -> Snippet<'d, Annotation<'d>> {
        let text = files.text(self.file);
        let start: usize = text
            .split_inclusive('\n')
            .take(self.lines.start - 1)
            .map(str::len)
            .sum();
        let rest = text.get(start..).unwrap_or_default();
        let ends = self.labels.iter().map(|(_, label)| label.span.end as usize);
        let last = ends
            .max()
            .unwrap_or(start)
            .saturating_sub(start)
            .min(rest.len());
        let last = rest.ceil_char_boundary(last);
        let tail = rest.get(last..).unwrap_or_default();
        let end = last + tail.find('\n').unwrap_or(tail.len());
        let shown = rest.get(..end).unwrap_or(rest);
        let annotations = self.labels.iter().map(|(kind, label)| {
            let from = shown.floor_char_boundary((label.span.start as usize).saturating_sub(start));
            let to = (label.span.end as usize).saturating_sub(start);
            let to = shown.ceil_char_boundary(to).max(from);
            let text = (!label.text.is_empty()).then(|| shorten(&label.text));
            kind.span(from..to).label(text)
        });
        Snippet::source(shown)
            .line_start(self.lines.start)
            .path(files.name(self.file))
            .annotations(annotations)
    }
}
