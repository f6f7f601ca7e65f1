//! Bodies of requests: known at once, or streamed.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::ClientError;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body as it is sent.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

pub(crate) fn empty() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: Bytes) -> RequestBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn streamed<B>(body: B) -> RequestBody
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// JSON, which is wiped when it is not needed any more: it may hold stored values.
pub(crate) fn json(value: &impl Serialize) -> Result<Bytes, ClientError> {
    let mut text = Zeroizing::new(Vec::with_capacity(1024));
    serde_json::to_writer(&mut *text, value)
        .map_err(|_| ClientError::Request { what: "the body is nothing that JSON can say".to_owned() })?;
    Ok(Bytes::from_owner(text))
}
