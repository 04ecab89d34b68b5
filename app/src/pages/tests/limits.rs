//! What pages say of limits, and the limit of the pages themselves.

use super::*;

#[test]
fn fuel_is_ample_and_its_end_is_an_apology() {
    let theme = Theme::default();
    let many = (0..ScopeSet::MAX).map(|i| format!("scope-{i}")).collect::<Vec<_>>();
    let many = ScopeSet::try_from(many).expect("as many as there may be");
    let account = Account { value: "1", name: Some("Ada"), identifier: "ada", signed_in: true };
    for page in pages("Ada", &many, &many) {
        assert!(render(&page, &look(&theme)).contains("<main>"), "{}", page.template());
    }
    let accounts = |count| {
        Page::Accounts(Accounts {
            action: "/",
            request: "",
            csrf: "",
            application: None,
            accounts: vec![account.clone(); count],
            another_account: "/",
        })
    };
    assert!(render(&accounts(50), &look(&theme)).contains("account-50"));
    let apology = render(&accounts(20_000), &look(&theme));
    assert!(apology.contains("<h1>Something went wrong</h1>") && apology.len() < 500);
}

#[test]
fn a_wait_is_said_in_its_unit_and_never_too_short() {
    let theme = Theme::default();
    let html = |seconds| {
        let page = Page::Error(ErrorPage {
            problem: Problem::TooMany,
            code: "slow_down",
            detail: None,
            request_id: "1",
            retry: None,
            wait: Some(Wait::of(seconds)),
        });
        render(&page, &look(&theme))
    };
    for (seconds, said) in [
        (1, "in 2 seconds"),
        (119, "in 119 seconds"),
        (120, "in 2 minutes"),
        (121, "in 3 minutes"),
        (7_201, "in 3 hours"),
    ] {
        assert!(html(seconds).contains(said), "{seconds}");
    }
}
