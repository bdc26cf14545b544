//! Text for people: wrapped lines, aligned columns.

/// The width that output for people keeps to, in characters.
pub(crate) const WIDTH: usize = 96;

/// Breaks text into lines of at most `width` characters, at spaces. A longer word stays whole.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The text behind a label, its further lines aligned with the first.
pub(crate) fn labelled(label: &str, text: &str, column: usize) -> String {
    let indent = format!("\n{:column$}", "");
    format!("{label:<column$}{}", wrap(text, WIDTH.saturating_sub(column)).join(&indent))
}

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows as lines with aligned columns, two spaces between them, no space at the end.
pub(crate) fn columns(rows: &[Vec<String>], aligns: &[Align]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..aligns.len()).map(|it| width(it).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells =
                row.iter().zip(aligns.iter().zip(&widths)).map(
                    |(cell, (align, width))| match align {
                        Align::Left => format!("{cell:<width$}"),
                        Align::Right => format!("{cell:>width$}"),
                    },
                );
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// `1 problem`, `2 problems`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The text, with an ellipsis in place of what is beyond so many letters.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_spaces_and_keeps_long_words_whole() {
        assert_eq!(wrap("one two  three\nfour", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("a longer-than-that b", 5), ["a", "longer-than-that", "b"]);
        assert_eq!(wrap("", 5), [""; 0]);
        assert_eq!(labelled("cure", "one two", 6), "cure  one two");
    }

    #[test]
    fn aligns_columns_to_their_widest_cell() {
        let rows = [["a", "10", "x"], ["long", "9", ""]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
        let lines = columns(&rows, &[Align::Left, Align::Right, Align::Left]);
        assert_eq!(lines, ["a     10  x", "long   9"]);
    }
}
