//! What a schema declares, as tables: checks of entities and requests look things up here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{EntityUid, Schema};
use cedar_policy_core::ast::Entity;
use serde_json::{Map, Value};

use crate::Uid;
use crate::uid::UidMap;
use crate::value::EXTENSIONS;

/// The type of a value.
#[derive(Clone, Debug)]
pub(super) enum Type {
    Bool,
    Long,
    String,
    /// A reference to an entity of a type.
    Entity(String),
    /// The name of an extension type.
    Extension(&'static str),
    Set(Box<Type>),
    Record(BTreeMap<String, Member>),
    /// The name of a common type.
    Named(String),
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub kind: Type,
    pub required: bool,
}

/// What is declared of an entity type.
pub(super) struct Kind {
    pub attributes: Type,
    pub tags: Option<Type>,
    /// The types of the entities that it may be in, at any distance.
    pub ancestors: HashSet<String>,
    /// The only ids, when they are listed.
    pub choices: Option<HashSet<String>>,
}

/// What is declared of an action.
pub(crate) struct Action {
    /// The action as an entity, with what it is in.
    pub entity: Arc<Entity>,
    pub ancestors: Vec<Uid>,
    pub principals: HashSet<String>,
    pub resources: HashSet<String>,
    pub(super) context: Type,
}

impl Action {
    /// Every type of a principal with every type of a resource.
    pub(crate) fn combinations(&self) -> impl Iterator<Item = (&str, &str)> {
        let resources = move || self.resources.iter().map(String::as_str);
        self.principals
            .iter()
            .flat_map(move |one| resources().map(move |other| (one.as_str(), other)))
    }
}

/// Everything declared, by full names.
#[derive(Default)]
pub(super) struct Model {
    pub kinds: HashMap<String, Kind>,
    pub common: HashMap<String, Type>,
    pub actions: UidMap<Action>,
    /// The contexts of the actions, until they are resolved.
    contexts: Vec<Type>,
}

impl Model {
    /// Reads the JSON form of a schema, in which every name is a full one.
    pub(super) fn read(json: &Value) -> Self {
        let mut model = Self::default();
        for (namespace, name, declared) in each(json, "commonTypes") {
            model.common.insert(full(namespace, name), read_type(declared));
        }
        for (namespace, name, declared) in each(json, "entityTypes") {
            let attributes = declared.get("shape").map_or_else(nothing, read_type);
            let choices = declared
                .get("enum")
                .and_then(Value::as_array)
                .map(|ids| ids.iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect());
            let kind = Kind {
                attributes,
                tags: declared.get("tags").map(read_type),
                ancestors: HashSet::new(),
                choices,
            };
            model.kinds.insert(full(namespace, name), kind);
        }
        model.contexts = each(json, "actions").map(|(_, _, action)| context(action)).collect();
        model
    }

    /// Takes from Cedar what it has worked out: what is in what at any distance.
    pub(super) fn resolve(&mut self, schema: &Schema, json: &Value) -> Result<(), String> {
        self.contexts = Vec::new();
        for name in schema.entity_types() {
            if let Some(kind) = self.kinds.get_mut(&name.to_string()) {
                let ancestors = schema.ancestors(name).into_iter().flatten();
                kind.ancestors = ancestors.map(ToString::to_string).collect();
            }
        }
        let mut contexts: HashMap<EntityUid, Type> = HashMap::new();
        for (namespace, name, declared) in each(json, "actions") {
            let uid = Uid::new(&full(namespace, "Action"), name)
                .map_err(|e| format!("the action `{}`: {e}", name.escape_debug()))?;
            contexts.insert(uid.cedar().clone(), context(declared));
        }
        let entities = schema.action_entities().map_err(|e| e.to_string())?;
        for uid in schema.actions() {
            let Some(entity) = entities.get(uid) else { continue };
            let ancestors = entities.ancestors(uid).into_iter().flatten().map(Uid::of).collect();
            let principals = schema.principals_for_action(uid).into_iter().flatten();
            let resources = schema.resources_for_action(uid).into_iter().flatten();
            let action = Action {
                entity: Arc::new(entity.as_ref().clone()),
                ancestors,
                principals: principals.map(ToString::to_string).collect(),
                resources: resources.map(ToString::to_string).collect(),
                context: contexts.remove(uid).unwrap_or_else(nothing),
            };
            self.actions.insert(Uid::of(uid), action);
        }
        Ok(())
    }

