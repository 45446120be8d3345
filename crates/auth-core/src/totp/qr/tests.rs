//! The drawing is read back by a decoder that another project wrote.

use proptest::prelude::*;

use super::*;
use crate::random::SeededRandom;
use crate::totp::TotpSecret;

fn uri(issuer: &str, account: &str) -> OtpauthUri {
    TotpSecret::generate(&SeededRandom::new(1)).otpauth_uri(issuer, account)
}

fn number(text: &str) -> usize {
    text.parse().unwrap()
}

/// How many modules a side has with the margin, and which of them are black; only the documented form is understood.
fn modules(svg: &str) -> (usize, Vec<bool>) {
    let rest = svg.strip_prefix("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ").unwrap();
    let side = number(rest.split(' ').next().unwrap());
    let rest = rest.strip_prefix(&format!(
        "{side} {side}\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
         <path fill=\"#000\" d=\"M"
    ));
    let runs = rest.unwrap().strip_suffix("z\"/></svg>").unwrap();
    let mut black = vec![false; side * side];
    for run in runs.split("zM") {
        let (corner, lines) = run.split_once('h').unwrap();
        let (x, y) = corner.split_once(' ').unwrap();
        let (length, home) = lines.split_once("v1h-").unwrap();
        assert_eq!(length, home);
        let start = number(y) * side + number(x);
        assert!(number(x) + number(length) <= side);
        black[start..start + number(length)].fill(true);
    }
    (side, black)
}

/// What a reader finds on a screen that shows each module as a square of `scale` pixels.
fn scan(svg: &str, scale: usize) -> Vec<u8> {
    let (side, black) = modules(svg);
    let width = side * scale;
    let image: Vec<u8> = (0..width * width)
        .map(|pixel| if black[pixel / width / scale * side + pixel % width / scale] { 0 } else { 255 })
        .collect();
    let mut reader = quircs::Quirc::new();
    let found: Vec<_> = reader.identify(width, width, &image).collect();
    assert_eq!(found.len(), 1);
    found.into_iter().next().unwrap().unwrap().decode().unwrap().payload
}

/// REQ-20.
#[test]
fn a_reader_finds_the_uri_in_the_drawing() {
    let uri = uri("Gatehouse", "ada@example.org");
    assert_eq!(scan(uri.qr_svg().expose(), 4), uri.expose().as_bytes());
}

#[test]
fn the_longest_uri_is_drawn_and_read_too() {
    let longest = TotpSecret::from_bytes(&[0xff; 40]).unwrap();
    let uri = longest.otpauth_uri(&"x".repeat(500), &"x".repeat(500));
    assert_eq!(uri.expose().len(), OtpauthUri::MAX_BYTES);
    let svg = uri.qr_svg();
    assert_eq!(modules(svg.expose()).0, 113 + 8);
    assert_eq!(scan(svg.expose(), 4), uri.expose().as_bytes());
}

#[test]
fn one_uri_gives_one_drawing() {
    let svg = uri("Gatehouse", "ada@example.org").qr_svg();
    assert_eq!(svg.expose(), uri("Gatehouse", "ada@example.org").qr_svg().expose());
    assert_ne!(svg.expose(), uri("Gatehouse", "eve@example.org").qr_svg().expose());
}

/// A page can take it as it is: `modules` understands no other element or attribute.
#[test]
fn the_drawing_is_black_on_white_within_a_margin() {
    let (side, black) = modules(uri("Gatehouse", "ada@example.org").qr_svg().expose());
    let edge = side - 4;
    for (place, _) in black.iter().enumerate().filter(|(_, black)| **black) {
        let (x, y) = (place % side, place / side);
        assert!((4..edge).contains(&x) && (4..edge).contains(&y), "{x}, {y}");
    }
    // The three finder patterns reach into their corners.
    for (x, y) in [(4, 4), (edge - 1, 4), (4, edge - 1)] {
        assert!(black[y * side + x]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_uri_has_a_drawing(issuer in "\\PC{1,80}", account in "\\PC{1,300}") {
        let uri = uri(&issuer, &account);
        prop_assert_eq!(scan(uri.qr_svg().expose(), 3), uri.expose().as_bytes());
    }
}

#[test]
fn a_drawing_is_not_printed() {
    assert_eq!(format!("{:?}", uri("Gatehouse", "ada").qr_svg()), "QrSvg(…)");
}
