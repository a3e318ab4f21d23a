//! "Did you mean".

/// The known word nearest to `word`, if one is near enough to be meant.
pub(in crate::rules) fn nearest<'n>(
    word: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    // Long garbage would cost time without a useful answer.
    if word.len() > 100 {
        return None;
    }
    let scored = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name));
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    let allowed = (word.chars().count() / 4).clamp(1, 4);
    (distance > 0 && distance <= allowed).then_some(name)
}
