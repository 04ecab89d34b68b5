//! A look at a text before Cedar parses it: where its statements are, and how deep it is nested.
//!
//! Cedar's parser, validator and the destructors of its trees recurse, and no stack is endless. So
//! what could be too deep is refused before it is parsed.

/// What a nested bracket costs, in links of a chain such as `a && b && c`.
const BRACKET: usize = 4;
/// How deep a condition may be.
pub(crate) const MAX_DEPTH: usize = 100;

/// A statement of a text: its bytes from its first token to behind its semicolon, and how deep its
/// expressions are at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub start: usize,
    pub end: usize,
    pub depth: usize,
    /// Where it is that deep.
    pub deepest: usize,
}

/// A word, a string, or a sign of one or two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub text: &'a str,
    pub start: usize,
}

/// The tokens of a text without its comments. What is no token of Cedar comes out as single signs.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let first = rest.chars().next()?;
            let length = if first.is_whitespace() {
                at += first.len_utf8();
                continue;
            } else if rest.starts_with("//") {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            } else if first == '"' {
                string(rest)
            } else if word(first) {
                rest.find(|c| !word(c)).unwrap_or(rest.len())
            } else if ["&&", "||", "==", "!=", "<=", ">=", "::"].iter().any(|s| rest.starts_with(s))
            {
                2
            } else {
                first.len_utf8()
            };
            let token = Token { text: rest.get(..length)?, start: at };
            at += length;
            return Some(token);
        }
    })
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the string literal that a text begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The chains that are open between two brackets.
#[derive(Clone, Copy, Default)]
struct Level {
    branches: usize,
    or: usize,
    and: usize,
    rest: usize,
}

impl Level {
    fn depth(self) -> usize {
        self.branches + self.or + self.and + self.rest
    }

    fn add(&mut self, token: &str) {
        match token {
            "," | "when" | "unless" => *self = Self::default(),
            "if" => *self = Self { branches: self.branches + 1, ..Self::default() },
            "then" | "else" => *self = Self { branches: self.branches, ..Self::default() },
            "||" => *self = Self { or: self.or + 1, and: 0, rest: 0, ..*self },
            "&&" => *self = Self { and: self.and + 1, rest: 0, ..*self },
            "==" | "!=" | "<=" | ">=" => self.rest = 0,
            "+" | "-" | "*" | "." | "!" => self.rest += 1,
            _ => {}
        }
    }
}

/// The statements of a text of policies. What follows the last semicolon is one, too.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    scan(text, "([{", ")]}")
}

/// How deep the types of a schema are nested.
pub(crate) fn schema_depth(text: &str) -> usize {
    scan(text, "([{<", ")]}>").iter().map(|s| s.depth).max().unwrap_or(0)
}

fn scan(text: &str, open: &str, close: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut current: Option<Statement> = None;
    let mut levels: Vec<Level> = Vec::new();
    let mut top = Level::default();
    // The depth of the levels below the top one.
    let mut below = 0;
    for token in tokens(text) {
        let end = token.start + token.text.len();
        let (start, deepest) = (token.start, token.start);
        let statement = current.get_or_insert(Statement { start, end, depth: 0, deepest });
        statement.end = end;
        if open.contains(token.text) {
            below += top.depth() + BRACKET;
            levels.push(std::mem::take(&mut top));
        } else if close.contains(token.text) {
            top = levels.pop().unwrap_or_default();
            below = below.saturating_sub(top.depth() + BRACKET);
        } else {
            top.add(token.text);
        }
        if below + top.depth() > statement.depth {
            (statement.depth, statement.deepest) = (below + top.depth(), token.start);
        }
        if token.text == ";" && levels.is_empty() {
            found.extend(current.take());
            (top, below) = (Level::default(), 0);
        }
    }
    found.extend(current);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_strings_and_comments() {
        let text = "// a;\npermit(a) when { \";\\\";\" }; // b;\n forbid(b);\n tail";
        let found = statements(text);
        let texts: Vec<&str> = found.iter().map(|s| &text[s.start..s.end]).collect();
        assert_eq!(texts, ["permit(a) when { \";\\\";\" };", "forbid(b);", "tail"]);
    }

    #[test]
    fn depth_counts_brackets_and_chains_but_not_lists() {
        let depth = |condition: &str| statements(condition)[0].depth;
        assert_eq!(depth("((true))"), 2 * BRACKET);
        assert_eq!(depth("a && b && c"), 2);
        assert_eq!(depth("a.b == 1 || a.c == 2 || a.d == 3"), 3);
        assert_eq!(depth("[1, 2, 3, 4, 5]"), BRACKET);
        assert_eq!(depth("if a then b else if c then d else e"), 2);
        assert_eq!(depth("(a && b) && (c && d)"), 1 + BRACKET + 1);
        assert_eq!(schema_depth("entity A = { x: Set<Set<Long>> };"), 3 * BRACKET);
    }

    #[test]
    fn odd_texts_end() {
        for text in ["\"", "\"\\", "))))", "((((", "€ \u{0} '", "/", "//"] {
            let _ = statements(text);
        }
    }
}
