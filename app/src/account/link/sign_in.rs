//! A link that signs in, in the browser that asked for it; elsewhere it shows the code to type there.

use actix_web::HttpResponse;

use super::{Form, Opened};
use crate::flow::page::PageError;
use crate::mails::SignInLink;
use crate::pages::{ConfirmSignIn, Page};

pub(super) fn page(opened: &Opened<'_>, form: &Form<'_>) -> Result<HttpResponse, PageError> {
    let wanted: SignInLink = opened.held()?;
    let page = ConfirmSignIn {
        action: &format!("{}/login/email", opened.cx.issuer()),
        request: &wanted.request,
        csrf: form.csrf,
        ceremony: &wanted.ceremony,
        code: &wanted.code,
        here: wanted.browser == opened.browser.binding(opened.cx),
    };
    Ok(form.show(opened, &Page::ConfirmSignIn(page)))
}
