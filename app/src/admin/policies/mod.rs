//! Policies of the tenant, of its organizations and of its management API: drafts, the versions that
//! were activated, and which one holds.

pub mod activate;
pub mod drafts;
pub mod get;
pub mod replay;
pub mod scope;
pub mod validate;
pub mod versions;

use actix_web::HttpRequest;
use bailiwick_actors::authz::Activated;
use bailiwick_domain::{DraftId, OrganizationId, TenantId};
use bailiwick_policy::{Bundle, Finding, Link, Severity};
use bailiwick_store::authz::policies::{self, Draft, PolicyVersion, Scope};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::auth::{Load, named};
use crate::admin::problem::{Problem, Reason};
use scope::Layer;

/// Most bytes of a note.
const NOTE: usize = 2_000;

/// What a draft is made of. Members that are absent are empty.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PolicyDraftMembers)]
pub struct DraftMembers {
    /// Shown to people.
    #[schema(example = "Editors may delete")]
    pub name: String,
    /// Why; kept with the version.
    pub note: String,
    /// The organization that the policies are for; absent for the whole tenant. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub organization: Option<OrganizationId>,
    /// `management` for those of the management API. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// The number of the version that it started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub based_on: Option<i64>,
    /// The schema, in Cedar's own syntax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Policies and templates by file name.
    #[schema(value_type = Object, example = json!({
        "documents.cedar": "@id(\"readers\")\npermit (principal, action, resource);"
    }))]
    pub policies: std::collections::BTreeMap<String, String>,
    /// Links of templates.
    #[schema(value_type = Vec<Object>)]
    pub links: Vec<Link>,
}

impl DraftMembers {
    /// Checks bounds; whether the policies are right is for [`validate`] to say.
    fn check(&self) -> Result<(), Problem> {
        if self.name.len() > 200 {
            return Err(Problem::mistake("name", "must be at most 200 bytes"));
        }
        if self.note.len() > NOTE {
            return Err(Problem::mistake("note", "must be at most 2000 bytes"));
        }
        let name = |name: &String| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
            (1..=200).contains(&name.len()) && name.bytes().all(plain)
        };
        if let Some(wrong) = self.policies.keys().find(|n| !name(n)) {
            let message = "file names are 1 to 200 of a-z A-Z 0-9 _ - . /";
            return Err(Problem::mistake(format!("policies.{wrong}"), message));
        }
        Ok(())
    }

    fn scope(&self) -> Result<Scope, Problem> {
        scope::of((self.organization, self.layer))
    }

    fn bundle(&self) -> Value {
        json!(Bundle {
            schema: self.schema.clone(),
            policies: self.policies.clone(),
            links: self.links.clone(),
        })
    }
}

/// The members of a draft that is kept.
fn members(draft: &Draft) -> Result<DraftMembers, Problem> {
    let bundle: Bundle = serde_json::from_value(draft.bundle.clone())
        .map_err(|_| StoreError::Corrupt("policies"))?;
    let (organization, layer) = scope::members(draft.scope);
    Ok(DraftMembers {
        name: draft.name.clone(),
        note: draft.note.clone(),
        organization,
        layer,
        based_on: draft.based_on,
        schema: bundle.schema,
        policies: bundle.policies,
        links: bundle.links,
    })
}

/// A draft.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyDraft)]
pub struct DraftBody {
    /// Its id.
    #[schema(value_type = String, example = "drf_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: DraftId,
    #[serde(flatten)]
    members: DraftMembers,
    /// Who made it.
    actor: ActorBody,
    /// Counts its changes: `v1` is the ETag of version 1.
    version: i64,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl DraftBody {
    fn of(draft: &Draft) -> Result<Self, Problem> {
        Ok(Self {
            id: draft.id,
            members: members(draft)?,
            actor: ActorBody::from(&draft.actor),
            version: draft.version,
            created_at: draft.created_at.to_rfc3339(),
            updated_at: draft.updated_at.to_rfc3339(),
        })
    }
}

/// Who did something.
#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
pub struct ActorBody {
    /// `user`, `application`, `api_key`, `operator` or `system`.
    kind: &'static str,
    /// Its id, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl From<&bailiwick_store::audit::Actor> for ActorBody {
    fn from(actor: &bailiwick_store::audit::Actor) -> Self {
        Self { kind: actor.kind.name(), id: actor.id.map(|id| id.simple().to_string()) }
    }
}

/// A version that was activated.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyVersion)]
pub struct VersionBody {
    /// Its number, from 1.
    number: i64,
    /// Whether it is the one that holds.
    active: bool,
    /// Why.
    note: String,
    /// Who activated it first.
    actor: ActorBody,
    /// When. RFC 3339, UTC.
    #[schema(format = DateTime)]
    created_at: String,
    /// Schema, policies and links; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    bundle: Option<Value>,
}

impl VersionBody {
    fn of(version: PolicyVersion, active: Option<i64>, whole: bool) -> Self {
        Self {
            number: version.number,
            active: active == Some(version.number),
            note: version.note,
            actor: ActorBody::from(&version.actor),
            created_at: version.created_at.to_rfc3339(),
            bundle: whole.then_some(version.bundle),
        }
    }
}

/// What was activated.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivatedPolicies)]
pub struct ActivatedBody {
    /// The organization that it is for; absent for the whole tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    organization: Option<OrganizationId>,
    /// `management` for the management API.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<Layer>,
    /// The number of the version that holds now.
    number: Option<i64>,
    /// The number of the one that held before.
    before: Option<i64>,
}

impl From<Activated> for ActivatedBody {
    fn from(activated: Activated) -> Self {
        let Activated { scope, state, before } = activated;
        let (organization, layer) = scope::members(scope);
        Self { organization, layer, number: state.active, before }
    }
}

/// Something that is wrong with policies, or worth knowing.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyFinding)]
pub struct FindingBody {
    /// `error`: cannot be activated. `warning`: can.
    severity: &'static str,
    /// `schema`, `links`, or the name of a file.
    document: String,
    /// The id of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// In characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// What it is.
    message: String,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl From<Finding> for FindingBody {
    fn from(f: Finding) -> Self {
        let severity = match f.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Finding { document, policy, line, column, message, help, .. } = f;
        Self { severity, document, policy, line, column, message, help }
    }
}

impl Load for Draft {
    type Id = DraftId;

    fn id(request: &HttpRequest) -> Result<DraftId, Problem> {
        named(request, "id")
    }

    async fn load(tx: TenantTx, tenant: TenantId, id: DraftId) -> Result<Option<Self>, StoreError> {
        policies::get_draft(&tx, tenant, id).await
    }

    fn version(&self) -> i64 {
        self.version
    }
}

/// Findings as a refusal: nothing was activated.
fn refused(findings: Vec<Finding>) -> Problem {
    let mistake = |f: Finding| {
        let place = match (f.line, f.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", f.document),
            _ => f.document,
        };
        let message = f.help.map_or(f.message.clone(), |help| format!("{} ({help})", f.message));
        bailiwick_domain::application::Mistake::new(place, message)
    };
    let detail = "nothing was activated: see errors for what is wrong and where";
    Problem {
        errors: findings.into_iter().map(mistake).collect(),
        ..Problem::new(Reason::BadPolicies, detail)
    }
}
