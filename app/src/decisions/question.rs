//! What is asked, as JSON: principal, action, resource and context, with what comes along.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpRequest, web};
use bailiwick_actors::authz::{Ask, Sent};
use bailiwick_policy::{EntityData, Fault, Uid};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::http::body::{self, BodyError};

/// The most bytes of a request.
pub const MAX: usize = 1024 * 1024;

/// A reference to an entity, with what the caller knows of it (AuthZEN 5.1, 5.2).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// Its attributes, as the caller knows them.
    pub properties: Option<Map<String, Value>>,
}

/// What somebody wants to do (AuthZEN 5.3).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Action {
    /// Its name.
    pub name: Option<String>,
    /// Parameters: they become the member `action` of the context.
    pub properties: Option<Map<String, Value>>,
}

impl Entity {
    /// What it names.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn uid(&self, at: &str) -> Result<Uid, Fault> {
        let kind = self.kind(at)?;
        let missing = || Fault::new(format!("{at}.id"), "is missing");
        let id = self.id.as_deref().ok_or_else(missing)?;
        Uid::new(kind, id).map_err(|e| Fault::new(at, e.to_string()))
    }

    /// Its type.
    ///
    /// # Errors
    /// When it is missing.
    pub fn kind(&self, at: &str) -> Result<&str, Fault> {
        self.kind.as_deref().ok_or_else(|| Fault::new(format!("{at}.type"), "is missing"))
    }

    /// Adds what the caller knows of it.
    fn put(&mut self, uid: &Uid, sent: &mut Sent) {
        let Some(properties) = self.properties.take().filter(|p| !p.is_empty()) else { return };
        let data = sent.entities.entry(uid.clone()).or_insert_with(|| EntityData {
            uid: uid.clone(),
            attrs: Map::new(),
            parents: Vec::new(),
            tags: Map::new(),
        });
        data.attrs.extend(without_nulls(properties));
    }
}

/// Cedar has no null: what is null is not there.
fn without_nulls(map: Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    map.into_iter().filter(|(_, value)| !value.is_null())
}

/// The context, and what came along.
type Circumstances = (Map<String, Value>, Option<Arc<Sent>>);

/// What can be asked, after defaults were filled in.
#[derive(Debug, Default)]
pub struct Question {
    /// Who.
    pub principal: Entity,
    /// What.
    pub action: Action,
    /// To what.
    pub resource: Entity,
    /// The circumstances.
    pub context: Map<String, Value>,
    /// Further entities.
    pub entities: Vec<EntityData>,
}

/// The names that an API has for the parts of a question, for its messages.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Of the principal.
    pub principal: &'static str,
}

impl Question {
    /// What the engine is asked.
    ///
    /// # Errors
    /// Everything that is missing or wrong.
    pub fn ask<'a>(mut self, action: &'a mut String, names: Names) -> Result<Ask<'a>, Failure> {
        let principal = self.principal.uid(names.principal);
        let resource = self.resource.uid("resource");
        let name = self.action.name.take().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Fault::new("action.name", "is missing"));
        let (principal, resource, name) = match (principal, resource, name) {
            (Ok(principal), Ok(resource), Ok(name)) => (principal, resource, name),
            (principal, resource, name) => {
                let faults = [principal.err(), name.err(), resource.err()];
                return Err(Failure::invalid(faults.into_iter().flatten().collect()));
            }
        };
        *action = name;
        let (context, sent) = self.circumstances(&principal, &resource)?;
        Ok(Ask { principal, action, resource, context, sent })
    }

    fn circumstances(&mut self, principal: &Uid, resource: &Uid) -> Result<Circumstances, Failure> {
        let context = without_nulls(std::mem::take(&mut self.context));
        let mut context: Map<String, Value> = context.collect();
        if let Some(properties) = self.action.properties.take().filter(|p| !p.is_empty()) {
            if context.contains_key("action") {
                let message = "is where the properties of the action go: name it otherwise";
                return Err(Failure::at("context.action", message));
            }
            let properties: Map<String, Value> = without_nulls(properties).collect();
            context.insert("action".to_owned(), properties.into());
        }
        let mut sent = Sent { entities: HashMap::new() };
        for data in std::mem::take(&mut self.entities) {
            let name = data.uid.to_string();
            if sent.entities.insert(data.uid.clone(), data).is_some() {
                return Err(Failure::at("entities", format!("{name} is there more than once")));
            }
        }
        self.principal.put(principal, &mut sent);
        self.resource.put(resource, &mut sent);
        let sent = (!sent.entities.is_empty()).then(|| Arc::new(sent));
        Ok((context, sent))
    }
}

/// Reads a JSON body. Members that are not known are ignored.
///
/// # Errors
/// 400 with the place of the mistake, 413.
pub async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<T, Failure> {
    if !body::is_media(request, "application/json") {
        return Err(Failure::at("", "the body must be application/json"));
    }
    let bytes = body::read(request, &mut payload.into_inner(), MAX).await;
    let bytes = bytes.map_err(|e| match e {
        BodyError::TooLarge => {
            let status = actix_web::http::StatusCode::PAYLOAD_TOO_LARGE;
            Failure::new(status, "the body is larger than 1 MiB")
        }
        BodyError::Broken => Failure::at("", "the body is cut off"),
    })?;
    // serde would read a list as the members in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Failure::at("", "must be an object"));
    }
    serde_json::from_slice(&bytes).map_err(|_| mistake::<T>(&bytes))
}

/// Reads once more, slowly, for the place of the mistake.
fn mistake<T: DeserializeOwned>(bytes: &[u8]) -> Failure {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => Failure::at("", "there is something after the end of the document"),
        Err(e) => {
            let path = e.path().to_string();
            Failure::at(path.trim_end_matches(['.', '?']), e.inner().to_string())
        }
    }
}
