//! A table's checksum: the same for the same rows in whatever order a database returns them, and on either database.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use super::cell::Cell;

const LANES: usize = 4;

/// The rows of a table, counted and summed up: for each row the SHA-256 of its values in the order of the columns, all of
/// them added up as four numbers of 64 bits. It finds what went wrong; it doesn't keep anybody from making it so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    rows: u64,
    sum: [u64; LANES],
}

impl Checksum {
    /// How many rows it is of.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn add(&mut self, row: &[Cell]) {
        let mut digest = Context::new(&SHA256);
        for cell in row {
            cell.digest_into(&mut digest);
        }
        let digest = digest.finish();
        let (lanes, _) = digest.as_ref().as_chunks::<8>();
        for (sum, lane) in self.sum.iter_mut().zip(lanes) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*lane));
        }
        self.rows += 1;
    }
}

/// The sum without the count, 64 hexadecimal digits.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().try_for_each(|lane| write!(f, "{lane:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[Cell]]) -> Checksum {
        let mut checksum = Checksum::default();
        for row in rows {
            checksum.add(row);
        }
        checksum
    }

    #[test]
    fn the_order_of_rows_doesn_t_matter_and_everything_else_does() {
        let text = |text: &str| Cell::Text(text.to_owned());
        let (one, two) = ([text("a"), Cell::Null], [Cell::Null, text("a")]);
        assert_eq!(of(&[&one, &two]), of(&[&two, &one]));
        let different = [
            of(&[]),
            of(&[&one]),
            of(&[&two]),
            of(&[&one, &one]),
            of(&[&[text("a"), text("")]]),
            of(&[&[text("ab"), Cell::Null]]),
            of(&[&[text("a"), text("b")]]),
            of(&[&[text("ab"), text("")]]),
            of(&[&[Cell::Binary(b"a".to_vec()), Cell::Null]]),
            of(&[&[Cell::Integer(1), Cell::Null]]),
            of(&[&[Cell::Instant(1), Cell::Null]]),
            of(&[&[Cell::Bool(true), Cell::Null]]),
        ];
        for (index, one) in different.iter().enumerate() {
            assert!(different.iter().skip(index + 1).all(|other| one != other), "{index}");
        }
        assert_eq!(of(&[&one]).to_string().len(), 64);
    }
}
