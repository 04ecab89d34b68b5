//! Sending mail: over SMTP, or into a folder while there is no server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bailiwick_domain::breaker::{Breaker, Rule};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::PoolConfig;
use lettre::{
    Address, AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
};
use tokio::time::Instant;

/// How long one command of SMTP may take.
const TIMEOUT: Duration = Duration::from_secs(20);
const CONNECTIONS: u32 = 4;
const BREAKER: Rule =
    Rule { failures: 3, first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// A mail to one person.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Whose name it is sent under: the tenant's.
    pub from_name: String,
    /// Under which address, when that is not the server's own, which is the sender then.
    pub from: Option<String>,
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// For programs that show no HTML.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Why a mail was not sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MailError {
    /// The address or the server's answer says that it never will be.
    #[error("the mail was refused: {0}")]
    Refused(String),
    /// Later it may.
    #[error("the mail could not be sent now: {0}")]
    Unavailable(String),
}

/// How mail leaves.
pub struct Mailer {
    from: Address,
    way: Way,
    breaker: Breaker,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.way {
            Way::Smtp(_) => "Mailer(smtp)",
            Way::Folder(_) => "Mailer(folder)",
        })
    }
}

impl Mailer {
    /// Over SMTP: `smtps://user:password@host` (TLS), `smtp://host?tls=required` (STARTTLS), or
    /// `smtp://host:port` (in the clear, for a server on the same machine).
    ///
    /// # Errors
    /// When the sender or the URL is not one. The message does not hold the URL, which may hold a
    /// password.
    pub fn smtp(from: &str, url: &str) -> Result<Self, String> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| "the SMTP URL is not valid".to_owned())?
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS))
            .build();
        Self::new(from, Way::Smtp(transport))
    }

    /// Into a folder that exists, as `.eml` files.
    ///
    /// # Errors
    /// When the sender is not an address.
    pub fn folder(from: &str, folder: PathBuf) -> Result<Self, String> {
        Self::new(from, Way::Folder(AsyncFileTransport::new(folder)))
    }

    fn new(from: &str, way: Way) -> Result<Self, String> {
        let from = from.parse().map_err(|_| format!("{from} is not a mail address"))?;
        Ok(Self { from, way, breaker: Breaker::new(BREAKER) })
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// [`MailError`]. While the server is away, most calls fail without asking it.
    pub async fn send(&self, mail: &Mail, random: u8) -> Result<(), MailError> {
        let message = self.message(mail).map_err(MailError::Refused)?;
        if !self.breaker.admits(Instant::now().into_std()) {
            return Err(MailError::Unavailable("the server was away a moment ago".into()));
        }
        let (sent, refused) = match &self.way {
            Way::Smtp(smtp) => match smtp.send(message).await {
                Ok(_) => (Ok(()), false),
                Err(e) => (Err(e.to_string()), e.is_permanent()),
            },
            Way::Folder(folder) => {
                (folder.send(message).await.map_err(|e| e.to_string()).map(drop), false)
            }
        };
        match sent {
            // A server that refuses a mail is there.
            Err(why) if refused => {
                self.breaker.succeeded();
                Err(MailError::Refused(why))
            }
            Err(why) => {
                self.breaker.failed(Instant::now().into_std(), random);
                Err(MailError::Unavailable(why))
            }
            Ok(()) => {
                self.breaker.succeeded();
                Ok(())
            }
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, String> {
        let to: Address = mail.to.parse().map_err(|_| "not a mail address".to_owned())?;
        // A name is one line: what would end the header is not in it.
        let name = mail.from_name.chars().filter(|c| !c.is_control()).collect::<String>();
        let subject = mail.subject.chars().filter(|c| !c.is_control()).collect::<String>();
        let own = mail.from.as_deref().map(str::parse::<Address>).transpose();
        let own = own.map_err(|_| "the sender is no mail address".to_owned())?;
        let mut message = Message::builder();
        if own.as_ref().is_some_and(|own| *own != self.from) {
            message = message.sender(Mailbox::new(None, self.from.clone()));
        }
        message
            .from(Mailbox::new(Some(name), own.unwrap_or_else(|| self.from.clone())))
            .to(Mailbox::new(None, to))
            .subject(subject)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str) -> Mail {
        Mail {
            from_name: "Acme\r\nBcc: everybody@example.com".into(),
            from: None,
            to: to.into(),
            subject: "Hello\nthere".into(),
            text: "text".into(),
            html: "<p>html".into(),
        }
    }

    #[test]
    fn no_name_or_subject_adds_a_header() {
        let mailer = Mailer::folder("no-reply@example.com", "/nowhere".into()).expect("valid");
        let message = mailer.message(&mail("ada@example.com")).expect("a message").formatted();
        let message = String::from_utf8(message).expect("ASCII");
        assert!(!message.lines().any(|l| l.starts_with("Bcc")), "{message}");
        assert!(message.contains("Subject: Hellothere"), "{message}");
        assert!(message.contains("text/plain") && message.contains("text/html"));
    }

    #[test]
    fn another_sender_is_named_and_the_server_answers_for_it() {
        let mailer = Mailer::folder("no-reply@example.com", "/nowhere".into()).expect("valid");
        let own = |from: &str| {
            let mail = Mail { from: Some(from.into()), ..mail("ada@example.com") };
            let message = mailer.message(&mail)?;
            let sender = message.envelope().from().map(ToString::to_string);
            Ok::<_, String>((String::from_utf8_lossy(&message.formatted()).into_owned(), sender))
        };
        let (text, sender) = own("hello@acme.example").expect("a message");
        assert!(text.contains("<hello@acme.example>"), "{text}");
        assert!(text.contains("Sender: no-reply@example.com"), "{text}");
        assert_eq!(sender.as_deref(), Some("no-reply@example.com"), "where bounces go");
        let (text, _) = own("no-reply@example.com").expect("a message");
        assert!(!text.contains("Sender:"), "{text}");
        assert!(own("a@b\r\nBcc: c@example.com").is_err());
    }

    #[tokio::test]
    async fn what_can_never_be_sent_is_told_from_what_may_be_later() {
        let mailer = Mailer::smtp("no-reply@example.com", "smtp://127.0.0.1:1").expect("valid");
        let to_nobody = mailer.send(&mail("not an address"), 0).await;
        assert!(matches!(to_nobody, Err(MailError::Refused(_))), "{to_nobody:?}");
        for _ in 0..4 {
            let away = mailer.send(&mail("ada@example.com"), 0).await;
            assert!(matches!(away, Err(MailError::Unavailable(_))), "{away:?}");
        }
        assert!(mailer.breaker.is_open());
    }

    #[test]
    fn a_url_that_is_none_is_not_repeated() {
        let error = Mailer::smtp("no-reply@example.com", "smtq://u:secret@h").expect_err("refused");
        assert!(!error.contains("secret"));
    }
}
