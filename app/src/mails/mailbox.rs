//! The development mailbox: the last mails of this process, at `/dev/mail`.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bailiwick_domain::Timestamp;
use bailiwick_outbound::Mail;
use serde::Serialize;

/// How many mails are shown.
const MOST: usize = 50;

/// A mail that was sent.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// When, in seconds since the epoch.
    pub at: u64,
    /// Under whose name.
    pub from: String,
    /// To whom.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The link in it, when it has one.
    pub link: Option<String>,
}

/// The last mails, the newest first.
#[derive(Debug, Default)]
pub struct Mailbox(Mutex<VecDeque<Sent>>);

impl Mailbox {
    /// Puts a mail in; the oldest leaves.
    pub fn put(&self, mail: &Mail, link: Option<&str>, now: Timestamp) {
        let sent = Sent {
            at: u64::try_from(now.as_secs()).unwrap_or(0),
            from: mail.from_name.clone(),
            to: mail.to.clone(),
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            link: link.map(str::to_owned),
        };
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.push_front(sent);
        list.truncate(MOST);
    }

    /// What is in it.
    #[must_use]
    pub fn list(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
