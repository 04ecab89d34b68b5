//! Bodies, with their bounds.

use std::task::Poll;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::BytesMut;
use futures_util::StreamExt as _;
use tokio::time::timeout;

/// The most bytes of a form.
pub const MAX_FORM: usize = 64 * 1024;
/// The most bytes of a JSON document of the management API.
pub const MAX_JSON: usize = 512 * 1024;

/// How long a body may take to arrive.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// More than the bound.
    TooLarge,
    /// The connection broke, or the encoding was wrong.
    Broken,
}

/// Reads a whole body of at most `most` bytes.
///
/// # Errors
/// [`BodyError`], without reading on.
pub async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    most: usize,
) -> Result<BytesMut, BodyError> {
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    if declared > most {
        return Err(BodyError::TooLarge);
    }
    let mut body = BytesMut::with_capacity(declared);
    let whole = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            if body.len() + chunk.len() > most {
                return Err(BodyError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    {
        let mut whole = std::pin::pin!(whole);
        match futures_util::poll!(&mut whole) {
            // A small one came with the head: no clock is needed.
            Poll::Ready(read) => read?,
            // Who asks was decided before: a body must not be held back until that is no longer
            // true.
            Poll::Pending => timeout(PATIENCE, whole).await.map_err(|_| BodyError::Broken)??,
        }
    }
    Ok(body)
}

/// Whether the body is declared as `media`, with or without parameters.
#[must_use]
pub fn is_media(request: &HttpRequest, media: &str) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .is_some_and(|v| v.trim().eq_ignore_ascii_case(media))
}
