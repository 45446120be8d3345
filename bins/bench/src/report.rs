//! The table: its rows, and how they are written for people and for programs.

use std::fmt;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::sample::{median, ratios};

/// What a row has to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Required {
    AtLeast(f64),
    AtMost(f64),
    /// No further from 1 than this.
    Within(f64),
    /// The row is there to be known.
    Nothing,
}

impl Required {
    fn reached_by(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(bound) => Some(value >= bound),
            Self::AtMost(bound) => Some(value <= bound),
            Self::Within(share) => Some((value - 1.0).abs() <= share),
            Self::Nothing => None,
        }
    }
}

impl fmt::Display for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::Within(share) => write!(f, "1 ± {share}"),
            Self::Nothing => f.write_str("–"),
        }
    }
}

/// A number with its unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

impl fmt::Display for Quantity {
    /// Three digits at least, thousands apart: `31 800/s`, `0.42 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.value.abs() {
            value if value.fract() == 0.0 || value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            _ => 2,
        };
        let digits = format!("{:.decimals$}", self.value);
        let whole = digits.find('.').unwrap_or(digits.len());
        for (at, digit) in digits.char_indices() {
            if at > 0 && at < whole && (whole - at) % 3 == 0 {
                f.write_char(' ')?;
            }
            f.write_char(digit)?;
        }
        let space = if self.unit.is_empty() || self.unit.starts_with('/') { "" } else { " " };
        write!(f, "{space}{}", self.unit)
    }
}

/// The median of the ratios of all repetitions, and their ends.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    median: f64,
    low: f64,
    high: f64,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    work: String,
    measured: Option<Quantity>,
    against: Option<(&'static str, Quantity)>,
    ratio: Option<Ratio>,
    required: Required,
    reached: Option<bool>,
    /// Why nothing was measured.
    problem: Option<String>,
}

impl Row {
    /// A row of ratios: `measured` and `against` by repetition, in the same unit.
    pub(crate) fn ratio(
        work: &str,
        unit: &'static str,
        measured: &[f64],
        (what, against): (&'static str, &[f64]),
        required: Required,
    ) -> Self {
        let ratios = ratios(measured, against);
        let ratio = Ratio {
            median: median(&ratios),
            low: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            high: ratios.iter().copied().fold(0.0, f64::max),
        };
        Self {
            work: work.to_owned(),
            measured: Some(Quantity { value: median(measured), unit }),
            against: Some((what, Quantity { value: median(against), unit })),
            ratio: Some(ratio),
            required,
            reached: required.reached_by(ratio.median),
            problem: None,
        }
    }

    /// A row whose figure itself is judged.
    pub(crate) fn figure(work: &str, measured: Quantity, required: Required) -> Self {
        let reached = required.reached_by(measured.value);
        let work = work.to_owned();
        Self { work, measured: Some(measured), against: None, ratio: None, required, reached, problem: None }
    }

    /// A row that could not be measured.
    pub(crate) fn problem(work: &str, problem: String, reached: Option<bool>) -> Self {
        let (work, problem) = (work.to_owned(), Some(problem));
        Self { work, measured: None, against: None, ratio: None, required: Required::Nothing, reached, problem }
    }

    fn cells(&self) -> [String; 6] {
        let measured = self.measured.map(|quantity| quantity.to_string());
        let unit = self.measured.map_or("", |quantity| quantity.unit);
        let required = match (self.required, self.ratio) {
            (Required::Nothing, _) | (_, Some(_)) => self.required.to_string(),
            (required, None) => format!("{required} {unit}").trim_end().to_owned(),
        };
        [
            self.work.clone(),
            measured.or_else(|| self.problem.clone()).unwrap_or_default(),
            self.against.map_or("–".to_owned(), |(what, quantity)| format!("{what}: {quantity}")),
            self.ratio
                .map_or("–".to_owned(), |ratio| format!("{:.3} ({:.3}–{:.3})", ratio.median, ratio.low, ratio.high)),
            required,
            self.reached.map_or("–", |reached| if reached { "yes" } else { "NO" }).to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let quantity = |quantity: Quantity| json!({ "value": quantity.value, "unit": quantity.unit });
        json!({
            "work": self.work,
            "measured": self.measured.map(quantity),
            "measured_against": self.against.map(|(what, of)| json!({ "what": what, "value": of.value, "unit": of.unit })),
            "ratio": self.ratio.map(|ratio| json!({ "median": ratio.median, "low": ratio.low, "high": ratio.high })),
            "required": match self.required {
                Required::AtLeast(bound) => json!({ "at_least": bound }),
                Required::AtMost(bound) => json!({ "at_most": bound }),
                Required::Within(share) => json!({ "within": share }),
                Required::Nothing => Value::Null,
            },
            "reached": self.reached,
            "problem": self.problem,
        })
    }
}

const HEAD: [&str; 6] = ["work", "measured", "measured against", "ratio (lowest–highest)", "required", "reached"];

/// Everything that was measured, and on what.
pub(crate) struct Report {
    /// What a reader must know of the circumstances, a line each.
    pub(crate) circumstances: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// The table in columns, for a terminal.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<_> = std::iter::once(HEAD.map(str::to_owned)).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut text = self.circumstances.join("\n") + "\n\n";
        for cells in lines {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            text += padded.collect::<Vec<_>>().join("  ").trim_end();
            text.push('\n');
        }
        text
    }

    /// The table as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = self.circumstances.iter().fold(String::new(), |text, line| text + "- " + line + "\n") + "\n";
        text += &line(&HEAD.map(str::to_owned));
        text += "|---|---|---|---|---|---|\n";
        self.rows.iter().fold(text, |text, row| text + &line(&row.cells()))
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({ "circumstances": self.circumstances, "rows": rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        for (value, unit, text) in [
            (31_800.4, "/s", "31 800/s"),
            (1_234_567.0, "", "1 234 567"),
            (0.421, "ms", "0.42 ms"),
            (12.64, "MiB", "12.6 MiB"),
            (0.0, "", "0"),
            (999.96, "/s", "1 000/s"),
        ] {
            assert_eq!(Quantity { value, unit }.to_string(), text);
        }
    }

    #[test]
    fn the_median_of_the_ratios_is_judged() {
        let row = |required| Row::ratio("w", "/s", &[1.0, 2.0, 9.0], ("a", &[2.0, 2.0, 10.0]), required);
        assert_eq!(row(Required::AtLeast(0.9)).reached, Some(true));
        assert_eq!(row(Required::AtLeast(0.91)).reached, Some(false));
        assert_eq!(row(Required::AtMost(0.9)).reached, Some(true));
        assert_eq!(row(Required::Within(0.1)).reached, Some(true));
        assert_eq!(row(Required::Within(0.09)).reached, Some(false));
        assert_eq!(row(Required::Nothing).reached, None);
        assert_eq!(row(Required::AtLeast(0.9)).cells()[3], "0.900 (0.500–1.000)");
    }
}
