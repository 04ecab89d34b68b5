//! The difference of two texts, line by line.

use std::fmt::Write as _;
use std::ops::Range;

/// How many lines around a change are shown.
const AROUND: usize = 3;
/// How many pairs of lines are compared; above, everything between the first and the last
/// difference counts as changed.
const MAX_PAIRS: usize = 1_000_000;

/// A run of lines that are the same, or that differ.
struct Run {
    same: bool,
    old: Range<usize>,
    new: Range<usize>,
}

/// The difference in the unified format, without the names of files. Empty when there is none.
pub(crate) fn unified(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut out = String::new();
    for hunk in hunks(runs(&old, &new)) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let (from, to) = (first.old.start..last.old.end, first.new.start..last.new.end);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "@@ -{} +{} @@", place(&from), place(&to));
        for run in &hunk {
            let gone = old.get(run.old.clone()).unwrap_or_default();
            let come = new.get(run.new.clone()).unwrap_or_default();
            if run.same {
                gone.iter().for_each(|line| push(&mut out, ' ', line));
            } else {
                gone.iter().for_each(|line| push(&mut out, '-', line));
                come.iter().for_each(|line| push(&mut out, '+', line));
            }
        }
    }
    out
}

fn push(out: &mut String, sign: char, line: &str) {
    out.push(sign);
    out.push_str(line);
    out.push('\n');
}

fn place(lines: &Range<usize>) -> String {
    // An empty range is named by the line in front of it.
    let start = if lines.is_empty() { lines.start } else { lines.start + 1 };
    format!("{start},{}", lines.len())
}

/// Runs of equal and of different lines, in turns.
fn runs(old: &[&str], new: &[&str]) -> Vec<Run> {
    let front = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - front;
    let back =
        old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (a, b) = (front..old.len() - back, front..new.len() - back);
    let mut pairs: Vec<(usize, usize)> = (0..front).map(|at| (at, at)).collect();
    pairs.extend(common(old, new, a.clone(), b.clone()));
    pairs.extend((0..back).map(|at| (a.end + at, b.end + at)));
    let mut runs: Vec<Run> = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (x, y) in pairs.into_iter().chain([(old.len(), new.len())]) {
        if (i, j) != (x, y) {
            runs.push(Run { same: false, old: i..x, new: j..y });
        }
        if x < old.len() && y < new.len() {
            match runs.last_mut() {
                Some(run) if run.same => (run.old.end, run.new.end) = (x + 1, y + 1),
                _ => runs.push(Run { same: true, old: x..x + 1, new: y..y + 1 }),
            }
        }
        (i, j) = (x + 1, y + 1);
    }
    runs
}

/// The longest common subsequence of two ranges, as pairs of line numbers.
fn common(old: &[&str], new: &[&str], a: Range<usize>, b: Range<usize>) -> Vec<(usize, usize)> {
    let (rows, columns) = (a.len(), b.len());
    if rows.saturating_mul(columns) > MAX_PAIRS {
        return Vec::new();
    }
    let same = |i: usize, j: usize| old.get(a.start + i) == new.get(b.start + j);
    // The length of what is common from each pair on.
    let mut lengths = vec![0u32; (rows + 1) * (columns + 1)];
    let cell = |i: usize, j: usize| i * (columns + 1) + j;
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(cell(i, j)).copied().unwrap_or(0);
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            let length = if same(i, j) {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(here) = lengths.get_mut(cell(i, j)) {
                *here = length;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < rows && j < columns {
        if same(i, j) {
            pairs.push((a.start + i, b.start + j));
            (i, j) = (i + 1, j + 1);
        } else if at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Differences with the lines around them. Those that are close share a hunk.
fn hunks(runs: Vec<Run>) -> Vec<Vec<Run>> {
    let mut hunks: Vec<Vec<Run>> = Vec::new();
    let mut current: Vec<Run> = Vec::new();
    let last = runs.len().saturating_sub(1);
    for (at, run) in runs.into_iter().enumerate() {
        let length = run.old.len();
        let part = |skip: usize, take: usize| Run {
            same: true,
            old: run.old.start + skip..run.old.start + skip + take,
            new: run.new.start + skip..run.new.start + skip + take,
        };
        if !run.same {
            current.push(run);
        } else if at == 0 {
            current.push(part(length.saturating_sub(AROUND), length.min(AROUND)));
        } else if at == last {
            current.push(part(0, length.min(AROUND)));
        } else if length <= 2 * AROUND {
            current.push(run);
        } else {
            current.push(part(0, AROUND));
            hunks.push(std::mem::take(&mut current));
            current.push(part(length - AROUND, AROUND));
        }
    }
    hunks.push(current);
    hunks.retain(|hunk| hunk.iter().any(|run| !run.same));
    hunks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn changes_are_shown_with_the_lines_around_them() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\n";
        assert_eq!(
            unified(old, new),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
             @@ -10,3 +10,4 @@\n 10\n 11\n 12\n+13\n"
        );
        assert_eq!(unified(old, old), "");
        assert_eq!(unified("", "a\n"), "@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(unified("a", ""), "@@ -1,1 +0,0 @@\n-a\n");
    }

    #[test]
    fn texts_that_are_too_long_to_compare_are_replaced() {
        let text = |from: usize| (from..from + 2_000).map(|n| format!("{n}\n")).collect::<String>();
        let found = unified(&text(0), &text(5_000));
        assert_eq!(found.lines().count(), 4_001);
    }

    /// Does what the difference says.
    fn patch(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.lines().collect();
        let (mut out, mut next) = (Vec::new(), 0);
        for line in diff.lines() {
            if let Some(header) = line.strip_prefix("@@ -") {
                let (start, length) = header.split(' ').next().unwrap().split_once(',').unwrap();
                let start: usize = start.parse().unwrap();
                let start = if length == "0" { start } else { start - 1 };
                out.extend_from_slice(&old[next..start]);
                next = start;
            } else if let Some(line) = line.strip_prefix('+') {
                out.push(line);
            } else {
                assert_eq!(old[next], &line[1..]);
                next += 1;
                out.extend(line.strip_prefix(' '));
            }
        }
        out.extend_from_slice(&old[next..]);
        out.join("\n")
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 300, failure_persistence: None, ..Default::default()
        })]

        #[test]
        fn a_difference_makes_the_one_of_the_other(
            old in prop::collection::vec(0..4u8, 0..30), new in prop::collection::vec(0..4u8, 0..30),
        ) {
            let text = |lines: &[u8]| {
                lines.iter().map(u8::to_string).collect::<Vec<_>>().join("\n")
            };
            let (old, new) = (text(&old), text(&new));
            prop_assert_eq!(patch(&old, &unified(&old, &new)), new);
        }
    }
}
