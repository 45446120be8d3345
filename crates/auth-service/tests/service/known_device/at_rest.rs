//! Where a device's token is: on the device, and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64URL};

use super::{ADA, WRONG, at, given_on, new_device};
use crate::bed::journal::logged;
use crate::bed::{Bed, PASSWORD, on_both_databases};

on_both_databases! {
    the_database_and_the_log_hold_nothing_of_a_token,
    what_is_kept_of_a_token_is_a_hash_under_a_key_for_its_purpose_alone,
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// What has 32 bytes in the rows of devices.
fn stored_hashes(bed: &Bed) -> Vec<Vec<u8>> {
    let dump = bed.dump();
    let rows = dump.lines().filter(|line| line.starts_with("devices: "));
    let digits = rows.flat_map(|row| row.split(|c: char| !c.is_ascii_hexdigit())).filter(|digits| digits.len() == 64);
    let byte = |digits: &str, at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    digits.map(|digits| (0..64).step_by(2).map(|at| byte(digits, at)).collect()).collect()
}

fn the_database_and_the_log_hold_nothing_of_a_token(bed: &Bed) {
    let mut token = String::new();
    let log = logged(|| {
        let service = bed.limited();
        service.register(ADA);
        token = new_device(&service, &at(1), ADA);
        assert_eq!(given_on(&service, &token, ADA), None);
        for _ in 0..12 {
            drop(service.try_on_device(&token, ADA, WRONG));
        }
        let tokens = service.log_in_on(&at(2), None, ADA, PASSWORD).unwrap();
        assert!(!format!("{tokens:?}").contains(&token[3..]));
    });
    let (bytes, dump) = (BASE64URL.decode(&token[3..]).unwrap(), bed.dump().to_lowercase());
    assert!(dump.contains("devices: "), "{dump}");
    for text in [token[3..].to_lowercase(), hexadecimal(&bytes), STANDARD.encode(&bytes).to_lowercase()] {
        assert!(!dump.contains(&text) && !log.to_lowercase().contains(&text));
    }
}

/// The hash that is stored, presented as a token, is none; nor is another purpose's token one.
fn what_is_kept_of_a_token_is_a_hash_under_a_key_for_its_purpose_alone(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    let hashes = stored_hashes(bed);
    assert_eq!(hashes.len(), 2);
    for hash in hashes {
        assert!(given_on(&service, &format!("ot_{}", BASE64URL.encode(&hash)), ADA).is_some());
    }
    assert!(service.reset(&device, PASSWORD).is_err() && service.secure(&device).is_err());
    let link = service.token("verify-email");
    assert!(given_on(&service, &link, ADA).is_some());
    assert!(service.verify_with(&device, auth_service::AccountProof::default()).is_err());
}
