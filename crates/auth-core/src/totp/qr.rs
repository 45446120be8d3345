//! QR codes (ISO/IEC 18004), drawn as SVG.

use std::fmt::Write as _;

use qrcodegen_no_heap::{QrCode, QrCodeEcc, Version};
use zeroize::Zeroizing;

use super::uri::OtpauthUri;
use crate::secret_text::secret_text;

/// The largest code that is drawn: 113 modules a side, which a phone still reads off a screen. It holds 911 bytes.
const LARGEST: Version = Version::new(24);

/// The light margin that readers need, in modules (ISO/IEC 18004).
const QUIET_ZONE: i32 = 4;

secret_text!(
    /// A QR code as the text of one `<svg>` element, to be put into a page as it is.
    ///
    /// Black on white in a dark theme too, with the margin that readers need. It has no size of its own and fills the
    /// place that the page gives it. It holds no script, no style and no reference to anything outside, and nothing of
    /// it comes from a user but which squares are black. It holds the secret: it is shown once.
    QrSvg
);

impl QrSvg {
    /// Draws `uri`, with at least 15 % of the code able to be unreadable (level M), more where there is room.
    #[expect(clippy::expect_used, reason = "every URI is short enough: there is a test with the longest one")]
    pub(super) fn of(uri: &OtpauthUri) -> Self {
        let mut scratch = Zeroizing::new([0; LARGEST.buffer_len()]);
        let mut modules = Zeroizing::new([0; LARGEST.buffer_len()]);
        let code = QrCode::encode_text(
            uri.expose(),
            scratch.as_mut_slice(),
            modules.as_mut_slice(),
            QrCodeEcc::Medium,
            Version::MIN,
            LARGEST,
            None,
            true,
        );
        Self::draw(&code.expect("the URI fits the largest code"))
    }

    fn draw(code: &QrCode<'_>) -> Self {
        let side = code.size() + 2 * QUIET_ZONE;
        // All at once: growing later would leave a copy of the secret behind in freed memory.
        let mut svg = Zeroizing::new(String::with_capacity(256 + 20 * dark_runs(code).count()));
        // Writing to a string doesn't fail.
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\""
        );
        for (x, y, length) in dark_runs(code) {
            let _ = write!(svg, "M{} {}h{length}v1h-{length}z", x + QUIET_ZONE, y + QUIET_ZONE);
        }
        svg.push_str("\"/></svg>");
        Self(svg)
    }
}

/// Where dark modules begin in a row, and how many follow each other: column, row, length.
fn dark_runs(code: &QrCode<'_>) -> impl Iterator<Item = (i32, i32, usize)> {
    let dark = |x, y| code.get_module(x, y);
    (0..code.size()).flat_map(move |y| {
        let starts = (0..code.size()).filter(move |x| dark(*x, y) && !dark(x - 1, y));
        starts.map(move |x| (x, y, (x..code.size()).take_while(|x| dark(*x, y)).count()))
    })
}

#[cfg(test)]
mod tests;
