//! The lines of a file of any length, one at a time.

use std::io::{self, BufRead};

use zeroize::Zeroizing;

/// What some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads lines that are not empty. Of a line that is too long one byte too many is kept, and no more.
pub(super) struct Lines<R> {
    input: R,
    longest: usize,
    number: u64,
    line: Zeroizing<Vec<u8>>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R, longest: usize) -> Self {
        Self { input, longest, number: 0, line: Zeroizing::new(Vec::with_capacity(longest + 1)) }
    }

    /// The next line that is not empty, without its end, and its number; none after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        while self.read()? {
            self.number += 1;
            if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((self.number, &self.line)));
            }
        }
        Ok(None)
    }

    /// Whether there was one more.
    fn read(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut is_there = false;
        loop {
            let part = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                part => part?,
            };
            if part.is_empty() {
                return Ok(is_there);
            }
            is_there = true;
            let end = part.iter().position(|byte| *byte == b'\n');
            let text = &part[..end.unwrap_or(part.len())];
            let room = self.longest + 1 - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            let consumed = end.map_or(part.len(), |end| end + 1);
            self.input.consume(consumed);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Whatever the pieces are that the file comes in.
    fn lines(text: &[u8], piece: usize) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(BufReader::with_capacity(piece, text), 8);
        std::iter::from_fn(|| lines.next().unwrap().map(|(number, line)| (number, line.to_vec()))).collect()
    }

    #[test]
    fn empty_lines_count_and_are_passed_over() {
        for piece in [1, 2, 3, 64] {
            let text = b"\n  \r\na\r\n\n\tb\nc";
            let read = lines(text, piece);
            assert_eq!(read, [(3, b"a\r".to_vec()), (5, b"\tb".to_vec()), (6, b"c".to_vec())]);
            assert!(lines(b"", piece).is_empty() && lines(b"\n\n", piece).is_empty());
        }
    }

    #[test]
    fn a_mark_at_the_start_is_dropped_and_nowhere_else() {
        for piece in [1, 2, 64] {
            let read = lines(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", piece);
            assert_eq!(read, [(1, b"a".to_vec()), (2, b"\xef\xbb\xbfb".to_vec())]);
        }
    }

    #[test]
    fn of_a_long_line_no_more_is_kept_than_tells_that_it_is_too_long() {
        for piece in [1, 7, 64] {
            let text = [b"12345678\n".as_slice(), &[b'x'; 1000], b"\nb\n"].concat();
            let read = lines(&text, piece);
            assert_eq!(read, [(1, b"12345678".to_vec()), (2, b"xxxxxxxxx".to_vec()), (3, b"b".to_vec())]);
        }
    }
}
