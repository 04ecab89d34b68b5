//! Logout tokens, sent to applications (OpenID Connect Back-Channel Logout 1.0).

use crate::guard::{Fetcher, OutboundError};

/// Why an application was not told that a session has ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogoutError {
    /// Its answer says that it never will be, or we send nothing to its address.
    #[error("the application refused: {0}")]
    Refused(String),
    /// Later it may.
    #[error("the application did not answer: {0}")]
    Unavailable(String),
}

impl Fetcher {
    /// Posts a logout token to the address that the application is registered with (2.5). Nothing of
    /// the answer but its status is read.
    ///
    /// # Errors
    /// [`LogoutError::Refused`] for status 400, with which an application refuses a token (2.8), and
    /// for addresses of our own network; [`LogoutError::Unavailable`] for everything else but
    /// success.
    pub async fn logout(&self, uri: &str, token: &str) -> Result<(), LogoutError> {
        // A token in its compact form has no character that a form would encode.
        match self.post_form(uri, format!("logout_token={token}")).await {
            Ok(200..=299) => Ok(()),
            Ok(400) => Err(LogoutError::Refused("status 400".into())),
            Ok(status) => Err(LogoutError::Unavailable(format!("status {status}"))),
            Err(e @ OutboundError::Forbidden(_)) => Err(LogoutError::Refused(e.to_string())),
            Err(e @ OutboundError::Failed(..)) => Err(LogoutError::Unavailable(e.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with this status line and headers; gives what was sent.
    async fn answering(head: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let uri = format!("http://{}/out?x=1", listener.local_addr().expect("bound"));
        let sent = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("accepts");
            let (mut request, mut buffer) = (String::new(), [0; 1_024]);
            while !request.contains("logout_token=") {
                let n = socket.read(&mut buffer).await.expect("reads");
                request.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
            let _ = socket.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).await;
            request
        });
        (uri, sent)
    }

    #[tokio::test]
    async fn the_status_says_whether_it_is_tried_again() {
        let fetcher = Fetcher::new(true).expect("builds");
        for (head, wanted) in [
            ("200 OK\r\ncontent-length: 0", "told"),
            ("204 No Content", "told"),
            // Announces far more than it sends: nobody waits for it.
            ("200 OK\r\ncontent-length: 100000000", "told"),
            ("400 Bad Request\r\ncontent-length: 0", "refused"),
            ("302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0", "unavailable"),
            ("404 Not Found\r\ncontent-length: 0", "unavailable"),
            ("503 Service Unavailable\r\ncontent-length: 0", "unavailable"),
        ] {
            let (uri, sent) = answering(head).await;
            let got = match fetcher.logout(&uri, "a.b.c").await {
                Ok(()) => "told",
                Err(LogoutError::Refused(_)) => "refused",
                Err(LogoutError::Unavailable(_)) => "unavailable",
            };
            assert_eq!(got, wanted, "{head}");
            let request = sent.await.expect("served").to_lowercase();
            assert!(request.starts_with("post /out?x=1 http/1.1\r\n"), "{request}");
            assert!(request.contains("content-type: application/x-www-form-urlencoded"));
            assert!(request.ends_with("\r\n\r\nlogout_token=a.b.c"), "{request}");
        }
    }

    #[tokio::test]
    async fn our_own_network_is_out_of_reach() {
        let fetcher = Fetcher::new(false).expect("builds");
        for uri in ["http://127.0.0.1/out", "https://169.254.169.254/", "https://[::1]/", "x"] {
            let refused = matches!(fetcher.logout(uri, "t").await, Err(LogoutError::Refused(_)));
            assert!(refused, "{uri}");
        }
    }
}
