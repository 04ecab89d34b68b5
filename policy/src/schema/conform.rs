//! Whether entities and requests are as the schema declares them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Schema;
use super::model::{Action, Kind, Member, Type};
use crate::finding::suggest;
use crate::value::{EXTENSIONS, Shape, join, shape};
use crate::{EntityData, Fault, Uid};

impl Schema {
    /// What is wrong with an entity whose values have been converted.
    pub(crate) fn entity(&self, data: &EntityData) -> Vec<Fault> {
        let mut faults = Vec::new();
        let Some(kind) = self.known(&data.uid, "", &mut faults) else { return faults };
        let attrs = Value::Object(data.attrs.clone());
        self.check(&attrs, &kind.attributes, "/attrs", &mut faults);
        match &kind.tags {
            Some(tags) => {
                for (name, value) in &data.tags {
                    self.check(value, tags, &join("/tags", name), &mut faults);
                }
            }
            None if data.tags.is_empty() => {}
            None => faults.push(Fault::new("/tags", "the schema declares no tags for this type")),
        }
        for (at, parent) in data.parents.iter().enumerate() {
            let path = format!("/parents/{at}");
            let known = self.known(parent, &path, &mut faults).is_some();
            if known && !kind.ancestors.contains(parent.kind()) {
                let message =
                    format!("the schema lets no `{}` be in a `{}`", data.uid.kind(), parent.kind());
                faults.push(Fault::new(path, message));
            }
        }
        faults
    }

    /// What is wrong with a request whose context has been converted.
    pub(crate) fn request(
        &self,
        principal: &Uid,
        action: &Uid,
        resource: &Uid,
        context: &Map<String, Value>,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        let subject = self.known(principal, "/principal", &mut faults).is_some();
        let object = self.known(resource, "/resource", &mut faults).is_some();
        let Some(declared) = self.model.actions.get(action) else {
            let known: Vec<String> = self.model.actions.keys().map(Uid::action_name).collect();
            let name = action.action_name();
            let help = suggest(&name, known.iter().map(String::as_str));
            let message = format!("the schema declares no action `{}`", name.escape_debug());
            faults.push(Fault::new("/action", with(message, help)));
            return faults;
        };
        let sides = [
            ("/principal", principal, &declared.principals, subject),
            ("/resource", resource, &declared.resources, object),
        ];
        for (path, uid, kinds, known) in sides {
            if known && !kinds.contains(uid.kind()) {
                let message = format!(
                    "the action `{}` does not apply to a {} of type `{}`",
                    action.action_name().escape_debug(),
                    path.trim_start_matches('/'),
                    uid.kind(),
                );
                faults.push(Fault::new(format!("{path}/type"), message));
            }
        }
        self.check_record(context, &declared.context, "/context", &mut faults);
        faults
    }

    /// The action as it is declared.
    pub(crate) fn action(&self, uid: &Uid) -> Option<&Action> {
        self.model.actions.get(uid)
    }

    /// Every declared action.
    pub(crate) fn actions(&self) -> impl Iterator<Item = (&Uid, &Action)> {
        self.model.actions.iter()
    }

    /// How many types of entities the entities of a type may be in.
    pub(crate) fn above(&self, kind: &str) -> usize {
        self.model.kinds.get(kind).map_or(0, |kind| kind.ancestors.len())
    }

