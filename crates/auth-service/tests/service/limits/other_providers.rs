//! Steps of flows with other providers: thirty in a quarter of an hour for an address.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{OAuthStart, RateLimits};
use identity_provider::Endpoint;

use super::{ADA, MICRO, SECOND, Said, said};
use crate::bed::federation::{Federated, GOOGLE, Person, VERIFIER, here};
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    an_address_has_thirty_steps_of_all_kinds,
    a_refused_step_spends_nothing,
    what_can_t_go_on_takes_nothing,
}

const ADA_AT_GOOGLE: Person<'_> = Person::at(GOOGLE, "g-ada", ADA);
const LATER: Said = Said::Later("oauth", Duration::from_secs(30));

fn limited(bed: &Bed) -> Federated {
    bed.federated_as(|setup| setup.config.rate_limits = RateLimits::default())
}

fn start(service: &Federated) -> Said {
    said(service.start_oauth(OAuthStart { provider: GOOGLE, ..OAuthStart::default() }))
}

fn an_address_has_thirty_steps_of_all_kinds(bed: &Bed) {
    let service = limited(bed);
    let account = service.register(ADA);
    service.code(Person::nameless(GOOGLE, "g-somebody"));
    // A start and its callback so far.
    for _ in 0..10 {
        assert_eq!(start(&service), Said::Yes, "none is given back");
        let wrong = said(service.exchange("ot_no-code", Some(VERIFIER)));
        assert_eq!(wrong, Said::No(ErrorCode::TokenInvalidOrExpired));
    }
    for _ in 0..8 {
        let link = OAuthStart { provider: GOOGLE, ..OAuthStart::default() };
        assert_eq!(said(service.start_link(link, &account)), Said::Yes);
    }
    assert_eq!(start(&service), LATER);
    bed.clock().advance((30 * SECOND).saturating_sub(MICRO));
    assert_eq!(start(&service), Said::Later("oauth", MICRO));
    bed.clock().advance(MICRO);
    assert_eq!([start(&service), start(&service)], [Said::Yes, LATER]);
}

/// Neither a flow that came back too early nor a code.
fn a_refused_step_spends_nothing(bed: &Bed) {
    let service = limited(bed);
    let back = service.begin(ADA_AT_GOOGLE);
    let code = service.code(Person::nameless(GOOGLE, "g-somebody"));
    while start(&service) == Said::Yes {}
    for _ in 0..3 {
        assert_eq!(said(here(service.finish_oauth(&back))), LATER);
        assert_eq!(said(service.exchange(&code, Some(VERIFIER))), LATER);
    }
    assert_eq!(service.idp.count(Endpoint::Token), 1, "the provider is not asked");
    bed.clock().advance(30 * SECOND);
    assert_eq!(said(service.exchange(&code, Some(VERIFIER))), Said::Yes);
    bed.clock().advance(30 * SECOND);
    assert_eq!(said(here(service.finish_oauth(&back))), Said::Yes);
}

/// No such provider, or fields that are missing.
fn what_can_t_go_on_takes_nothing(bed: &Bed) {
    let service = limited(bed);
    for _ in 0..40 {
        let nobody = OAuthStart { provider: "nobody", ..OAuthStart::default() };
        assert!(matches!(said(service.start_oauth(nobody)), Said::No(_)));
        let missing = crate::bed::block_on(service.service.exchange_oauth_code(None, None, &crate::bed::browser()));
        assert_eq!(said(missing), Said::No(ErrorCode::ValidationFailed));
    }
    assert_eq!(start(&service), Said::Yes);
}
