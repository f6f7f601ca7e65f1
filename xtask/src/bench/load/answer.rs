//! Reads HTTP/1.1 answers as little as a check of every one allows: the status, the length, and that nothing follows.

/// Longer heads are taken for a fault: nobody we measure sends one.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How far the answer on one connection has come.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The beginning of a head that came in pieces.
    head: Vec<u8>,
    /// Bytes of the body that are still to come; `None` while in the head.
    left: Option<usize>,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Unfinished,
    Whole,
}

impl Answer {
    /// Takes what was read. The words of an error hold the head, which says most about what went wrong.
    pub(super) fn take(&mut self, piece: &[u8], expected_bytes: usize) -> Result<Progress, String> {
        let body = match self.left {
            Some(_) => piece.len(),
            None if self.head.is_empty() => match end_of_head(piece) {
                Some(end) => self.begin(&piece[..end], expected_bytes).map(|()| piece.len() - end)?,
                None => return self.keep(piece, expected_bytes),
            },
            None => return self.keep(piece, expected_bytes),
        };
        self.count(body)
    }

    fn count(&mut self, body: usize) -> Result<Progress, String> {
        let left = self.left.unwrap_or_default();
        match left.checked_sub(body) {
            None => Err(format!("{} bytes came after the end of the answer", body - left)),
            Some(0) => {
                self.left = None;
                Ok(Progress::Whole)
            }
            Some(left) => {
                self.left = Some(left);
                Ok(Progress::Unfinished)
            }
        }
    }

    fn keep(&mut self, piece: &[u8], expected_bytes: usize) -> Result<Progress, String> {
        self.head.extend_from_slice(piece);
        let head = std::mem::take(&mut self.head);
        match end_of_head(&head) {
            Some(end) => {
                self.begin(&head[..end], expected_bytes)?;
                self.count(head.len() - end)
            }
            None if head.len() > MAX_HEAD_BYTES => Err(format!("the head of an answer does not end:\n{}", shown(&head))),
            None => {
                self.head = head;
                Ok(Progress::Unfinished)
            }
        }
    }

    fn begin(&mut self, head: &[u8], expected_bytes: usize) -> Result<(), String> {
        if !head.starts_with(b"HTTP/1.1 200 ") {
            return Err(format!("an answer is not 200:\n{}", shown(head)));
        }
        if length(head) != Some(expected_bytes) {
            return Err(format!("an answer does not say that it is {expected_bytes} bytes long:\n{}", shown(head)));
        }
        self.left = Some(expected_bytes);
        Ok(())
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// What the one `Content-Length` says. Chunked answers are not counted: every candidate can hand on the upstream's length.
fn length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut lines =
        head.split(|&byte| byte == b'\n').filter(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME));
    let value = std::str::from_utf8(&lines.next()?[NAME.len()..]).ok()?.trim().parse().ok()?;
    lines.next().is_none().then_some(value)
}

fn shown(head: &[u8]) -> String {
    String::from_utf8_lossy(&head[..head.len().min(600)]).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH: 5\r\n\r\n";

    fn read(pieces: &[&[u8]]) -> Result<Vec<Progress>, String> {
        let mut answer = Answer::default();
        pieces.iter().map(|piece| answer.take(piece, 5)).collect()
    }

    #[test]
    fn an_answer_may_come_in_any_pieces() {
        use Progress::{Unfinished, Whole};
        let whole = [HEAD, b"hello"].concat();
        assert_eq!(read(&[&whole, &whole]).unwrap(), [Whole, Whole]);
        assert_eq!(read(&[HEAD, b"he", b"llo", &whole]).unwrap(), [Unfinished, Unfinished, Whole, Whole]);
        for cut in 1..whole.len() {
            assert_eq!(read(&[&whole[..cut], &whole[cut..]]).unwrap(), [Unfinished, Whole], "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(read(&bytes).unwrap().iter().filter(|progress| **progress == Whole).count(), 1);
    }

    #[test]
    fn anything_but_the_expected_answer_is_an_error() {
        let refused = read(&[b"HTTP/1.1 502 Bad Gateway\r\nSortie-Error: x\r\nContent-Length: 5\r\n\r\nhello"]).unwrap_err();
        assert!(refused.contains("not 200") && refused.contains("Sortie-Error: x"), "{refused}");
        assert!(read(&[b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!"]).unwrap_err().contains("5 bytes long"));
        assert!(read(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]).unwrap_err().contains("5 bytes long"));
        assert!(read(&[HEAD, b"hello!"]).unwrap_err().contains("1 bytes came after"));
        assert!(read(&[&[b'x'; MAX_HEAD_BYTES + 1]]).unwrap_err().contains("does not end"));
    }
}
