//! What was done, or in a dry run would be: as JSON for tools and as text for people.

use std::fmt;

use serde::Serialize;

use super::diff::Difference;
use super::plan::{ApplicationStep, Plan, TenantStep, UserStep};

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The tenants of the file.
    pub tenants: Vec<TenantReport>,
    /// How many things were created, changed or removed.
    pub changes: usize,
    /// Nothing was done: this is what would be.
    pub dry_run: bool,
}

/// What was done to a thing.
#[derive(Debug, Default, Serialize)]
pub struct Deed {
    /// It is new.
    pub created: bool,
    /// It was there and is different now.
    pub changed: bool,
    /// It is gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// What is different.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// A tenant.
#[derive(Debug, Serialize)]
pub struct TenantReport {
    /// Names it.
    pub slug: String,
    /// Its issuer; none in a dry run when it is not there yet.
    pub issuer: Option<String>,
    /// What was done to the tenant itself.
    #[serde(flatten)]
    pub deed: Deed,
    /// Its applications.
    pub applications: Vec<ApplicationReport>,
    /// Its users.
    pub users: Vec<UserReport>,
}

/// An application.
#[derive(Debug, Serialize)]
pub struct ApplicationReport {
    /// Names it.
    pub client_id: String,
    /// What was done.
    #[serde(flatten)]
    pub deed: Deed,
    /// The secret that was made for it: shown here and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// A user.
#[derive(Debug, Serialize)]
pub struct UserReport {
    /// Names it.
    pub email: String,
    /// What was done.
    #[serde(flatten)]
    pub deed: Deed,
}

impl Deed {
    fn created() -> Self {
        Self { created: true, ..Self::default() }
    }

    fn changed(differences: &[Difference]) -> Self {
        Self { changed: true, differences: differences.to_vec(), ..Self::default() }
    }

    fn removed() -> Self {
        Self { removed: true, ..Self::default() }
    }

    /// Whether something was done.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        self.created || self.changed || self.removed
    }
}

impl From<&TenantStep> for Deed {
    fn from(step: &TenantStep) -> Self {
        match step {
            TenantStep::Keep => Self::default(),
            TenantStep::Create { .. } => Self::created(),
            TenantStep::Update { differences, .. } => Self::changed(differences),
        }
    }
}

impl From<&ApplicationStep> for ApplicationReport {
    fn from(step: &ApplicationStep) -> Self {
        let (client_id, deed) = match step {
            ApplicationStep::Keep(client_id) => (client_id, Deed::default()),
            ApplicationStep::Create { spec, .. } => (&spec.client_id, Deed::created()),
            ApplicationStep::Update { spec, differences, .. } => {
                (&spec.client_id, Deed::changed(differences))
            }
            ApplicationStep::Remove { client_id, .. } => (client_id, Deed::removed()),
        };
        Self { client_id: client_id.clone(), deed, client_secret: None }
    }
}

impl From<&UserStep> for UserReport {
    fn from(step: &UserStep) -> Self {
        let (email, deed) = match step {
            UserStep::Keep(email) => (email, Deed::default()),
            UserStep::Create { written, .. } => (written, Deed::created()),
            UserStep::Update { written, differences, .. } => (written, Deed::changed(differences)),
            UserStep::Remove { written, .. } => (written, Deed::removed()),
        };
        Self { email: email.clone(), deed }
    }
}

/// The report of a plan, as if it was done.
impl From<&Plan> for TenantReport {
    fn from(plan: &Plan) -> Self {
        Self {
            slug: plan.slug.clone(),
            issuer: plan.issuer.clone(),
            deed: Deed::from(&plan.tenant),
            applications: plan.applications.iter().map(ApplicationReport::from).collect(),
            users: plan.users.iter().map(UserReport::from).collect(),
        }
    }
}

impl Report {
    /// Counts what was done, once all is in.
    pub(super) fn count(&mut self) {
        let of = |t: &TenantReport| {
            let apps = t.applications.iter().map(|a| &a.deed);
            let all = apps.chain(t.users.iter().map(|u| &u.deed)).chain([&t.deed]);
            all.filter(|d| d.is_change()).count()
        };
        self.changes = self.tenants.iter().map(of).sum();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tenant in &self.tenants {
            let issuer = tenant.issuer.as_deref().map_or(String::new(), |i| format!("  {i}"));
            line(f, "", &format!("tenant {}{issuer}", tenant.slug), &tenant.deed)?;
            let mut same = 0_usize;
            for app in &tenant.applications {
                let secret = app.client_secret.as_deref();
                let secret = secret.map_or(String::new(), |s| format!("  client_secret {s}"));
                line(f, "  ", &format!("application {}{secret}", app.client_id), &app.deed)?;
                same += usize::from(!app.deed.is_change());
            }
            for user in &tenant.users {
                line(f, "  ", &format!("user {}", user.email), &user.deed)?;
                same += usize::from(!user.deed.is_change());
            }
            if same > 0 {
                writeln!(f, "  {same} unchanged")?;
            }
        }
        let made = |t: &TenantReport| t.applications.iter().any(|a| a.client_secret.is_some());
        if self.tenants.iter().any(made) {
            writeln!(f, "Keep the client secrets: they are not shown again.")?;
        }
        let plural = if self.changes == 1 { "" } else { "s" };
        match (self.dry_run, self.changes) {
            (_, 0) => f.write_str("No changes."),
            (true, n) => write!(f, "{n} change{plural} to make; nothing was changed (--dry-run)."),
            (false, n) => write!(f, "{n} change{plural} made."),
        }
    }
}

/// What is as it was gets no line of its own, but for tenants, which head the rest.
fn line(f: &mut fmt::Formatter<'_>, indent: &str, what: &str, deed: &Deed) -> fmt::Result {
    let sign = match deed {
        Deed { created: true, .. } => '+',
        Deed { changed: true, .. } => '~',
        Deed { removed: true, .. } => '-',
        _ if indent.is_empty() => ' ',
        _ => return Ok(()),
    };
    writeln!(f, "{indent}{sign} {what}")?;
    for difference in &deed.differences {
        f.write_str(indent)?;
        f.write_str("      ")?;
        writeln!(f, "{difference}")?;
    }
    Ok(())
}
