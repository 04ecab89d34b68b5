use uuid::Uuid;

use super::*;

fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

const CUSTOMER: u128 = 1;
const OTHER: u128 = 2;
const SYSTEM: u128 = 3;

fn decide(roles: &[&str], platform: bool, of: u128, action: Action, to: u128) -> Decision {
    let roles: Vec<String> = roles.iter().map(|&r| r.to_owned()).collect();
    Decider::embedded().decide(&Request {
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
                let wanted = if is_read(action) { read } else { manage };
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
    let groups = ["read", "manage"];
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

#[test]
fn policies_that_do_not_fit_the_schema_are_refused() {
    for wrong in [
        "permit (principal, action, resource);",
        "@id(\"x\") permit (principal, action == Action::\"fly\", resource);",
        "@id(\"x\") permit (principal, action, resource) when { principal.rolls.isEmpty() };",
        "@id(\"x\") permit (principal, action",
    ] {
        assert!(Decider::parse(SCHEMA, wrong).is_err(), "{wrong}");
    }
    assert!(Decider::parse(SCHEMA, POLICIES).is_ok());
}

#[test]
fn without_policies_nothing_is_allowed() {
    let nothing = Decider::parse(SCHEMA, "").expect("valid");
    let request = Request {
        principal: "key_1",
        tenant: tenant(SYSTEM),
        platform: true,
        roles: &["operator".to_owned(), "owner".to_owned()],
        action: Action::GetTenant,
        resource: tenant(SYSTEM),
    };
    assert!(!nothing.decide(&request).allowed);
}
