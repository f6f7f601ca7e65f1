//! "Did you mean …?"

/// The candidate nearest to what was typed, if one is near enough to be a slip of the fingers.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let limit = (typed.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&typed, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment). Long texts are not compared.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().take(80).collect(), right.chars().take(80).collect());
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, one) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in right.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(one != other);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left[i - 1] == *other && right[j - 1] == *one {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let names = ["FLOOR", "FORMATDURATION", "LEFT", "LEN", "TEXT"];
        assert_eq!(nearest("FLOR", names), Some("FLOOR"));
        assert_eq!(nearest("tetx", names), Some("TEXT"));
        assert_eq!(nearest("FORMATDURATON", names), Some("FORMATDURATION"));
        assert_eq!(nearest("VLOOKUP", names), None);
        assert_eq!(nearest("", names), None);
    }
}
