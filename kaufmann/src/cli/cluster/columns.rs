//! Tables in plain text: columns as narrow as possible, with two blanks between them.

use crate::cli::paint::{Colour, Paint};

/// A cell of a table. It is coloured after its width is known.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Cell {
    text: String,
    colour: Option<Colour>,
}

impl Cell {
    /// A cell in this colour.
    pub(crate) fn coloured(colour: Colour, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            colour: Some(colour),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            colour: None,
        }
    }
}

/// The alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Formats the head and the rows, one line each, without a final line break.
pub(crate) fn table(head: &[(&str, Side)], rows: &[Vec<Cell>], paint: Paint) -> String {
    let titles: Vec<Cell> = head
        .iter()
        .map(|(title, _)| Cell::coloured(Colour::Dim, *title))
        .collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let texts = std::iter::once(&titles)
                .chain(rows)
                .filter_map(|row| row.get(column));
            texts.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<Cell>| {
        let cells = row
            .iter()
            .zip(head)
            .zip(&widths)
            .map(|((cell, (_, side)), width)| {
                let padding = " ".repeat(width - cell.text.chars().count());
                let text = match cell.colour {
                    Some(colour) => paint.paint(colour, &cell.text),
                    None => cell.text.clone(),
                };
                match side {
                    Side::Left => format!("{text}{padding}"),
                    Side::Right => format!("{padding}{text}"),
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let lines: Vec<_> = std::iter::once(&titles).chain(rows).map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_are_aligned_right() {
        let rows = [vec!["a".into(), "1200".into()], vec!["größer".into(), "7".into()]];
        let text = table(
            &[("name", Side::Left), ("lag", Side::Right)],
            &rows,
            Paint { colours: false },
        );
        assert_eq!(text, "name     lag\na       1200\ngrößer     7");
    }

    #[test]
    fn colours_do_not_count_for_the_width() {
        let rows = [vec![Cell::coloured(Colour::Red, "x"), "y".into()]];
        let text = table(
            &[("ab", Side::Left), ("c", Side::Left)],
            &rows,
            Paint { colours: true },
        );
        assert!(text.ends_with("\x1b[31mx\x1b[0m   y"), "{text:?}");
    }
}
