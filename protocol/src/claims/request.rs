//! The `claims` parameter (Core 5.5).

use std::collections::BTreeMap;

use bailiwick_domain::ScopeSet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::scope_of;
use crate::error::OAuthError;

const MAX_CLAIMS: usize = 50;
const MAX_NAME: usize = 100;
const MAX_VALUES: usize = 20;
const MAX_VALUE: usize = 256;

/// Claims that the application asks for one by one, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// At the userinfo endpoint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: BTreeMap<String, Wish>,
    /// In the ID token.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, Wish>,
}

/// How a claim is asked for (Core 5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wish {
    /// The application cannot do without it; still no error when it has no value, except `acr`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// `value` or `values`; empty when any will do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

impl Wish {
    /// Whether this value is one of those asked for.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.values.is_empty() || self.values.contains(value)
    }
}

impl ClaimsRequest {
    /// Parses the parameter. Unknown members are ignored (Core 5.5).
    ///
    /// # Errors
    /// `invalid_request` when it is not JSON of the shape of Core 5.5, or asks for more than 50
    /// claims on one side, or for a claim with a name of more than 100 bytes.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else {
            return Err(malformed());
        };
        let mut side = |name| wishes(members.remove(name).unwrap_or(Value::Null));
        Ok(Self { userinfo: side("userinfo")?, id_token: side("id_token")? })
    }

    /// Only the claims that an application with these scopes may have, and `sub` and `acr` of the
    /// ID token, which decide who signs in and how. Core 5.5: what is not understood is ignored.
    #[must_use]
    pub fn within(mut self, scopes: &ScopeSet) -> Self {
        let covered = |name: &str| scope_of(name).is_some_and(|scope| scopes.contains(scope));
        self.userinfo.retain(|name, _| covered(name));
        self.id_token.retain(|name, _| covered(name) || matches!(name.as_str(), "sub" | "acr"));
        self
    }

    /// The part that userinfo answers, if it asks for anything there: carried by the access token.
    #[must_use]
    pub fn for_userinfo(&self) -> Option<Self> {
        let id_token = BTreeMap::new();
        (!self.userinfo.is_empty()).then(|| Self { userinfo: self.userinfo.clone(), id_token })
    }

    /// The scopes that cover the claims: what the user is asked to consent to.
    #[must_use]
    pub fn scopes(&self) -> ScopeSet {
        let names = self.userinfo.keys().chain(self.id_token.keys());
        names
            .filter_map(|name| ScopeSet::parse(scope_of(name)?).ok())
            .fold(ScopeSet::default(), |all, scope| all.union(&scope))
    }
}

fn wishes(side: Value) -> Result<BTreeMap<String, Wish>, OAuthError> {
    let members = match side {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Object(members) if members.len() <= MAX_CLAIMS => members,
        _ => return Err(malformed()),
    };
    let short = |name: &String| name.len() <= MAX_NAME && !name.contains('\0');
    if !members.keys().all(short) {
        return Err(malformed());
    }
    members.into_iter().map(|(name, wish)| Ok((name, parse_wish(wish)?))).collect()
}

fn parse_wish(wish: Value) -> Result<Wish, OAuthError> {
    let mut members = match wish {
        Value::Null => Map::new(),
        Value::Object(members) => members,
        _ => return Err(malformed()),
    };
    let essential = match members.remove("essential") {
        None => false,
        Some(Value::Bool(essential)) => essential,
        Some(_) => return Err(malformed()),
    };
    let values: Vec<Value> = match (members.remove("value"), members.remove("values")) {
        (None, None) => Vec::new(),
        (Some(value), None) => vec![value],
        (None, Some(Value::Array(values))) => values,
        _ => return Err(malformed()),
    };
    // They are stored with the code: scalars of bounded size, without NUL, which not every database
    // can keep.
    let storable = |value: &Value| match value {
        Value::String(text) => text.len() <= MAX_VALUE && !text.contains('\0'),
        Value::Array(_) | Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    };
    if values.len() > MAX_VALUES || !values.iter().all(storable) {
        return Err(malformed());
    }
    Ok(Wish { essential, values })
}

fn malformed() -> OAuthError {
    OAuthError::invalid_request("claims is not a claims request of OpenID Connect Core 5.5")
}
