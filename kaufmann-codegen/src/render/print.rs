//! From tokens to lines. It knows the forms that the templates have, and no others, which makes it several times as fast
//! as to parse the tokens and to print the syntax tree, in build scripts, which are not optimised.

mod space;

use std::collections::BTreeSet;
use std::iter::Peekable;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, Punct, TokenStream, TokenTree};

use self::space::{Class, Spacer};
use super::words::{self, Word};

/// How long a line may be.
const WIDTH: usize = 110;

/// The words that begin an item on its own lines.
const OPENERS: &[&str] = &[
    "else", "enum", "fn", "for", "if", "impl", "loop", "struct", "while",
];

/// A token or a group of them.
enum Piece {
    Token { text: String, class: Class, space: bool },
    Doc(String),
    Group(Group),
}

struct Group {
    ends: [&'static str; 2],
    inner: Vec<Piece>,
    space: bool,
    /// Whether there are commas between its parts.
    list: bool,
    /// Its width on one line.
    width: usize,
    /// Whether it must be broken into lines.
    breaks: bool,
}

impl Piece {
    fn width(&self) -> usize {
        match self {
            Self::Token { text, space, .. } => text.len() + usize::from(*space),
            Self::Doc(text) => text.len(),
            Self::Group(group) => group.width + usize::from(group.space),
        }
    }

    fn is(&self, wanted: Class) -> bool {
        matches!(self, Self::Token { class, .. } if *class == wanted)
    }
}

/// Prints the code of one module.
pub(super) struct Printer<'w> {
    /// The words that have another meaning in this module.
    clashes: &'w BTreeSet<Word>,
    /// The words that were printed by themselves.
    used: BTreeSet<Word>,
    out: String,
    indent: usize,
    /// How much of `out` is before the current line.
    line: usize,
}

impl<'w> Printer<'w> {
    pub(super) fn new(clashes: &'w BTreeSet<Word>, indent: usize) -> Self {
        Self {
            clashes,
            used: BTreeSet::new(),
            out: String::new(),
            indent,
            line: 0,
        }
    }

    /// Prints items, each preceded by an empty line, and with `lints` after its docs.
    pub(super) fn items(&mut self, items: TokenStream, lints: Option<&str>) {
        let pieces = self.pieces(items);
        let mut begins = true;
        for part in parts(&pieces) {
            let leads = matches!(part, [Piece::Doc(_)]) || is_attribute(part);
            if begins {
                self.out.push('\n');
            }
            if let Some(lints) = lints
                && !matches!(part, [Piece::Doc(_)])
                && (begins
                    || self
                        .out
                        .trim_end()
                        .lines()
                        .next_back()
                        .is_some_and(|line| line.trim_start().starts_with("///")))
            {
                self.next_line();
                self.out.push_str(lints);
            }
            self.next_line();
            self.row(part);
            begins = !leads;
        }
        self.out.push('\n');
    }

    /// The code, and the words that must be in scope.
    pub(super) fn finish(self) -> (String, BTreeSet<Word>) {
        (self.out, self.used)
    }

