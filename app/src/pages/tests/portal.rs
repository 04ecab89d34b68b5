//! The pages of an account and of second factors in every variation.

use bailiwick_domain::Factor;

use super::super::*;

const AT: &str = "2026-03-01T12:00:00.000Z";

pub(super) fn pages(text: &str) -> Vec<Page<'_>> {
    let (action, request, csrf) = ("/t/acme/login/factor", text, text);
    let account = Account { value: text, name: Some(text), identifier: text, signed_in: true };
    let of = |method: Factor, problem: Option<FactorProblem>| SecondFactor {
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
        ceremony: (is_sent(method) && problem.is_some()).then_some(text),
        number: (method == Factor::SmsCode).then_some(text),
        remember_days: Some(30),
        problem,
        wait: (problem == Some(FactorProblem::TooMany)).then(|| Wait::of(30)),
    };
    let mut pages: Vec<Page<'_>> =
        Factor::ALL.into_iter().map(|method| Page::SecondFactor(of(method, None))).collect();
    for problem in FactorProblem::ALL {
        pages.push(Page::SecondFactor(of(Factor::Passkey, Some(problem))));
        pages.push(Page::SecondFactor(of(Factor::Totp, Some(problem))));
        pages.push(Page::SecondFactor(of(Factor::SmsCode, Some(problem))));
        pages.push(Page::SecondFactor(of(Factor::EmailCode, Some(problem))));
        pages.push(Page::EmailCode(EmailCode {
            action,
            request,
            csrf,
            application: Some(text),
            email: text,
            ceremony: text,
            problem: Some(problem),
            wait: (problem == FactorProblem::TooMany).then(|| Wait::of(30)),
            back: text,
        }));
    }
    let mailed = EmailCode {
        action,
        request,
        csrf,
        application: None,
        email: text,
        ceremony: text,
        problem: None,
        wait: None,
        back: text,
    };
    pages.push(Page::EmailCode(mailed));
    for here in [true, false] {
        let (ceremony, code) = (text, text);
        let page = ConfirmSignIn { action, request, csrf, ceremony, code, here };
        pages.push(Page::ConfirmSignIn(page));
    }
    let bare = of(Factor::Passkey, None);
    let bare = SecondFactor { application: None, passkey: None, remember_days: None, ..bare };
    pages.push(Page::SecondFactor(bare));
    let offered = vec![(Factor::Passkey, text), (Factor::Totp, text), (Factor::SmsCode, text)];
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

/// Whether we send what is asked for.
pub(super) const fn is_sent(method: Factor) -> bool {
    matches!(method, Factor::SmsCode | Factor::EmailCode)
}

fn contents(text: &str) -> Vec<(Tab, Content<'_>)> {
    let (at, own) = (|| AT.to_owned(), || text.to_owned());
    let full = Overview {
        delete_at: Some(at()),
        phone: 1,
        email_verified: true,
        passkeys: 1,
        totp: 1,
        recovery_codes: 10,
        sessions: 2,
        applications: 1,
    };
    let empty = Overview {
        delete_at: None,
        phone: 0,
        email_verified: false,
        passkeys: 0,
        totp: 0,
        recovery_codes: 0,
        sessions: 1,
        applications: 0,
    };
    let phone = |present: Option<Option<String>>, ceremony| Phone {
        present: present.map(|used| PhoneItem { digits: text, since: at(), used }),
        number: text,
        ceremony,
    };
    let passkey = |name, used| PasskeyItem { id: own(), name, since: at(), used };
    let new = TotpNew { qr: Some("<svg></svg>"), uri: text, secret: text, ceremony: text };
    let session = |here, device: Option<String>| SessionItem {
        id: own(),
        address: device.clone(),
        place: device.clone(),
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
        how: vec!["hwk", "mfa", "otp", "pwd", "sms", "swk", "user"],
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
        (Tab::Email, Content::ChangeEmail(ChangeEmail { present: Some(text), new: text })),
        (Tab::Email, Content::ChangeEmail(ChangeEmail { present: None, new: "" })),
        (Tab::Phone, Content::Phone(phone(Some(Some(at())), None))),
        (Tab::Phone, Content::Phone(phone(Some(None), None))),
        (Tab::Phone, Content::Phone(phone(None, Some(text)))),
        (Tab::Phone, Content::Phone(phone(None, None))),
        (Tab::Delete, Content::Delete(Delete { at: None, days: 14 })),
        (Tab::Delete, Content::Delete(Delete { at: None, days: 0 })),
        (Tab::Delete, Content::Delete(Delete { at: Some(at()), days: 14 })),
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
