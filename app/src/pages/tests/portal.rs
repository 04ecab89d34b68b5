//! The pages of an account and of second factors in every variation.

use bailiwick_domain::Factor;

use super::super::*;

const AT: &str = "2026-03-01T12:00:00.000Z";

pub(super) fn pages(text: &str) -> Vec<Page<'_>> {
    let (action, request, csrf) = ("/t/acme/login/factor", text, text);
    let account = Account { value: text, name: Some(text), identifier: text, signed_in: true };
    let of = |method: Factor, problem| SecondFactor {
        action,
        request,
        csrf,
        application: Some(text),
        account: account.clone(),
        method,
        others: Factor::ALL.into_iter().filter(|f| *f != method).map(|f| (f, text)).collect(),
        passkey: (method == Factor::Passkey).then_some(Passkey {
            action,
            options: text,
            ceremony: text,
        }),
        remember_days: Some(30),
        problem,
        wait: (problem == Some(FactorProblem::TooMany)).then(|| Wait::of(30)),
    };
    let mut pages: Vec<Page<'_>> =
        Factor::ALL.into_iter().map(|method| Page::SecondFactor(of(method, None))).collect();
    for problem in FactorProblem::ALL {
        pages.push(Page::SecondFactor(of(Factor::Passkey, Some(problem))));
        pages.push(Page::SecondFactor(of(Factor::Totp, Some(problem))));
    }
    let bare = of(Factor::Passkey, None);
    let bare = SecondFactor { application: None, passkey: None, remember_days: None, ..bare };
    pages.push(Page::SecondFactor(bare));
    let offered = vec![(Factor::Passkey, text), (Factor::Totp, text)];
    pages.push(Page::Enrol(Enrol { application: Some(text), offered: offered.clone() }));
    pages.push(Page::Enrol(Enrol { application: None, offered }));
    for (tab, content) in contents(text) {
        // As in sealed pages: of a test there are few, and they live as long as it does.
        let content: &Content<'_> = Box::leak(Box::new(content));
        let tabs = Tab::ALL.iter().filter(|tab| tab.is_in_menu()).map(|tab| (*tab, text));
        let frame = PortalFrame {
            action,
            csrf,
            session: text,
            name: Some(text),
            identifier: text,
            tab,
            tabs: tabs.collect(),
            switch: text,
            sign_out: text,
            waiting: text,
        };
        let (strength, min_length) = (None, 8);
        let portal =
            Portal { frame, done: None, problem: None, strength, min_length, wait: None, content };
        pages.push(Page::Portal(portal.clone()));
        for done in Done::ALL {
            pages.push(Page::Portal(Portal { done: Some(*done), ..portal.clone() }));
        }
        for problem in [FormProblem::CurrentPassword, FormProblem::TooMany, FormProblem::Passkey] {
            let wait = (problem == FormProblem::TooMany).then(|| Wait::of(300));
            pages.push(Page::Portal(Portal { problem: Some(problem), wait, ..portal.clone() }));
        }
    }
    pages
}

fn contents(text: &str) -> Vec<(Tab, Content<'_>)> {
    let (at, own) = (|| AT.to_owned(), || text.to_owned());
    let full = Overview {
        email_verified: true,
        passkeys: 1,
        totp: 1,
        recovery_codes: 10,
        sessions: 2,
        applications: 1,
    };
    let empty = Overview {
        email_verified: false,
        passkeys: 0,
        totp: 0,
        recovery_codes: 0,
        sessions: 1,
        applications: 0,
    };
    let passkey = |name, used| PasskeyItem { id: own(), name, since: at(), used };
    let new = TotpNew { qr: Some("<svg></svg>"), uri: text, secret: text, ceremony: text };
    let session = |here, device: Option<String>| SessionItem {
        id: own(),
        address: device.clone(),
        device,
        here,
        started: at(),
        used: at(),
    };
    let connected = ConnectedItem {
        id: own(),
        name: text,
        scopes: STANDARD.iter().copied().chain([text]).collect(),
        since: at(),
        last: at(),
    };
    let event = |kind: &bailiwick_domain::EventKind| EventItem {
        kind: kind.name(),
        at: at(),
        how: vec!["hwk", "mfa", "otp", "pwd", "swk", "user"],
    };
    let profile = |email, email_verified| Profile { name: text, email, email_verified };
    let codes = Vec::leak(vec![own(), own()]);
    let recovery = |left, useful, codes, go_on| RecoveryCodes { left, useful, codes, go_on };
    vec![
        (Tab::Overview, Content::Overview(full)),
        (Tab::Overview, Content::Overview(empty)),
        (Tab::Profile, Content::Profile(profile(Some(text), true))),
        (Tab::Profile, Content::Profile(profile(Some(text), false))),
        (Tab::Profile, Content::Profile(profile(None, false))),
        (Tab::Password, Content::Password(Password { email: text })),
        (
            Tab::Passkeys,
            Content::Passkeys(Passkeys {
                items: vec![passkey(Some(text), Some(at()))],
                options: Some(text),
                ceremony: text,
            }),
        ),
        (
            Tab::Passkeys,
            Content::Passkeys(Passkeys {
                items: vec![passkey(None, None)],
                options: None,
                ceremony: "",
            }),
        ),
        (Tab::Totp, Content::Totp(Totp { since: None, used: None, new: Some(new) })),
        (Tab::Totp, Content::Totp(Totp { since: Some(at()), used: Some(at()), new: None })),
        (Tab::Totp, Content::Totp(Totp { since: None, used: None, new: None })),
        (Tab::RecoveryCodes, Content::RecoveryCodes(recovery(10, true, &[], None))),
        (Tab::RecoveryCodes, Content::RecoveryCodes(recovery(0, false, &[], None))),
        (Tab::RecoveryCodes, Content::RecoveryCodes(recovery(10, true, codes, Some(text)))),
        (
            Tab::Sessions,
            Content::Sessions(Sessions {
                items: vec![session(true, Some(own())), session(false, None)],
                remembered: 2,
            }),
        ),
        (
            Tab::Sessions,
            Content::Sessions(Sessions { items: vec![session(true, None)], remembered: 0 }),
        ),
        (Tab::Applications, Content::Applications(Applications { items: vec![connected] })),
        (Tab::Applications, Content::Applications(Applications { items: Vec::new() })),
        (Tab::Events, Content::Events(Events { items: SHOWN_EVENTS.iter().map(event).collect() })),
        (Tab::Events, Content::Events(Events { items: Vec::new() })),
    ]
}
