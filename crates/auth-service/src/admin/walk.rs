//! Pages of long lists in which most entries may be none that are wanted.

use uuid::Uuid;

use crate::page::{Page, PageRequest};

/// As many rows as are looked at for one page. A page whose rows are used up before it is full ends there, and the next
/// one goes on.
const ROWS_OF_A_PAGE: u32 = 10_000;

/// As many rows as are read at a time, where most may be none that are wanted.
const ROWS_OF_A_PART: u32 = 1_000;

/// How a list is walked through.
pub(super) struct Walk<R> {
    /// The page.
    pub(super) page: PageRequest,
    /// Whether all rows are wanted: then no more are read than the page has.
    pub(super) is_whole: bool,
    /// What the rows are in the order of, the highest first.
    pub(super) id: fn(&R) -> Uuid,
}

impl<R> Walk<R> {
    /// Reads rows by `part`, which is given the id of the row before and how many to read at most, and keeps those that
    /// are `wanted`.
    pub(super) fn read<E>(
        &self,
        mut part: impl FnMut(Option<Uuid>, u32) -> Result<Vec<R>, E>,
        wanted: impl Fn(&R) -> bool,
    ) -> Result<Page<R>, E> {
        let (limit, size) = (self.page.limit(), if self.is_whole { self.page.one_more() } else { ROWS_OF_A_PART });
        let (mut kept, mut last, mut seen) = (Vec::new(), self.page.after(), 0);
        while seen < ROWS_OF_A_PAGE {
            let rows = part(last, size)?;
            let is_end = rows.len() < size as usize;
            seen += size;
            for row in rows {
                last = Some((self.id)(&row));
                if !wanted(&row) {
                    continue;
                }
                if kept.len() == limit {
                    // There is one more than the page has.
                    let next = kept.last().map(self.id);
                    return Ok(Page::up_to(kept, next));
                }
                kept.push(row);
            }
            if is_end {
                last = None;
                break;
            }
        }
        Ok(Page::up_to(kept, last))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The ids `count` to 1, of which those are wanted that can be divided by `nth`.
    fn pages(count: u128, nth: u128, limit: &str, is_whole: bool) -> (Vec<u128>, Vec<usize>, u32) {
        let (mut found, mut sizes, mut cursor, read) = (Vec::new(), Vec::new(), None::<String>, Cell::new(0));
        loop {
            let page = PageRequest::parse(cursor.as_deref(), Some(limit)).unwrap();
            let walk = Walk { page, is_whole, id: |id: &Uuid| *id };
            let part = |before: Option<Uuid>, size: u32| {
                read.set(read.get() + size);
                let before = before.map_or(count + 1, |id| id.as_u128());
                let ids = (1..before).rev().take(size as usize);
                Ok::<_, ()>(ids.map(Uuid::from_u128).collect())
            };
            let page = walk.read(part, |id| id.as_u128() % nth == 0).unwrap();
            sizes.push(page.entries.len());
            found.extend(page.entries.iter().map(Uuid::as_u128));
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return (found, sizes, read.get()),
            }
        }
    }

    #[test]
    fn every_wanted_entry_is_on_one_page() {
        for (count, nth, limit) in
            [(0, 1, "3"), (7, 1, "3"), (6, 1, "3"), (999, 7, "3"), (1000, 10, "10"), (2001, 1, "200")]
        {
            let expected: Vec<u128> = (1..=count).rev().filter(|id| id % nth == 0).collect();
            for is_whole in [false, nth == 1] {
                let (found, sizes, _) = pages(count, nth, limit, is_whole);
                assert_eq!(found, expected, "{count} {nth} {limit}");
                assert!(sizes.iter().all(|size| *size <= limit.parse().unwrap()), "{sizes:?}");
            }
        }
    }

    #[test]
    fn a_page_that_finds_little_ends_after_10_000_rows_and_the_next_goes_on() {
        let (found, sizes, _) = pages(24_000, 12_000, "50", false);
        assert_eq!((found, sizes), (vec![24_000, 12_000], vec![1, 1, 0]));
    }

    #[test]
    fn where_all_are_wanted_no_more_is_read_than_the_page_has() {
        assert_eq!(pages(3, 1, "3", true).2, 4);
        assert_eq!(pages(6, 1, "3", true).2, 8);
    }
}
