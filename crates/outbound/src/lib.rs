#![doc = include_str!("../README.md")]

mod address;
mod answer_body;
mod ask;
mod bell;
mod channels;
mod client_auth;
mod client_key;
mod clock;
mod connect;
mod egress;
mod forward;
mod gather;
mod head;
mod line;
mod pool;
mod progress;
mod request_body;
mod resolve;
mod stream;
mod tls;

pub use answer_body::{AnswerBody, AnswerError};
pub use ask::OutboundWorld;
pub use connect::Connector;
pub use egress::{Denied, EgressPolicy};
pub use forward::{Destination, Upstream};
pub use gather::poll_write_gathered;
pub use pool::PoolLimits;
pub use progress::{Memory, SentBytes};
pub use request_body::{RequestBody, RequestError};
pub use resolve::Resolver;
pub use tls::{Roots, Trust, TrustError};
