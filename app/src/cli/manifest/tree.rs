//! The text of a manifest as a tree in which every node knows its line.

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Map, Number, Value};

use super::Mistake;

/// The most nodes of one file, with what aliases repeat: a small text must not become a huge tree.
const MAX_NODES: usize = 4_000_000;
/// How deep the tree may be; a manifest needs six, the rest is for free-form claims.
const MAX_DEPTH: usize = 64;

/// A value and the line it starts in, from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value. A key may occur twice: the reader says so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Node,
}

/// Where a node is, from the document's root: `applications[0].redirect_uris`.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Path::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, i) => write!(f, "{parent}[{i}]"),
        }
    }
}

impl Node {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|e| e.key == key).map(|e| &e.value)
    }

    /// The entries of a map; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Content::Map(entries) = &self.content { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        if let Content::List(items) = &self.content { items } else { &[] }
    }

    /// The text of a text.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Content::Text(text) = &self.content { Some(text) } else { None }
    }

    /// The line of what is at a path below this node, or of the nearest thing above it.
    pub(crate) fn line_at(&self, path: &str) -> usize {
        let mut at = self;
        let mut line = self.line;
        for part in path.split(['.', '[']).filter(|p| !p.is_empty()) {
            let entry = at.entries().iter().find(|e| e.key == part);
            let item = || at.items().get(part.strip_suffix(']')?.parse::<usize>().ok()?);
            let Some((below, of)) = entry.map(|e| (&e.value, e.line)).or_else(|| {
                let item = item()?;
                Some((item, item.line))
            }) else {
                break;
            };
            (at, line) = (below, of);
        }
        line
    }

    /// The same as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Flag(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(_) => Value::Object(self.to_object()),
        }
    }

    /// The entries of a map as a JSON object.
    pub(crate) fn to_object(&self) -> Map<String, Value> {
        self.entries().iter().map(|e| (e.key.clone(), e.value.to_json())).collect()
    }

    /// How many nodes, and how many levels.
    fn extent(&self) -> (usize, usize) {
        let below = self.items().iter().chain(self.entries().iter().map(|e| &e.value));
        let (nodes, levels) = below
            .map(Self::extent)
            .fold((0, 0), |(nodes, levels), (n, l)| (nodes + n, levels.max(l)));
        (nodes + 1, levels + 1)
    }
}

/// The documents of a YAML stream, or of a JSON text, which YAML 1.2 includes. Empty ones are
/// left out.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Mistake> {
    let text = join_surrogates(text);
    let mut reader = Reader {
        parser: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(&text)),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::StreamStart | Event::DocumentEnd, _) => {}
            (Event::DocumentStart(_), _) => reader.anchors.clear(),
            (event, line) => {
                let document = reader.node(event, line, 0)?;
                if document.content != Content::Null {
                    documents.push(document);
                }
            }
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

fn wrong(line: usize, message: impl Into<String>) -> Mistake {
    Mistake { line, path: String::new(), message: message.into() }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), Mistake> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(e)) => Err(wrong(e.marker().line(), format!("not valid YAML: {}", e.info()))),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, Mistake> {
        self.count(1, line)?;
        if depth >= MAX_DEPTH {
            return Err(wrong(line, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style, tag.as_deref(), line)?, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), "seq", line)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), "map", line)?;
                (self.map(depth)?, anchor)
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let known = known.ok_or_else(|| wrong(line, "an alias within its own anchor"))?;
                let (nodes, levels) = known.extent();
                self.count(nodes, line)?;
                if depth + levels > MAX_DEPTH {
                    return Err(wrong(line, format!("nested more than {MAX_DEPTH} levels deep")));
                }
                return Ok(Node { line, content: known.content });
            }
            _ => return Err(wrong(line, "not valid YAML: a value is missing")),
        };
        let node = Node { line, content };
        if anchor > 0 {
            self.count(node.extent().0, line)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Content, Mistake> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, Mistake> {
        let mut entries = Vec::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Content::Map(entries)),
                (Event::Scalar(text, ..), line) => (text.into_owned(), line),
                (_, line) => return Err(wrong(line, "a key must be a plain text")),
            };
            let (event, value_line) = self.next()?;
            let value = self.node(event, value_line, depth + 1)?;
            entries.push(Entry { key, line, value });
        }
    }

    fn count(&mut self, nodes: usize, line: usize) -> Result<(), Mistake> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(wrong(line, "the file holds too much: split it"));
        }
        Ok(())
    }
}

fn refuse_tag(tag: Option<&Tag>, allowed: &str, line: usize) -> Result<(), Mistake> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == allowed) => {
            Err(wrong(line, format!("the tag {}{} has no meaning here", tag.handle, tag.suffix)))
        }
        _ => Ok(()),
    }
}

/// What a scalar means in the core schema (YAML 1.2.2 section 10.3.2).
fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    line: usize,
) -> Result<Content, Mistake> {
    if style != ScalarStyle::Plain || tag.is_some() {
        refuse_tag(tag, "str", line)?;
        return Ok(Content::Text(text.to_owned()));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Flag(true),
        "false" | "False" | "FALSE" => Content::Flag(false),
        _ => number(text).map_or_else(|| Content::Text(text.to_owned()), Content::Number),
    })
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    // `inf`, `nan` and 1_000 are texts.
    let numeric = |b: u8| b.is_ascii_digit() || b".eE+-".contains(&b);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.bytes().all(numeric)
    {
        return None;
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    plain.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(plain.parse().ok()?))
}

/// JSON writes characters beyond the basic plane as two escapes, which YAML does not know.
fn join_surrogates(text: &str) -> String {
    if !text.trim_start().starts_with('{') || !text.contains("\\u") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let unit = |from: usize| -> Option<u16> {
            let hex = escape.get(from..from + 6)?.strip_prefix("\\u")?;
            hex.bytes().all(|b| b.is_ascii_hexdigit()).then_some(())?;
            u16::from_str_radix(hex, 16).ok()
        };
        let pair = unit(0).zip(unit(6)).and_then(|(high, low)| {
            char::decode_utf16([high, low]).next()?.ok().filter(|c| *c > '\u{ffff}')
        });
        let taken = match pair {
            Some(c) => {
                out.push(c);
                12
            }
            // The backslash and what it escapes, so that `\\u` is not taken for an escape.
            None => {
                let end = escape.char_indices().nth(2).map_or(escape.len(), |(i, _)| i);
                out.push_str(escape.get(..end).unwrap_or_default());
                end
            }
        };
        rest = escape.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
