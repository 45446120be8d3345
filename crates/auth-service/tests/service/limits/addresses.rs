//! Which clients share a count (L-11, L-27).

use std::time::Duration;

use auth_service::Client;

use super::{MINUTE, NO, Said, WRONG};
use crate::bed::{Bed, Instance, on_both_databases};

on_both_databases! {
    addresses_of_one_customer_share_a_count,
    a_mapped_address_is_the_one_that_it_maps,
    who_comes_from_nowhere_shares_a_count,
}

const LATER: Said = Said::Later("login", Duration::from_mins(3));

fn client(address: &str) -> Client {
    Client::at(Some(address.parse().unwrap()))
}

fn guess(service: &Instance, client: &Client, number: usize) -> Said {
    service.log_in_from(client, &format!("nobody{number}@example.org"), WRONG)
}

/// RFC 6177: a /64 at least.
fn addresses_of_one_customer_share_a_count(bed: &Bed) {
    let service = bed.limited();
    for number in 0..500 {
        let address = format!("2001:db8:0:7:{:x}:{number:x}::1", 77 * number);
        let expected = if number < 5 { NO } else { LATER };
        assert_eq!(guess(&service, &client(&address), number), expected, "{address}");
    }
    for (number, same) in ["2001:DB8:0:7::", "2001:0db8:0000:0007:ffff:ffff:ffff:ffff"].into_iter().enumerate() {
        assert_eq!(guess(&service, &client(same), 600 + number), LATER, "{same}");
    }
    for (number, other) in ["2001:db8:0:8::1", "2001:db8:0:6:ffff::", "2001:db8:1:7::"].into_iter().enumerate() {
        assert_eq!(guess(&service, &client(other), 700 + number), NO, "{other}");
    }
}

fn a_mapped_address_is_the_one_that_it_maps(bed: &Bed) {
    let service = bed.limited();
    let forms = ["1.2.3.4", "::ffff:1.2.3.4", "::FFFF:0102:0304", "0:0:0:0:0:ffff:102:304", "::ffff:102:304"];
    for (number, form) in forms.into_iter().enumerate() {
        assert_eq!(guess(&service, &client(form), number), NO, "{form}");
    }
    for (number, form) in forms.into_iter().enumerate() {
        assert_eq!(guess(&service, &client(form), 10 + number), LATER, "{form}");
    }
    for (number, other) in ["1.2.3.5", "::ffff:1.2.3.6", "::1.2.3.4", "::ffff:0:1.2.3.4"].into_iter().enumerate() {
        assert_eq!(guess(&service, &client(other), 20 + number), NO, "{other}");
    }
}

/// L-27: no way round for whom nothing is known of.
fn who_comes_from_nowhere_shares_a_count(bed: &Bed) {
    let service = bed.limited();
    for number in 0..5 {
        assert_eq!(guess(&service, &Client::default().with_user_agent(&[b'a' + number]), number.into()), NO);
    }
    for number in 5..8 {
        assert_eq!(guess(&service, &Client::at(None).with_request_id("other"), number), LATER);
    }
    assert_eq!(guess(&service, &client("0.0.0.0"), 9), NO);
    assert_eq!(guess(&service, &client("::"), 9), NO);
    bed.clock().advance(3 * MINUTE);
    assert_eq!([guess(&service, &Client::at(None), 8), guess(&service, &Client::at(None), 8)], [NO, LATER]);
}
