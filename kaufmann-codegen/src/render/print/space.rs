//! Where there is a space between two tokens.

use proc_macro2::{Delimiter, Punct, Spacing};

/// What a token is, as far as spaces go.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Class {
    Name,
    Keyword,
    /// `&`, `*`, `!` before what they belong to.
    Prefix,
    /// `#` before an attribute.
    Hash,
    /// `!` after the name of a macro.
    Bang,
    Less,
    Greater,
    Dot,
    Colon,
    /// `::`.
    Path,
    Comma,
    Semicolon,
    Question,
    /// `..`.
    Range,
    /// The bars around the parameters of a closure.
    OpenBar,
    CloseBar,
    /// `=`, `=>`, `->`, `==`.
    Operator,
    Group(Delimiter),
}

/// The words that are always followed by a space.
const KEYWORDS: &[&str] = &[
    "as", "break", "const", "dyn", "else", "enum", "fn", "for", "if", "impl", "in", "let", "loop", "match",
    "mod", "move", "mut", "pub", "ref", "return", "static", "struct", "type", "use", "where", "while",
];

pub(super) fn class_of_name(name: &str) -> Class {
    if KEYWORDS.contains(&name) {
        Class::Keyword
    } else {
        Class::Name
    }
}

/// Whether two marks are one.
pub(super) fn joins(first: &Punct, second: &Punct) -> bool {
    let pair = (first.as_char(), second.as_char());
    let known = matches!(
        pair,
        (':', ':') | ('-', '>') | ('=', '>') | ('=', '=') | ('.', '.') | ('|', '|') | ('&', '&')
    );
    first.spacing() == Spacing::Joint && known
}

/// The kind of token before the next one.
#[derive(Default)]
pub(super) struct Spacer {
    last: Option<Class>,
    in_bars: bool,
}

impl Spacer {
    pub(super) fn after_hash(&self) -> bool {
        self.last == Some(Class::Hash)
    }

    /// Whether a name would belong to the token before it.
    pub(super) fn in_path(&self) -> bool {
        matches!(self.last, Some(Class::Path | Class::Dot))
    }

    pub(super) fn class_of_mark(&mut self, mark: &str) -> Class {
        match mark {
            "#" => Class::Hash,
            "!" if self.last == Some(Class::Name) => Class::Bang,
            "&" | "*" | "!" | "-" => Class::Prefix,
            "<" => Class::Less,
            ">" => Class::Greater,
            "." => Class::Dot,
            ":" => Class::Colon,
            "::" => Class::Path,
            "," => Class::Comma,
            ";" => Class::Semicolon,
            "?" => Class::Question,
            ".." => Class::Range,
            "||" => Class::CloseBar,
            "|" => {
                self.in_bars = !self.in_bars;
                if self.in_bars {
                    Class::OpenBar
                } else {
                    Class::CloseBar
                }
            }
            _ if mark.starts_with('\'') => Class::Name,
            _ => Class::Operator,
        }
    }

    /// Whether there is a space before a token, which is the last one from now on.
    pub(super) fn before(&mut self, next: Class) -> bool {
        let last = self.last.replace(next);
        last.is_some_and(|last| between(last, next))
    }
}

fn between(last: Class, next: Class) -> bool {
    use Class::{
        Bang, CloseBar, Colon, Comma, Dot, Greater, Group, Hash, Keyword, Less, Name, OpenBar, Operator,
        Path, Prefix, Question, Range, Semicolon,
    };

    // Nothing follows these.
    let open = matches!(last, Dot | Path | Prefix | Hash | Less | Range | OpenBar | Bang);
    match next {
        Comma | Semicolon | Question | Dot | Colon | Greater | Range | Bang => false,
        Path => !open && !matches!(last, Name | Greater | Group(_)),
        Less => matches!(last, Operator | Comma | Colon),
        CloseBar => matches!(last, Operator | Comma | Colon),
        Operator => true,
        Group(Delimiter::Brace) => !matches!(last, Path | Prefix),
        Group(_) => !open && !matches!(last, Name | Greater | Group(_) | Question),
        Name | Keyword | Prefix | Hash | OpenBar => !open,
    }
}
