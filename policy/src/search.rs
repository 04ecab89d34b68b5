//! Whether a search has to look at its candidates one by one.

use std::collections::BTreeSet;

use cedar_policy::{Authorizer, Context, Effect, Request};

use crate::{Layer, Query, Slice, Snapshot, Uid};

/// What can be said of all candidates of a search at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sieve {
    /// None of them is allowed.
    Nobody,
    /// All of them are allowed.
    Everybody,
    /// It depends: each has to be decided on.
    Check,
    /// As [`Sieve::Check`], but none is allowed who is none of these, is in none of them, and has no
    /// attribute or tag that refers to one of them.
    Among(BTreeSet<Uid>),
}

/// The side of a request that a search looks for.
#[derive(Clone, Copy)]
enum Unknown {
    Principal,
    Resource,
}

impl Snapshot {
    /// Whether all principals of the type of the query's principal may do what the query asks,
    /// or none of them, whoever they are: which of them the query names makes no difference.
    ///
    /// The slice has to hold everything that the resource is in. What else is missing counts as
    /// unknown.
    #[must_use]
    pub fn sieve_principals(&self, query: &Query, entities: &Slice, more: &[&Layer]) -> Sieve {
        self.sieve(Unknown::Principal, query, entities, more)
    }

    /// Whether the query's principal may do what the query asks to all resources of the type of
    /// the query's resource, or to none of them: which of them the query names makes no
    /// difference.
    ///
    /// The slice has to hold everything that the principal is in. What else is missing counts as
    /// unknown.
    #[must_use]
    pub fn sieve_resources(&self, query: &Query, entities: &Slice, more: &[&Layer]) -> Sieve {
        self.sieve(Unknown::Resource, query, entities, more)
    }

    fn sieve(&self, unknown: Unknown, query: &Query, slice: &Slice, more: &[&Layer]) -> Sieve {
        let entities = cedar_policy::Entities::from(slice.entities(self, query)).partial();
        let (principal, resource) = (query.principal().cedar(), query.resource().cedar());
        let context = query.request().context().cloned().unwrap_or_else(Context::empty);
        let request = Request::builder().action(query.action().cedar().clone()).context(context);
        let request = match unknown {
            Unknown::Principal => request
                .unknown_principal_with_type(principal.type_name().clone())
                .resource(resource.clone()),
            Unknown::Resource => request
                .principal(principal.clone())
                .unknown_resource_with_type(resource.type_name().clone()),
        };
        let request = request.build();
        let authorizer = Authorizer::new();
        let (mut allowed, mut may_allow, mut may_forbid) = (false, false, false);
        let mut among = matches!(unknown, Unknown::Principal).then(BTreeSet::new);
        for layer in self.layers(more) {
            let answer = authorizer.is_authorized_partial(&request, &layer.all, &entities);
            for policy in answer.definitely_satisfied() {
                match policy.effect() {
                    Effect::Forbid => return Sieve::Nobody,
                    Effect::Permit => allowed = true,
                }
            }
            for policy in answer.nontrivial_residuals() {
                match policy.effect() {
                    Effect::Forbid => may_forbid = true,
                    Effect::Permit => {
                        may_allow = true;
                        let tie = layer.tie(policy.id());
                        among = among.zip(tie).map(|(mut ties, tie)| {
                            ties.insert(tie.clone());
                            ties
                        });
                    }
                }
            }
        }
        match (allowed, may_allow, may_forbid) {
            (true, _, false) => Sieve::Everybody,
            (false, false, _) => Sieve::Nobody,
            (true, ..) => Sieve::Check,
            (false, true, _) => among.map_or(Sieve::Check, Sieve::Among),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::compile::tests::bundle;
    use crate::{EntityData, Mode, compile};

    fn sieve(policies: &str) -> (Sieve, Sieve) {
        let bundle = bundle(None, &[("a.cedar", policies)]);
        let (snapshot, _) = compile(Some(&bundle), &[], Mode::Permissive).unwrap();
        let uid = |kind: &str| Uid::new(kind, "1").unwrap();
        let query = snapshot.query(uid("App"), "view", uid("Document"), Map::new()).unwrap();
        let entities = json!([
            { "type": "Document", "id": "1", "attrs": { "public": true } },
            { "type": "App", "id": "1", "parents": [{ "type": "Team", "id": "a" }] },
        ]);
        let entities: Vec<EntityData> = serde_json::from_value(entities).unwrap();
        let load = |data: &EntityData| snapshot.entity(data).unwrap();
        let loaded: Vec<_> = entities.iter().map(load).collect();
        let slice = Slice::new(&loaded).unwrap();
        (
            snapshot.sieve_principals(&query, &slice, &[]),
            snapshot.sieve_resources(&query, &slice, &[]),
        )
    }

    #[test]
    fn what_is_known_of_one_side_may_decide_for_all_of_the_other() {
        use Sieve::{Check, Everybody, Nobody};
        let among = |ids: &[&str]| {
            Sieve::Among(ids.iter().map(|id| Uid::new("Team", id).unwrap()).collect())
        };
        let permit = |scope: &str, when: &str| format!("permit ({scope}) when {{ {when} }};");
        let any = "principal, action, resource";
        assert_eq!(sieve(""), (Nobody, Nobody));
        assert_eq!(sieve(&permit(any, "true")), (Everybody, Everybody));
        assert_eq!(sieve(&permit(any, "resource.public")), (Everybody, Check));
        assert_eq!(sieve(&permit(any, "principal in Team::\"a\"")), (Check, Everybody));
        let team =
            |id: &str| permit(&format!("principal in Team::\"{id}\", action, resource"), "true");
        assert_eq!(sieve(&team("a")), (among(&["a"]), Everybody));
        let two = format!("{}{}", team("a"), team("b"));
        assert_eq!(sieve(&two), (among(&["a", "b"]), Everybody));
        let anybody = format!("{}{}", team("a"), permit(any, "principal.ok"));
        assert_eq!(sieve(&anybody), (Check, Everybody));
        let of_app = "principal is App in Team::\"b\", action, resource";
        assert_eq!(sieve(&permit(of_app, "resource.public")), (among(&["b"]), Nobody));
        assert_eq!(sieve(&permit(any, "principal in Team::\"b\"")), (Check, Nobody));
        assert_eq!(sieve(&permit(any, "principal == resource.owner")), (Nobody, Check));
        assert_eq!(sieve(&permit("principal is User, action, resource", "true")), (Nobody, Nobody));
        let scope = "principal, action == Action::\"edit\", resource";
        assert_eq!(sieve(&permit(scope, "true")), (Nobody, Nobody));
        let both = format!("{}forbid ({any}) unless {{ principal.ok }};", permit(any, "true"));
        assert_eq!(sieve(&both), (Check, Everybody), "an error is not satisfied");
        let both = format!("{}forbid ({any}) when {{ resource.public }};", permit(any, "true"));
        assert_eq!(sieve(&both), (Nobody, Check));
        // An entity that is not there may be there for a candidate.
        let owner = permit(any, "App::\"2\".level > 1");
        assert_eq!(sieve(&owner), (Check, Check));
    }
}
