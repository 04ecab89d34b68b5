use uuid::Uuid;

use super::*;

fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

const CUSTOMER: u128 = 1;
const OTHER: u128 = 2;
const SYSTEM: u128 = 3;

fn decide(roles: &[&str], platform: bool, of: u128, action: Action, to: u128) -> Decision {
    decide_by(Decider::embedded(), roles, platform, (of, action, to))
}

fn decide_by(
    decider: &Decider,
    roles: &[&str],
    platform: bool,
    (of, action, to): (u128, Action, u128),
) -> Decision {
    let roles: Vec<String> = roles.iter().map(|&r| r.to_owned()).collect();
    decider.decide(&Request {
        principal: "key_1",
        tenant: tenant(of),
        platform,
        roles: &roles,
        action,
        resource: tenant(to),
    })
}

fn is_read(action: Action) -> bool {
    action.name().ends_with(".get") || action.name().ends_with(".list")
}

/// Roles, whether of the platform, of which tenant; may read and change: its own tenant, another.
type Row = (&'static [&'static str], bool, u128, [bool; 2], [bool; 2]);

#[test]
fn every_role_may_what_it_should_and_nothing_else() {
    let table: [Row; 12] = [
        (&[], false, CUSTOMER, [false, false], [false, false]),
        (&["viewer"], false, CUSTOMER, [true, false], [false, false]),
        (&["admin"], false, CUSTOMER, [true, true], [false, false]),
        (&["owner"], false, CUSTOMER, [true, true], [false, false]),
        (&["auditor"], false, CUSTOMER, [true, false], [false, false]),
        (&["viewer", "admin"], false, CUSTOMER, [true, true], [false, false]),
        (&["Admin", "administrator", ""], false, CUSTOMER, [false, false], [false, false]),
        // A customer's own role of that name gives nothing.
        (&["operator"], false, CUSTOMER, [false, false], [false, false]),
        (&["operator"], true, SYSTEM, [true, true], [true, true]),
        (&["admin"], true, SYSTEM, [true, true], [false, false]),
        (&["viewer"], true, SYSTEM, [true, false], [false, false]),
        (&[], true, SYSTEM, [false, false], [false, false]),
    ];
    for (roles, platform, of, own, other) in table {
        for &action in Action::ALL {
            for (to, [read, manage]) in [(of, own), (OTHER, other)] {
                let owns = roles == ["owner"] || roles == ["operator"];
                let only_owners = action == Action::ActivateManagement && !owns;
                let wanted = if is_read(action) { read } else { manage && !only_owners };
                let decision = decide(roles, platform, of, action, to);
                let row = format!("{roles:?} platform={platform} {} on {to}", action.name());
                assert_eq!(decision.allowed, wanted, "{row}");
                assert_eq!(decision.policies.is_empty(), !wanted, "{row}");
            }
        }
    }
}

#[test]
fn some_roles_are_for_a_part() {
    let may = |role: &str, action: Action| {
        let own = decide(&[role], false, CUSTOMER, action, CUSTOMER).allowed;
        assert!(!decide(&[role], false, CUSTOMER, action, OTHER).allowed, "{role} elsewhere");
        own
    };
    for (role, yes, no) in [
        (
            "developer",
            &[
                Action::ListUsers,
                Action::CreateApplication,
                Action::WriteEntities,
                Action::DraftPolicies,
            ][..],
            &[Action::UpdateUser, Action::ActivatePolicies, Action::RotateSigningKeys][..],
        ),
        (
            "support",
            &[Action::GetUser, Action::UpdateUser, Action::ListDecisions],
            &[Action::CreateUser, Action::DeleteUser, Action::GetApplication, Action::GetPolicies],
        ),
        ("billing", &[Action::GetTenant], &[Action::ListUsers, Action::ListApplications]),
    ] {
        assert!(yes.iter().all(|a| may(role, *a)), "{role}");
        assert!(no.iter().all(|a| !may(role, *a)), "{role}");
    }
}

#[test]
fn a_decision_names_its_policies() {
    let both = decide(&["admin", "viewer"], false, CUSTOMER, Action::GetUser, CUSTOMER);
    assert_eq!(both.policies, ["administrators", "viewers"]);
    let operator = decide(&["operator"], true, SYSTEM, Action::DeleteUser, CUSTOMER);
    assert_eq!(operator.policies, ["operators"]);
}

#[test]
fn the_schema_and_the_code_know_the_same_actions() {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("parses");
    let groups = ["read", "manage", "own", "repair"];
    let mut known: Vec<String> = schema
        .actions()
        .map(|uid| uid.id().unescaped().to_owned())
        .filter(|name| !groups.contains(&name.as_str()))
        .collect();
    known.sort_unstable();
    let mut ours: Vec<_> = Action::ALL.iter().map(|a| a.name().to_owned()).collect();
    ours.sort_unstable();
    assert_eq!(known, ours);
}

