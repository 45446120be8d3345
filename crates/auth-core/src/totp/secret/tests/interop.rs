//! Codes that somebody else's program makes.

use std::process::Command;

use super::*;

/// oathtool's codes of the steps from `first` on, or none where there is no oathtool.
fn oathtool(secret: &TotpSecret, first: TotpStep, more: usize) -> Option<Vec<String>> {
    let output = Command::new("oathtool")
        .args(["--totp", "--base32", &format!("--window={more}"), &format!("--now=@{}", first.start())])
        .arg(secret.to_base32().expose())
        .output();
    let Ok(output) = output else {
        // Straight to standard error: what a passing test prints by macro is not shown.
        let note = b"LEFT OUT: there is no oathtool to compare codes with\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn codes_of_oathtool_are_accepted() {
    for (seed, seconds) in [(1, 60), (2, 1_111_111_111), (3, 1_772_366_400), (4, 4_102_444_800)] {
        let secret = TotpSecret::generate(&SeededRandom::new(seed));
        let first = TotpStep::at(at(seconds));
        let Some(codes) = oathtool(&secret, first, 4) else { return };
        assert_eq!(codes.len(), 5, "{codes:?}");
        for (number, code) in (first.as_i64()..).zip(codes) {
            let step = TotpStep::from_i64(number);
            assert_eq!(secret.matching_step(&parse(&code), at(number * 30)), Some(step), "seed {seed}, step {number}");
        }
    }
}
