//! How far policies follow references from entity to entity.
//!
//! This is read off the tokens of a policy that Cedar has parsed already: its own ways to look at
//! the tree of a policy parse the text again, which takes longer than everything else together.

use std::str::FromStr as _;

use cedar_policy::{EntityUid, PolicySet, ValidationError, ValidationMode, Validator};

use crate::Uid;
use crate::layer::Prepared;
use crate::scan::{Token, tokens};
use crate::schema::Schema;

/// Beyond this, what policies look for is not fetched.
const MAX_LEVELS: u8 = 10;

/// Which entities a policy looks into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How many entities in a row: 1 when it looks at the principal or the resource themselves, 2
    /// when it looks at what those refer to.
    ///
    /// Without types a record cannot be told from a reference, so this may be too much, never too
    /// little.
    pub levels: u8,
    /// Those that it names itself.
    pub literals: Vec<Uid>,
}

/// What a part of an expression may stand for.
#[derive(Default)]
struct Operand {
    /// How many entities in a row it is away from the request.
    level: u8,
    /// The context or the action: a look into it needs no entity.
    free: bool,
    literals: Vec<Uid>,
}

impl Operand {
    fn or(&mut self, other: Option<Self>) {
        if let Some(mut other) = other {
            self.level = self.level.max(other.level);
            self.literals.append(&mut other.literals);
        }
    }
}

/// What an open bracket will stand for when it is closed.
enum Open {
    /// The widest of what is in it.
    Group,
    /// A tag of the entity in front of it.
    Tag(Operand),
    /// Nothing that can be looked into.
    Value,
}

/// The place in a text.
struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    /// What the brackets that are open hold so far.
    open: Vec<(Open, Operand)>,
    /// What has just been read, when an operator may follow.
    current: Option<Operand>,
    reach: Reach,
}

impl Reach {
    /// Reads a policy or a template.
    pub(crate) fn of(text: &str) -> Self {
        let mut reader = Reader {
            tokens: tokens(text).collect(),
            at: 0,
            open: Vec::new(),
            current: None,
            reach: Self::default(),
        };
        while reader.at < reader.tokens.len() {
            reader.read();
        }
        reader.reach.levels = reader.reach.levels.min(MAX_LEVELS);
        reader.reach
    }
}

impl Reader<'_> {
    fn ahead(&self, by: usize) -> &str {
        self.tokens.get(self.at + by).map_or("", |token| token.text)
    }

    /// Looks into what has just been read.
    fn step(&mut self) -> Operand {
        let mut operand = self.current.take().unwrap_or_default();
        if operand.free {
            operand.free = false;
            return operand;
        }
        operand.level = operand.level.saturating_add(1);
        self.reach.levels = self.reach.levels.max(operand.level);
        self.reach.literals.append(&mut operand.literals);
        operand
    }

    fn push(&mut self, open: Open) {
        self.open.push((open, Operand::default()));
        self.current = None;
    }

    /// What has just been read is not looked into, unless the brackets around it are.
    fn finish(&mut self) {
        let current = self.current.take();
        if let Some((_, inside)) = self.open.last_mut() {
            inside.or(current);
        }
    }

    fn close(&mut self) {
        self.finish();
        self.current = Some(match self.open.pop() {
            Some((Open::Group, inside)) => inside,
            Some((Open::Tag(left), _)) => {
                self.current = Some(left);
                self.step()
            }
            Some((Open::Value, _)) | None => Operand::default(),
        });
    }

    fn read(&mut self) {
        let used = match self.ahead(0) {
            "." => self.member(),
            "has" => self.has(),
            "in" => {
                self.step();
                1
            }
            "is" => 1 + self.path(1),
            "[" if self.current.is_some() => {
                let looked = self.step();
                self.current = Some(looked);
                3
            }
            "(" | "[" | "{" => {
                self.push(Open::Group);
                1
            }
            ")" | "]" | "}" => {
                self.close();
                1
            }
            "context" | "action" => {
                self.current = Some(Operand { free: true, ..Operand::default() });
                1
            }
            word if word.starts_with(|c: char| c.is_alphanumeric() || "_\"".contains(c)) => {
                self.word()
            }
            _ => {
                self.finish();
                1
            }
        };
        self.at += used;
    }

    /// An attribute, or a call of a method.
    fn member(&mut self) -> usize {
        if self.ahead(2) != "(" {
            let looked = self.step();
            self.current = Some(looked);
            return 2;
        }
        let left = self.current.take().unwrap_or_default();
        match self.ahead(1) {
            "getTag" | "hasTag" => self.push(Open::Tag(left)),
            _ => self.push(Open::Value),
        }
        3
    }

    /// `a has b.c.d` looks into `a`, `a.b` and `a.b.c`.
    fn has(&mut self) -> usize {
        let mut used = 2;
        loop {
            let looked = self.step();
            if self.ahead(used) != "." {
                self.current = Some(Operand::default());
                return used;
            }
            self.current = Some(looked);
            used += 2;
        }
    }

    /// How many tokens a name with its namespaces takes.
    fn path(&self, from: usize) -> usize {
        let mut used = 1;
        while self.ahead(from + used) == "::" {
            used += 2;
        }
        used
    }

    /// A variable, a literal, the name of an entity or of a function, a key of a record, or a
    /// keyword.
    fn word(&mut self) -> usize {
        let word = self.ahead(0);
        if ["if", "then", "else", "when", "unless"].contains(&word) {
            self.finish();
            return 1;
        }
        let used = self.path(0);
        let entity: String = (0..used).map(|by| self.ahead(by)).collect();
        if self.ahead(used) == "(" {
            self.push(Open::Value);
            return used + 1;
        }
        let literals = if used > 1 && entity.ends_with('"') {
            EntityUid::from_str(&entity).iter().map(Uid::of).collect()
        } else {
            Vec::new()
        };
        self.current = Some(Operand { literals, ..Operand::default() });
        used
    }
}

/// The levels by the types of a schema, where a policy seems to look at more than one.
pub(crate) fn levels_by_schema(schema: &Schema, all: &[Prepared]) -> u8 {
    let seeming = all.iter().map(|one| one.reach.levels).max().unwrap_or(0);
    if seeming < 2 {
        return seeming;
    }
    let mut far = PolicySet::new();
    all.iter().filter(|one| one.reach.levels > 1).for_each(|one| one.add_to(&mut far));
    let validator = Validator::new(schema.cedar.clone());
    let enough = |level: &u8| {
        let mode = ValidationMode::Strict;
        let result = validator.validate_with_level(&far, mode, u32::from(*level));
        let too_far = |error: &ValidationError| {
            matches!(error, ValidationError::EntityDerefLevelViolation(_))
        };
        !result.validation_errors().any(too_far)
    };
    (1..seeming.min(4)).find(enough).unwrap_or(seeming)
}

#[cfg(test)]
mod tests;
