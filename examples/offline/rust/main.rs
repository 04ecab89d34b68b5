//! Decides by signed snapshots of a tenant: with the crate `cedar-policy`, and without asking the
//! server again.
//!
//! ```text
//! ISSUER=http://localhost:8080/t/demo CLIENT_ID=asker CLIENT_SECRET=... \
//!   cargo run --package bailiwick-tests --example offline -- requests.json
//! ```
//!
//! The file is a list of `{"principal": {"type", "id"}, "action", "resource": {"type", "id"},
//! "context"}`. What is printed is a list of `allow` and `deny` in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityUid, PolicySet, Request,
};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

type Failure = Box<dyn std::error::Error>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

#[derive(Deserialize)]
struct Ask {
    principal: Reference,
    action: String,
    resource: Reference,
    #[serde(default)]
    context: Map<String, Value>,
}

/// What is signed, as far as it is needed to decide.
#[derive(Deserialize)]
struct Claims {
    policies: Value,
    entities: Value,
}

/// Where snapshots come from.
struct Source {
    http: reqwest::Client,
    issuer: String,
    client_id: String,
    client_secret: String,
    keys: JwkSet,
}

/// What decides about one principal, until it expires.
struct Snapshot {
    policies: PolicySet,
    entities: Entities,
}

impl Source {
    async fn open() -> Result<Self, Failure> {
        let issuer = std::env::var("ISSUER")?;
        #[expect(clippy::disallowed_methods, reason = "an application has a client of its own")]
        let http = reqwest::Client::new();
        let metadata = format!("{issuer}/.well-known/openid-configuration");
        let metadata: Value = http.get(metadata).send().await?.json().await?;
        let keys = metadata["jwks_uri"].as_str().ok_or("the metadata names no keys")?;
        // Keys change: an application fetches them again when it meets a `kid` that it does not know.
        let keys = http.get(keys).send().await?.json().await?;
        Ok(Self {
            http,
            issuer,
            client_id: std::env::var("CLIENT_ID")?,
            client_secret: std::env::var("CLIENT_SECRET")?,
            keys,
        })
    }

    async fn snapshot(
        &self,
        principal: &Reference,
        resources: &BTreeSet<&Reference>,
    ) -> Result<Snapshot, Failure> {
        let named = |r: &Reference| json!({ "type": r.kind, "id": r.id });
        let resources: Vec<Value> = resources.iter().map(|r| named(r)).collect();
        let body = json!({ "principal": named(principal), "resources": resources });
        let answer = self
            .http
            .post(format!("{}/authz/snapshot", self.issuer))
            .basic_auth(&self.client_id, Some(&self.client_secret))
            .json(&body)
            .send()
            .await?;
        let token = answer.error_for_status()?.text().await?;
        let claims = self.verified(&token)?;
        Ok(Snapshot {
            policies: PolicySet::from_json_value(claims.policies)?,
            entities: Entities::from_json_value(claims.entities, None)?,
        })
    }

    /// The claims, when the tenant signed them for this application and they have not expired.
    fn verified(&self, token: &str) -> Result<Claims, Failure> {
        let header = decode_header(token)?;
        if header.typ.as_deref() != Some("authz-snapshot+jwt") {
            return Err("another kind of token".into());
        }
        let kid = header.kid.ok_or("the token names no key")?;
        let key = self.keys.find(&kid).ok_or("the key is not one of the tenant's")?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.client_id]);
        Ok(decode::<Claims>(token, &DecodingKey::from_jwk(key)?, &rules)?.claims)
    }
}

impl Snapshot {
    fn decide(&self, ask: &Ask) -> Result<Decision, Failure> {
        let context = Context::from_json_value(ask.context.clone().into(), None)?;
        let (principal, resource) = (uid(&ask.principal)?, uid(&ask.resource)?);
        let action = Reference { kind: "Action".to_owned(), id: ask.action.clone() };
        let request = Request::new(principal, uid(&action)?, resource, context, None)?;
        Ok(Authorizer::new().is_authorized(&request, &self.policies, &self.entities).decision())
    }
}

fn uid(named: &Reference) -> Result<EntityUid, Failure> {
    Ok(EntityUid::from_type_name_and_id(named.kind.parse()?, EntityId::new(&named.id)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let file = std::env::args().nth(1).ok_or("name a file of requests")?;
    let asks: Vec<Ask> = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut resources: BTreeMap<&Reference, BTreeSet<&Reference>> = BTreeMap::new();
    for ask in &asks {
        resources.entry(&ask.principal).or_default().insert(&ask.resource);
    }
    let source = Source::open().await?;
    let mut snapshots = BTreeMap::new();
    for (principal, resources) in &resources {
        snapshots.insert(*principal, source.snapshot(principal, resources).await?);
    }
    let mut decisions = Vec::new();
    for ask in &asks {
        let snapshot = snapshots.get(&ask.principal).ok_or("there is one for each")?;
        decisions.push(match snapshot.decide(ask)? {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        });
    }
    writeln!(std::io::stdout(), "{}", json!(decisions))?;
    Ok(())
}
