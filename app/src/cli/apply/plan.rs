//! What has to be done so that a tenant is as its entry says. Pure: the entry and the present
//! state in, steps out.

use std::collections::HashMap;

use bailiwick_domain::user::{User, check_claims};
use bailiwick_domain::{
    Application, ApplicationId, ApplicationSpec, Tenant, TenantSettings, UserId,
};
use bailiwick_store::users::{Email, UserPatch};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::diff::{Difference, differences};
use crate::cli::manifest::{ApplicationEntry, Mistake, Password, TenantEntry, UserEntry, merge};

/// The present state of a tenant.
#[derive(Debug, Default)]
pub struct Current {
    /// The tenant; none: it is to be made.
    pub tenant: Option<Tenant>,
    /// Its applications.
    pub applications: Vec<Application>,
    /// Its users whom the entry names, by normalised address.
    pub users: HashMap<String, User>,
    /// When pruning: its users whom the entry does not name.
    pub others: Vec<User>,
}

/// How to plan.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Development mode.
    pub development: bool,
    /// Removes applications and users that the entry does not name.
    pub prune: bool,
}

/// The steps for one tenant, in the order of the entry.
#[derive(Debug)]
pub struct Plan {
    /// Names the tenant.
    pub slug: String,
    /// Its issuer, when it is there.
    pub issuer: Option<String>,
    /// What happens to the tenant itself.
    pub tenant: TenantStep,
    /// What happens to its applications.
    pub applications: Vec<ApplicationStep>,
    /// What happens to its users.
    pub users: Vec<UserStep>,
}

/// A step for a tenant.
#[derive(Debug)]
pub enum TenantStep {
    /// It is as the entry says.
    Keep,
    /// Makes it.
    Create {
        /// Its name.
        name: String,
        /// Its settings.
        settings: TenantSettings,
    },
    /// Changes it.
    Update {
        /// The version that was seen.
        version: i64,
        /// Its new name.
        name: String,
        /// Its new settings.
        settings: TenantSettings,
        /// What changes.
        differences: Vec<Difference>,
    },
}

/// A step for an application.
#[derive(Debug)]
pub enum ApplicationStep {
    /// It is as the entry says.
    Keep(String),
    /// Registers it.
    Create {
        /// What with; settled.
        spec: Box<ApplicationSpec>,
        /// Its secret; one is made when it needs one and none is given.
        secret: Option<SecretString>,
    },
    /// Changes what it is registered with.
    Update {
        /// Which.
        id: ApplicationId,
        /// The version that was seen.
        version: i64,
        /// The new spec; settled.
        spec: Box<ApplicationSpec>,
        /// What changes.
        differences: Vec<Difference>,
    },
    /// Removes it.
    Remove {
        /// Which.
        id: ApplicationId,
        /// The version that was seen.
        version: i64,
        /// Its name in OAuth.
        client_id: String,
    },
}

/// A step for a user.
#[derive(Debug)]
pub enum UserStep {
    /// It is as the entry says.
    Keep(String),
    /// Creates it.
    Create {
        /// Its address.
        email: Email,
        /// Its address as it is written.
        written: String,
        /// Its display name.
        name: Option<String>,
        /// Its further claims.
        claims: Map<String, Value>,
        /// Its password.
        password: Option<Password>,
    },
    /// Changes it.
    Update {
        /// Which.
        id: UserId,
        /// The version that was seen.
        version: i64,
        /// Its address as it is written.
        written: String,
        /// What to set.
        patch: Box<UserPatch>,
        /// What changes.
        differences: Vec<Difference>,
    },
    /// Removes it.
    Remove {
        /// Which.
        id: UserId,
        /// The version that was seen.
        version: i64,
        /// Its address.
        written: String,
    },
}

/// Plans one tenant.
///
/// # Errors
/// What is wrong with an entry only together with what is there.
pub fn plan(entry: TenantEntry, current: Current, how: How) -> Result<Plan, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let tenant = plan_tenant(&entry, current.tenant.as_ref(), &mut mistakes);
    let mut present: HashMap<String, Application> =
        current.applications.into_iter().map(|a| (a.spec.client_id.clone(), a)).collect();
    let mut applications = Vec::new();
    for wanted in entry.applications {
        let step = match present.remove(&wanted.client_id) {
            None => Ok(ApplicationStep::Create {
                spec: Box::new(wanted.spec),
                secret: wanted.client_secret,
            }),
            Some(found) => update_application(&wanted, &found, how.development),
        };
        match step {
            Ok(step) => applications.push(step),
            Err(found) => mistakes.extend(found),
        }
    }
    let mut users = Vec::new();
    let mut known = current.users;
    for wanted in entry.users {
        match known.remove(&wanted.key) {
            None => users.extend(create_user(wanted)),
            Some(found) => match update_user(&wanted, &found) {
                Ok(step) => users.push(step),
                Err(mistake) => mistakes.push(mistake),
            },
        }
    }
    if how.prune {
        let mut gone: Vec<_> = present.into_values().collect();
        gone.sort_by(|a, b| a.spec.client_id.cmp(&b.spec.client_id));
        applications.extend(gone.into_iter().map(|a| ApplicationStep::Remove {
            id: a.id,
            version: a.version,
            client_id: a.spec.client_id,
        }));
        users.extend(current.others.into_iter().map(|u| UserStep::Remove {
            id: u.id,
            version: u.version,
            written: u.email.unwrap_or_else(|| u.id.to_string()),
        }));
    }
    let issuer = current.tenant.map(|t| t.issuer);
    match tenant {
        Some(tenant) if mistakes.is_empty() => {
            Ok(Plan { slug: entry.slug, issuer, tenant, applications, users })
        }
        _ => Err(mistakes),
    }
}