fn own(text: &str) -> Result<(Decider, Vec<Finding>), Vec<Finding>> {
    let policies = BTreeMap::from([("own.cedar".to_owned(), text.to_owned())]);
    Decider::compile(&Bundle { policies, ..Bundle::default() })
}

#[test]
fn policies_that_do_not_fit_the_schema_are_refused_with_their_place() {
    for (wrong, place) in [
        ("permit (principal, action == Action::\"fly\", resource);", "own.cedar:1:"),
        (
            "permit (principal, action, resource)\nwhen { principal.rolls.isEmpty() };",
            "own.cedar:2:8",
        ),
        ("permit (principal, action, resource)\nwhen { principal.roles > 1 };", "own.cedar:2:"),
        (
            "permit (principal is User, action, resource);\npermit (principal, action",
            "own.cedar:2:",
        ),
        ("@id(\"guardrail:owners\") permit (principal, action, resource);", "own.cedar:1:1"),
    ] {
        let found = own(wrong).unwrap_err();
        assert!(found.iter().any(|f| f.to_string().starts_with(place)), "{wrong}: {found:?}");
    }
    let schema = Bundle { schema: Some("entity Actor;".into()), ..Bundle::default() };
    assert_eq!(Decider::compile(&schema).unwrap_err()[0].document, "schema");
    let many = "permit (principal, action, resource);".repeat(201);
    assert!(own(&many).unwrap_err()[0].message.contains("200"));
    let long = format!("// {}", "x".repeat(128 * 1024));
    assert!(own(&long).unwrap_err()[0].message.contains("128 KiB"));
    let (_, warnings) = Decider::compile(&defaults()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let above = BTreeMap::from([("a.cedar".to_owned(), GUARDRAILS.to_owned())]);
    let (_, warnings) = compile(&Bundle { policies: above, ..Bundle::default() }).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
}

/// What no tenant can write away, with policies of its own that try everything.
#[test]
fn guardrails_stand_above_what_a_tenant_writes() {
    let everybody = own("permit (principal, action, resource);").unwrap().0;
    let nobody = own("forbid (principal, action, resource);").unwrap().0;
    // One that cannot be evaluated.
    let broken = own("permit (principal, action, resource);
         forbid (principal, action, resource) when { Actor::\"key_2\".platform };");
    let broken = broken.unwrap().0;
    let repair = [
        Action::GetPolicies,
        Action::DraftPolicies,
        Action::ActivatePolicies,
        Action::ActivateManagement,
    ];
    for &action in Action::ALL {
        let name = action.name();
        let ask = |decider: &Decider, roles: &[&str], platform: bool, of: u128, to: u128| {
            decide_by(decider, roles, platform, (of, action, to)).allowed
        };
        for shut in [&nobody, &broken, &Decider::closed()] {
            assert!(ask(shut, &["operator"], true, SYSTEM, CUSTOMER), "{name}: operators go on");
            let owner = ask(shut, &["owner"], false, CUSTOMER, CUSTOMER);
            assert_eq!(owner, repair.contains(&action), "{name}: owners repair");
            for role in ["admin", "viewer", "operator", ""] {
                assert!(!ask(shut, &[role], false, CUSTOMER, CUSTOMER), "{name}: {role}");
            }
        }
        let own_only = action == Action::ActivateManagement;
        for roles in [&[][..], &["admin"], &["support"], &["operator"], &["member", "admin"]] {
            let allowed = ask(&everybody, roles, false, CUSTOMER, CUSTOMER);
            assert_eq!(allowed, !own_only, "{name}: {roles:?}");
        }
        // A member is nobody, and nobody reaches another tenant, whatever that permits.
        assert!(!ask(&everybody, &["member"], false, CUSTOMER, CUSTOMER), "{name}");
        for (roles, platform, of) in [
            (&["owner"][..], false, OTHER),
            (&["operator"], false, OTHER),
            (&["owner"], true, SYSTEM),
            (&["admin", "viewer"], true, SYSTEM),
            (&[], true, SYSTEM),
        ] {
            assert!(!ask(&everybody, roles, platform, of, CUSTOMER), "{name}: {roles:?}");
        }
    }
}

#[test]
fn a_tenant_replaces_the_policies_of_the_roles() {
    let own = own("@id(\"list\") permit (principal, action == Action::\"users.list\", resource)
        when { principal.roles.contains(\"support\") || principal == Actor::\"key_1\" };");
    let own = own.unwrap().0;
    let ask = |roles: &[&str], action| {
        decide_by(&own, roles, false, (CUSTOMER, action, CUSTOMER)).policies
    };
    assert_eq!(ask(&["support"], Action::ListUsers), ["list"]);
    assert!(ask(&["support"], Action::GetUser).is_empty());
    assert!(ask(&["admin"], Action::GetUser).is_empty(), "theirs are gone");
    assert_eq!(ask(&["owner"], Action::GetPolicies), ["owners"]);
}
