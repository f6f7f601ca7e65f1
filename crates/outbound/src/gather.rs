//! Writing a message that consists of several pieces.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use arrayvec::ArrayVec;
use tokio::io::AsyncWrite;

/// 4 KiB: up to here copying costs less than what the kernel does to gather pieces itself.
const SHORT: usize = 4096;

/// Writes pieces to a socket, those of a short message as one: `send(2)` takes a shorter way through the kernel than `writev(2)`.
pub fn poll_write_gathered<W: AsyncWrite>(
    socket: Pin<&mut W>,
    context: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    if let [piece] = pieces {
        return socket.poll_write(context, piece);
    }
    let mut message = ArrayVec::<u8, SHORT>::new();
    if pieces.iter().any(|piece| message.try_extend_from_slice(piece).is_err()) {
        return socket.poll_write_vectored(context, pieces);
    }
    socket.poll_write(context, &message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn pieces_arrive_in_order_whatever_their_length() {
        let (long, limit) = (vec![b'l'; SHORT], vec![b'x'; SHORT - 2]);
        let messages: [&[&[u8]]; 6] =
            [&[b"one"], &[b"a", b"", b"bc"], &[b"a", &limit, b"b"], &[b"a", &limit, b"bc"], &[b"head", &long], &[&long, &long, b"end"]];
        for pieces in messages {
            let (mut ours, mut theirs) = tokio::io::duplex(4 * SHORT);
            let whole = pieces.concat();
            let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut left = slices.as_mut_slice();
            while !left.is_empty() {
                let written = std::future::poll_fn(|context| poll_write_gathered(Pin::new(&mut ours), context, left)).await.unwrap();
                IoSlice::advance_slices(&mut left, written);
            }
            drop(ours);
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).await.unwrap();
            assert_eq!(received, whole);
        }
    }
}