    /// Those members that the schema declares for `UserAttributes` and the like, and that are of
    /// the declared type.
    pub(crate) fn fitting(&self, name: &str, members: &Map<String, Value>) -> Map<String, Value> {
        let Some(Type::Record(declared)) = self.model.common.get(name).map(|k| self.resolve(k))
        else {
            return Map::new();
        };
        let fits = |(name, value): &(&String, &Value)| {
            let mut faults = Vec::new();
            let Some(member) = declared.get(*name) else { return false };
            self.check(value, &member.kind, "", &mut faults);
            faults.is_empty()
        };
        members.iter().filter(fits).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The type of an entity, or a fault.
    fn known(&self, uid: &Uid, path: &str, faults: &mut Vec<Fault>) -> Option<&Kind> {
        let Some(kind) = self.model.kinds.get(uid.kind()) else {
            let help = suggest(uid.kind(), self.model.kinds.keys().map(String::as_str));
            let message = format!("the schema declares no entity type `{}`", uid.kind());
            faults.push(Fault::new(format!("{path}/type"), with(message, help)));
            return None;
        };
        if kind.choices.as_ref().is_some_and(|ids| !ids.contains(uid.id())) {
            let help = suggest(uid.id(), kind.choices.iter().flatten().map(String::as_str));
            let message = format!("the schema does not list {uid}");
            faults.push(Fault::new(format!("{path}/id"), with(message, help)));
        }
        Some(kind)
    }

    fn resolve<'a>(&'a self, kind: &'a Type) -> &'a Type {
        let mut kind = kind;
        while let Type::Named(name) = kind {
            match self.model.common.get(name) {
                Some(other) => kind = other,
                None => return kind,
            }
        }
        kind
    }

    fn check(&self, value: &Value, kind: &Type, path: &str, faults: &mut Vec<Fault>) {
        let kind = self.resolve(kind);
        let object = value.as_object().map(|object| (object, shape(object)));
        let fits = match (kind, value, object) {
            (Type::Bool, Value::Bool(_), _) | (Type::String, Value::String(_), _) => true,
            (Type::Long, Value::Number(number), _) => number.is_i64(),
            (Type::Set(of), Value::Array(values), _) => {
                for (at, value) in values.iter().enumerate() {
                    self.check(value, of, &join(path, &at.to_string()), faults);
                }
                true
            }
            (Type::Record(_), _, Some((object, Ok(Shape::Record)))) => {
                self.check_record(object, kind, path, faults);
                true
            }
            (Type::Entity(wanted), _, Some((_, Ok(Shape::Entity(found, id)))))
                if wanted == found =>
            {
                if let Ok(uid) = Uid::new(found, id) {
                    self.known(&uid, path, faults);
                }
                true
            }
            (Type::Extension(wanted), _, Some((_, Ok(Shape::Extension(function, _))))) => {
                EXTENSIONS.iter().any(|(name, kind)| *name == function && kind == wanted)
            }
            _ => false,
        };
        if !fits {
            faults.push(Fault::new(path, format!("the schema wants {}", describe(kind))));
        }
    }

    fn check_record(
        &self,
        object: &Map<String, Value>,
        kind: &Type,
        path: &str,
        faults: &mut Vec<Fault>,
    ) {
        let none = BTreeMap::new();
        let declared = match self.resolve(kind) {
            Type::Record(declared) => declared,
            _ => &none,
        };
        for (name, value) in object {
            match declared.get(name) {
                Some(member) => self.check(value, &member.kind, &join(path, name), faults),
                None => {
                    let help = suggest(name, declared.keys().map(String::as_str));
                    let message = with("the schema does not declare this".to_owned(), help);
                    faults.push(Fault::new(join(path, name), message));
                }
            }
        }
        let missing =
            |(name, member): &(&String, &Member)| member.required && !object.contains_key(*name);
        for (name, member) in declared.iter().filter(missing) {
            let message = format!("this is missing: the schema wants {}", describe(&member.kind));
            faults.push(Fault::new(join(path, name), message));
        }
    }
}

fn with(message: String, help: Option<String>) -> String {
    match help {
        Some(help) => format!("{message}; {help}"),
        None => message,
    }
}

fn describe(kind: &Type) -> String {
    match kind {
        Type::Bool => "true or false".to_owned(),
        Type::Long => "a whole number".to_owned(),
        Type::String => "a string".to_owned(),
        Type::Entity(name) => {
            format!("a reference to a `{name}`, such as {{\"type\": \"{name}\", \"id\": \"..\"}}")
        }
        Type::Extension(kind) => {
            let name =
                EXTENSIONS.iter().find(|(_, made)| made == kind).map_or("", |(name, _)| name);
            format!("{{\"__extn\": {{\"fn\": \"{name}\", \"arg\": \"..\"}}}}")
        }
        Type::Set(of) => format!("a list, each of it {}", describe(of)),
        Type::Record(_) => "an object".to_owned(),
        Type::Named(name) => format!("a `{name}`"),
    }
}