    /// How large the types are when every name is replaced by what it stands for.
    pub(super) fn size(&self) -> Size {
        let mut sizes = HashMap::new();
        let kinds = self.kinds.values().flat_map(|k| std::iter::once(&k.attributes).chain(&k.tags));
        let all = kinds.chain(self.common.values()).chain(&self.contexts);
        all.map(|kind| self.size_of(kind, 0, &mut sizes)).fold(Size::default(), Size::beside)
    }

    fn size_of<'a>(
        &'a self,
        kind: &'a Type,
        level: u32,
        sizes: &mut HashMap<&'a str, Size>,
    ) -> Size {
        if level > MAX_LEVELS {
            return Size { count: u64::MAX, levels: level };
        }
        let inner = match kind {
            Type::Set(of) => self.size_of(of, level + 1, sizes),
            Type::Record(members) => members
                .values()
                .map(|member| self.size_of(&member.kind, level + 1, sizes))
                .fold(Size::default(), Size::beside),
            Type::Named(name) => match (sizes.get(name.as_str()), self.common.get(name)) {
                (Some(known), _) => *known,
                (None, Some(kind)) => {
                    // Until it is known: Cedar itself reports a type that contains itself.
                    sizes.insert(name, Size::default());
                    let size = self.size_of(kind, level + 1, sizes);
                    sizes.insert(name, size);
                    size
                }
                (None, None) => Size::default(),
            },
            Type::Bool | Type::Long | Type::String | Type::Entity(_) | Type::Extension(_) => {
                Size::default()
            }
        };
        Size { count: inner.count.saturating_add(1), levels: inner.levels.saturating_add(1) }
    }
}

/// How deep a type may be nested when every name is replaced by what it stands for.
pub(super) const MAX_LEVELS: u32 = 100;

/// How large types are.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub count: u64,
    pub levels: u32,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            levels: self.levels.max(other.levels),
        }
    }
}

/// Every declaration of a kind, with its namespace and its name.
fn each<'a>(
    json: &'a Value,
    kind: &'static str,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    let spaces = json.as_object().into_iter().flatten();
    spaces.flat_map(move |(namespace, space)| {
        let declared = space.get(kind).and_then(Value::as_object).into_iter().flatten();
        declared.map(move |(name, json)| (namespace.as_str(), name.as_str(), json))
    })
}

fn full(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

fn context(action: &Value) -> Type {
    action.get("appliesTo").and_then(|a| a.get("context")).map_or_else(nothing, read_type)
}

fn nothing() -> Type {
    Type::Record(BTreeMap::new())
}

fn read_type(json: &Value) -> Type {
    let text = |member: &str| json.get(member).and_then(Value::as_str).unwrap_or_default();
    let builtin = text("type").trim_start_matches("__cedar::");
    match builtin {
        "Bool" | "Boolean" => Type::Bool,
        "Long" => Type::Long,
        "String" => Type::String,
        "Set" => Type::Set(Box::new(json.get("element").map_or_else(nothing, read_type))),
        "Record" => {
            let members = json.get("attributes").and_then(Value::as_object);
            let members = members.into_iter().flatten();
            Type::Record(members.map(|(name, json)| (name.clone(), member(json))).collect())
        }
        "Entity" => Type::Entity(text("name").to_owned()),
        name => {
            let name = if name == "Extension" { text("name") } else { name };
            match EXTENSIONS.iter().find(|(_, kind)| *kind == name) {
                Some((_, kind)) => Type::Extension(kind),
                None => Type::Named(name.to_owned()),
            }
        }
    }
}

fn member(json: &Value) -> Member {
    let required = json.as_object().and_then(|o: &Map<_, _>| o.get("required")?.as_bool());
    Member { kind: read_type(json), required: required.unwrap_or(true) }
}