fn plan_tenant(
    entry: &TenantEntry,
    current: Option<&Tenant>,
    mistakes: &mut Vec<Mistake>,
) -> Option<TenantStep> {
    let before = current.map(|t| t.settings.clone()).unwrap_or_default();
    let mut merged = serde_json::to_value(&before).unwrap_or_default();
    merge(&mut merged, &entry.settings);
    let settings = serde_json::from_value::<TenantSettings>(merged);
    let settings = settings
        .inspect_err(|e| {
            let (path, message) = ("tenant.settings".to_owned(), e.to_string());
            mistakes.push(Mistake { line: entry.line, path, message });
        })
        .ok()?;
    let name = entry.name.clone();
    let Some(current) = current else { return Some(TenantStep::Create { name, settings }) };
    let shown = |name: &str, settings| serde_json::json!({ "name": name, "settings": settings });
    let differences =
        differences(&shown(&current.name, &current.settings), &shown(&name, &settings));
    if differences.is_empty() {
        return Some(TenantStep::Keep);
    }
    Some(TenantStep::Update { version: current.version, name, settings, differences })
}

fn update_application(
    wanted: &ApplicationEntry,
    found: &Application,
    development: bool,
) -> Result<ApplicationStep, Vec<Mistake>> {
    let at = |path: &str, message: String| {
        let separator = if path.is_empty() { "" } else { "." };
        Mistake { line: wanted.line, path: format!("{}{separator}{path}", wanted.path), message }
    };
    let before = serde_json::to_value(&found.spec).unwrap_or_default();
    let mut merged = before.clone();
    forget_derived(&mut merged, &wanted.patch);
    merge(&mut merged, &Value::Object(wanted.patch.clone()));
    let spec = serde_json::from_value::<ApplicationSpec>(merged)
        .map_err(|e| vec![at("", e.to_string())])?
        .settle(development)
        .map_err(|list| {
            list.into_iter()
                .map(|m| at(&m.path, format!("together with what is there: {}", m.message)))
                .collect::<Vec<_>>()
        })?;
    if spec.auth_method().uses_secret() && !found.spec.auth_method().uses_secret() {
        let why = "an application that never had a secret cannot begin to use one: \
             register it under another client_id, or remove it first";
        return Err(vec![at("token_endpoint_auth_method", why.into())]);
    }
    let differences = differences(&before, &serde_json::to_value(&spec).unwrap_or_default());
    if differences.is_empty() {
        return Ok(ApplicationStep::Keep(wanted.client_id.clone()));
    }
    let (id, version) = (found.id, found.version);
    Ok(ApplicationStep::Update { id, version, spec: Box::new(spec), differences })
}

/// Takes away what the patch omits and what followed from a member that the patch changes, so that
/// it follows anew.
fn forget_derived(spec: &mut Value, patch: &Map<String, Value>) {
    let Value::Object(spec) = spec else { return };
    let changes = |spec: &Map<String, Value>, key: &str| {
        patch.get(key).is_some_and(|new| spec.get(key) != Some(new))
    };
    let retyped = changes(spec, "type");
    if changes(spec, "grant_types") || retyped {
        spec.remove("response_types");
    }
    if retyped {
        spec.remove("grant_types");
        spec.remove("token_endpoint_auth_method");
    }
    for (given, other) in [("jwks", "jwks_uri"), ("jwks_uri", "jwks")] {
        if patch.get(given).is_some_and(|v| !v.is_null()) {
            spec.remove(other);
        }
    }
}

fn create_user(wanted: UserEntry) -> Option<UserStep> {
    let mut claims = Value::Object(Map::new());
    merge(&mut claims, &Value::Object(wanted.claims));
    let claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
    Some(UserStep::Create {
        email: Email::new(&wanted.email, wanted.email_verified.unwrap_or(false))?,
        written: wanted.email,
        name: wanted.name.flatten(),
        claims,
        password: wanted.password,
    })
}

fn update_user(wanted: &UserEntry, found: &User) -> Result<UserStep, Mistake> {
    let verified = wanted.email_verified.unwrap_or(found.email_verified);
    let name = wanted.name.clone().unwrap_or_else(|| found.name.clone());
    let mut claims = Value::Object(found.claims.clone());
    merge(&mut claims, &Value::Object(wanted.claims.clone()));
    let before = shown(found.email.as_deref(), found.email_verified, found.name.as_deref());
    let after = shown(Some(&wanted.email), verified, name.as_deref());
    let mut list = differences(&before, &after);
    let readdressed = list.iter().any(|d| d.path.starts_with("email"));
    let renamed = list.iter().any(|d| d.path == "name");
    let claimed = differences(&Value::Object(found.claims.clone()), &claims);
    let claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
    check_claims(&claims).map_err(|why| Mistake {
        line: wanted.line,
        path: format!("{}.claims", wanted.path),
        message: format!("together with what is there: {why}"),
    })?;
    let patch = UserPatch {
        name: renamed.then_some(name),
        claims: (!claimed.is_empty()).then_some(claims),
        active: None,
        email: readdressed.then(|| Email::new(&wanted.email, verified)),
    };
    list.extend(claimed.into_iter().map(|d| d.below("claims")));
    if list.is_empty() {
        return Ok(UserStep::Keep(wanted.email.clone()));
    }
    Ok(UserStep::Update {
        id: found.id,
        version: found.version,
        written: wanted.email.clone(),
        patch: Box::new(patch),
        differences: list,
    })
}

fn shown(email: Option<&str>, verified: bool, name: Option<&str>) -> Value {
    serde_json::json!({ "email": email, "email_verified": verified, "name": name })
}
