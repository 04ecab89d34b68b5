//! What is asked.

use cedar_policy::{Context, Request};
use serde_json::{Map, Value};

use crate::value::{Conversion, join};
use crate::{Fault, Uid};

/// A question that has been checked: may this principal do this to that resource?
#[derive(Clone, Debug)]
pub struct Query {
    principal: Uid,
    action: Uid,
    resource: Uid,
    references: Vec<Uid>,
    request: Request,
}

impl Query {
    /// Converts a request, whatever a schema says about it.
    pub(crate) fn convert(
        principal: Uid,
        action: Uid,
        resource: Uid,
        context: Map<String, Value>,
    ) -> Result<Self, Vec<Fault>> {
        let mut conversion = Conversion::default();
        let mut faults = Vec::new();
        for (path, uid) in [("/principal/type", &principal), ("/resource/type", &resource)] {
            if uid.is_action() {
                faults.push(Fault::new(path, "an action is neither a principal nor a resource"));
            }
        }
        let convert = |(name, value): (String, Value)| {
            let value = conversion.value(&value, &join("/context", &name))?;
            Some((name, value))
        };
        let pairs: Vec<_> = context.into_iter().filter_map(convert).collect();
        faults.append(&mut conversion.faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let context = if pairs.is_empty() {
            Context::empty()
        } else {
            let broken = |e: &dyn std::fmt::Display| vec![Fault::new("/context", e.to_string())];
            Context::from_pairs(pairs).map_err(|e| broken(&e))?
        };
        let [p, a, r] = [&principal, &action, &resource].map(|uid| uid.cedar().clone());
        // Only a schema makes this fail, and there is none: it is checked with our own tables.
        let request = Request::new(p, a, r, context, None)
            .map_err(|e| vec![Fault::new("", e.to_string())])?;
        let mut references = conversion.references;
        references.sort_unstable();
        references.dedup();
        Ok(Self { principal, action, resource, references, request })
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Uid {
        &self.principal
    }

    /// What it wants to do.
    #[must_use]
    pub fn action(&self) -> &Uid {
        &self.action
    }

    /// To what.
    #[must_use]
    pub fn resource(&self) -> &Uid {
        &self.resource
    }

    /// The entities that the context refers to, sorted.
    #[must_use]
    pub fn references_in_context(&self) -> &[Uid] {
        &self.references
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }
}