    fn pieces(&mut self, tokens: TokenStream) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut spacer = Spacer::default();
        let mut opened = false;
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                    // What `quote` put in as one piece.
                    pieces.extend(self.pieces(group.stream()));
                }
                TokenTree::Group(group) => {
                    if let Some(doc) = spacer.after_hash().then(|| doc(&group.stream())).flatten() {
                        pieces.pop();
                        spacer = Spacer::default();
                        pieces.push(Piece::Doc(doc));
                        continue;
                    }
                    let delimiter = group.delimiter();
                    let space = spacer.before(Class::Group(delimiter));
                    let braces = delimiter == Delimiter::Brace;
                    let inner = self.pieces(group.stream());
                    pieces.push(Piece::Group(Group::new(
                        delimiter,
                        inner,
                        space,
                        braces && opened,
                    )));
                    opened &= !braces;
                }
                TokenTree::Ident(ident) => {
                    let declared = matches!(pieces.last(), Some(Piece::Token { text, .. }) if text == "type");
                    let text = self.name(ident.to_string(), declared || spacer.in_path());
                    opened |= OPENERS.contains(&text.as_str());
                    let class = space::class_of_name(&text);
                    let space = spacer.before(class);
                    pieces.push(Piece::Token { text, class, space });
                }
                TokenTree::Punct(punct) => {
                    let text = mark(&punct, &mut tokens);
                    let class = spacer.class_of_mark(&text);
                    opened &= class != Class::Semicolon;
                    let space = spacer.before(class);
                    pieces.push(Piece::Token { text, class, space });
                }
                TokenTree::Literal(literal) => {
                    let (text, class) = (literal.to_string(), Class::Name);
                    let space = spacer.before(class);
                    pieces.push(Piece::Token { text, class, space });
                }
            }
        }
        pieces
    }

    /// A name of the schema that is also a word is raw; a word may need its path, unless it belongs to
    /// the token before it.
    fn name(&mut self, name: String, own: bool) -> String {
        if let Some(plain) = name.strip_prefix("r#") {
            return if words::find(plain).is_some() {
                plain.to_owned()
            } else {
                name
            };
        }
        match words::find(&name).filter(|_| !own) {
            Some(word) if self.clashes.contains(&word) => words::path(word).to_owned(),
            Some(word) => {
                self.used.insert(word);
                name
            }
            None => name,
        }
    }

    fn next_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.line = self.out.len();
        self.out.extend(std::iter::repeat_n("    ", self.indent));
    }

    /// One part, begun on the current line.
    fn row(&mut self, pieces: &[Piece]) {
        for (index, piece) in pieces.iter().enumerate() {
            let space = index > 0;
            match piece {
                Piece::Doc(text) => {
                    self.out.push_str("///");
                    self.out.push_str(text);
                }
                Piece::Token {
                    text, space: wanted, ..
                } => {
                    if space && *wanted {
                        self.out.push(' ');
                    }
                    self.out.push_str(text);
                }
                Piece::Group(group) => {
                    if space && group.space {
                        self.out.push(' ');
                    }
                    self.group(group, &pieces[index + 1..]);
                }
            }
        }
    }

    fn group(&mut self, group: &Group, rest: &[Piece]) {
        let room = WIDTH.saturating_sub(self.out.len() - self.line);
        if !group.breaks && group.width + tail(rest) <= room {
            return flat(group, &mut self.out);
        }
        let braces = group.ends[0] == "{";
        self.out.push_str(group.ends[0]);
        if !braces && let Some(last) = group.embraced(room) {
            self.row(&group.inner[..last]);
            if let Piece::Group(inner) = &group.inner[last] {
                if last > 0 && inner.space {
                    self.out.push(' ');
                }
                self.group(inner, &[]);
            }
            self.out.push_str(group.ends[1]);
            return;
        }
        self.indent += 1;
        for part in parts(&group.inner) {
            self.next_line();
            self.row(part);
        }
        if group.list {
            self.out.push(',');
        }
        self.indent -= 1;
        self.next_line();
        self.out.push_str(group.ends[1]);
    }
}

impl Group {
    fn new(delimiter: Delimiter, mut inner: Vec<Piece>, space: bool, opened: bool) -> Self {
        let braces = delimiter == Delimiter::Brace;
        let list = has_comma(&inner);
        if inner.last().is_some_and(|piece| piece.is(Class::Comma)) {
            inner.pop();
        }
        let must = |piece: &Piece| match piece {
            Piece::Doc(_) => true,
            Piece::Group(group) => group.breaks,
            Piece::Token { class, .. } => braces && *class == Class::Semicolon,
        };
        let breaks = inner.iter().any(must) || (opened && !inner.is_empty());
        let padding = if braces && !inner.is_empty() { 4 } else { 2 };
        Self {
            ends: match delimiter {
                Delimiter::Brace => ["{", "}"],
                Delimiter::Bracket => ["[", "]"],
                Delimiter::Parenthesis | Delimiter::None => ["(", ")"],
            },
            width: inner.iter().map(Piece::width).sum::<usize>() + padding,
            list,
            inner,
            space,
            breaks,
        }
    }

    /// The place of the last piece, if it is a group that may be broken while its neighbours stay on its first and last line.
    fn embraced(&self, room: usize) -> Option<usize> {
        let (last, before) = self.inner.split_last()?;
        let Piece::Group(inner) = last else { return None };
        let braces = inner.ends[0] == "{";
        let calm = before
            .iter()
            .all(|piece| !matches!(piece, Piece::Group(group) if group.breaks))
            && before.iter().all(|piece| !matches!(piece, Piece::Doc(_)));
        let width = before.iter().map(Piece::width).sum::<usize>();
        let single = before.iter().all(|piece| !piece.is(Class::Comma));
        (calm && width + 2 < room && (braces || single)).then_some(before.len())
    }
}

/// The width of what must follow a group on its last line.
fn tail(rest: &[Piece]) -> usize {
    let mut width = 0;
    for piece in rest {
        width += match piece {
            Piece::Group(group) if group.ends[0] == "{" => return width + 2,
            Piece::Group(_) => 2,
            _ => piece.width(),
        };
    }
    width
}

fn flat(group: &Group, out: &mut String) {
    let padded = group.ends[0] == "{" && !group.inner.is_empty();
    out.push_str(group.ends[0]);
    if padded {
        out.push(' ');
    }
    for (index, piece) in group.inner.iter().enumerate() {
        let space = index > 0;
        match piece {
            Piece::Doc(_) => {}
            Piece::Token {
                text, space: wanted, ..
            } => {
                if space && *wanted {
                    out.push(' ');
                }
                out.push_str(text);
            }
            Piece::Group(inner) => {
                if space && inner.space {
                    out.push(' ');
                }
                flat(inner, out);
            }
        }
    }
    if padded {
        out.push(' ');
    }
    out.push_str(group.ends[1]);
}

/// The text of a punctuation mark with the tokens that belong to it: the second of `->`, the name of a lifetime.
fn mark(punct: &Punct, tokens: &mut Peekable<IntoIter>) -> String {
    let mut text = punct.as_char().to_string();
    if let Some(TokenTree::Punct(next)) = tokens.peek()
        && space::joins(punct, next)
    {
        text.push(next.as_char());
        tokens.next();
    }
    if text == "'"
        && let Some(TokenTree::Ident(name)) = tokens.next()
    {
        text += &name.to_string();
    }
    text
}

/// The statements, items, fields or arguments, with what ends them; docs and attributes are parts of their own.
fn parts(pieces: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    let mut rest = pieces;
    std::iter::from_fn(move || {
        let end = end(rest)?;
        let (part, others) = rest.split_at(end);
        rest = others;
        Some(part)
    })
}

fn end(pieces: &[Piece]) -> Option<usize> {
    if pieces.is_empty() {
        return None;
    }
    if matches!(pieces[0], Piece::Doc(_)) {
        return Some(1);
    }
    if pieces[0].is(Class::Hash) {
        return Some(2);
    }
    let mut angles = 0_usize;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Token { class, .. } => match class {
                Class::Less => angles += 1,
                Class::Greater => angles = angles.saturating_sub(1),
                Class::Comma if angles == 0 => return Some(index + 1),
                Class::Semicolon => return Some(index + 1),
                _ => {}
            },
            Piece::Group(group) if group.ends[0] == "{" => {
                let goes_on = match pieces.get(index + 1) {
                    Some(Piece::Token { class, text, .. }) => {
                        !matches!(class, Class::Name | Class::Keyword | Class::Hash | Class::Prefix)
                            || text == "else"
                    }
                    _ => false,
                };
                if !goes_on {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    Some(pieces.len())
}

/// Whether there is a comma that is not one of generics.
fn has_comma(pieces: &[Piece]) -> bool {
    let mut angles = 0_usize;
    pieces.iter().any(|piece| {
        angles = (angles + usize::from(piece.is(Class::Less)))
            .saturating_sub(usize::from(piece.is(Class::Greater)));
        angles == 0 && piece.is(Class::Comma)
    })
}

fn is_attribute(part: &[Piece]) -> bool {
    part.first().is_some_and(|piece| piece.is(Class::Hash))
}

/// The text of `doc = "…"`.
fn doc(attribute: &TokenStream) -> Option<String> {
    let mut tokens = attribute.clone().into_iter();
    let (Some(TokenTree::Ident(name)), Some(TokenTree::Punct(_)), Some(TokenTree::Literal(text))) =
        (tokens.next(), tokens.next(), tokens.next())
    else {
        return None;
    };
    if name != "doc" {
        return None;
    }
    // The templates' own docs are raw: `quote` writes `///` so.
    let text = text.to_string();
    match text.strip_prefix("r\"") {
        Some(raw) => raw.strip_suffix('"').map(str::to_owned),
        None if text.contains('\\') => syn::parse_str::<syn::LitStr>(&text).ok().map(|text| text.value()),
        None => Some(text.trim_matches('"').to_owned()),
    }
}
