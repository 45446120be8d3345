//! Registering (REQ-04).

use auth_core::password::Argon2Params;
use auth_service::{Client, RegisterError, Registered, Registration, Tokens};

use crate::bed::{Bed, Instance, PASSWORD, Setup, block_on, on_both_databases, together, tokens};

on_both_databases! {
    an_account_comes_with_its_first_session,
    an_address_belongs_to_one_account_however_it_is_spelt,
    a_username_belongs_to_one_account_however_it_is_spelt,
    all_faults_of_a_registration_are_named_at_once,
    a_password_that_names_its_owner_is_refused,
    a_refused_registration_leaves_nothing_behind,
    twenty_registrations_of_one_address_at_once_make_one_account,
    nobody_registers_while_registration_is_closed,
    a_taken_address_costs_no_hash,
}

fn register(service: &Instance, registration: Registration<'_>) -> Result<Tokens, RegisterError> {
    match block_on(service.service.register(registration, &Client::default()))? {
        Registered::Step(step) => Ok(tokens(step)),
        Registered::VerificationRequired => panic!("the address has to be verified first"),
    }
}

const NOTHING: Registration<'_> = Registration { email: None, password: None, username: None, display_name: None };

/// REQ-04
fn an_account_comes_with_its_first_session(bed: &Bed) {
    let service = bed.service();
    let tokens = service.try_register(" Ada@Example.org ", Some("Ada_L")).unwrap();
    let claims = service.claims(tokens.access_token.expose());
    let user = &tokens.user;
    assert_eq!((user.email.as_deref(), user.username.as_deref()), (Some("Ada@Example.org"), Some("Ada_L")));
    assert_eq!((claims.user_id, claims.generation, claims.amr.as_slice()), (user.id, 1, &["pwd".to_owned()][..]));
    assert_eq!((user.role, user.email_verified, user.is_active), (auth_core::Role::User, false, true));
    assert_eq!(tokens.expires_in, 15 * 60);
    assert_eq!(bed.count_events(user.id, "user.registered"), 1);
    assert!(service.refresh(tokens.refresh_token.expose()).is_ok());
}

/// REQ-04
fn an_address_belongs_to_one_account_however_it_is_spelt(bed: &Bed) {
    let service = bed.service();
    service.register("ada@bücher.example");
    for spelling in
        ["ada@bücher.example", "ADA@BÜCHER.example", "ada@xn--bcher-kva.EXAMPLE", " Ada@bu\u{308}cher.example "]
    {
        assert!(matches!(service.try_register(spelling, None), Err(RegisterError::EmailTaken)), "{spelling}");
    }
    assert_eq!(bed.count("users", "true"), 1);
}

/// REQ-04
fn a_username_belongs_to_one_account_however_it_is_spelt(bed: &Bed) {
    let service = bed.service();
    service.register_named("ada@example.org", "Zoë_9");
    for spelling in ["zoë_9", "ZOË_9", "zoe\u{308}_9", "ｚoë_9"] {
        let refused = service.try_register("other@example.org", Some(spelling));
        assert!(matches!(refused, Err(RegisterError::UsernameTaken)), "{spelling}: {refused:?}");
    }
    assert_eq!(bed.count("users", "true"), 1);
}

fn faults(error: RegisterError) -> Vec<(&'static str, &'static str)> {
    let RegisterError::Invalid(errors) = error else { panic!("{error:?}") };
    errors.iter().map(|error| (error.field, error.code)).collect()
}

/// REQ-04
fn all_faults_of_a_registration_are_named_at_once(bed: &Bed) {
    let service = bed.service();
    assert_eq!(faults(register(&service, NOTHING).unwrap_err()), [("email", "required"), ("password", "required")]);
    let wrong =
        Registration { email: Some("ada@"), password: Some("short"), username: Some("a"), display_name: Some("\u{7}") };
    let expected = [
        ("email", "invalid_email"),
        ("username", "invalid_username"),
        ("display_name", "invalid_display_name"),
        ("password", "weak_password"),
    ];
    assert_eq!(faults(register(&service, wrong).unwrap_err()), expected);
}

/// REQ-02
fn a_password_that_names_its_owner_is_refused(bed: &Bed) {
    let service = bed.service();
    for password in ["Ada.Lovelace@Example.org", "ada.lovelace1842", "Countess of L.", "analyst-1815", "elevenchars"] {
        let registration = Registration {
            email: Some("ada.lovelace@example.org"),
            password: Some(password),
            username: Some("analyst"),
            display_name: Some("countess of l"),
        };
        assert_eq!(
            faults(register(&service, registration).unwrap_err()),
            [("password", "weak_password")],
            "{password}"
        );
    }
    let product = bed.service_with(|config| "Marble Staircase".clone_into(&mut config.product_name));
    let registration = Registration { email: Some("b@example.org"), password: Some("marble staircase!"), ..NOTHING };
    assert_eq!(faults(register(&product, registration).unwrap_err()), [("password", "weak_password")]);
}

fn a_refused_registration_leaves_nothing_behind(bed: &Bed) {
    let service = bed.service();
    let ada = service.register_named("ada@example.org", "analyst");
    let trail = bed.count("audit_events", "true");
    assert!(service.try_register("ada@example.org", None).is_err());
    assert!(service.try_register("bob@example.org", Some("analyst")).is_err());
    assert_eq!((bed.count("users", "true"), bed.count("sessions", "true")), (1, 1));
    assert_eq!((bed.count("audit_events", "true"), bed.trail(ada.user).len()), (trail, 1));
}

/// REQ-04: the unique key decides, not the look before.
fn twenty_registrations_of_one_address_at_once_make_one_account(bed: &Bed) {
    let (one, other) = (bed.service(), bed.second_service(std::time::Duration::ZERO));
    let results = together(20, |number| {
        let service = if number.is_multiple_of(2) { &one } else { &other };
        service.try_register(if number.is_multiple_of(3) { "ADA@example.org" } else { "ada@example.org" }, None)
    });
    let made = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!((made, bed.count("users", "true"), bed.count("sessions", "true")), (1, 1, 1));
    let taken = results.iter().filter(|result| matches!(result, Err(RegisterError::EmailTaken))).count();
    assert_eq!(taken, 19);
}

fn nobody_registers_while_registration_is_closed(bed: &Bed) {
    let service = bed.service_with(|config| config.registration_open = false);
    assert!(matches!(service.try_register("ada@example.org", None), Err(RegisterError::Closed)));
    assert!(matches!(register(&service, NOTHING), Err(RegisterError::Closed)));
    assert_eq!(bed.count("users", "true"), 0);
}

/// A sign-up form must not be a cheap way to keep the pool busy.
fn a_taken_address_costs_no_hash(bed: &Bed) {
    let setup = bed.setup();
    let service = Setup { hash_params: Argon2Params::new(16, 1, 1).unwrap(), ..setup }.start().unwrap();
    service.register("ada@example.org");
    let before = service.service.hash_pool().started_count();
    assert!(service.try_register("ada@example.org", None).is_err());
    let again = Registration { email: Some("bob@example.org"), password: Some(&PASSWORD[..5]), ..NOTHING };
    assert!(register(&service, again).is_err());
    assert_eq!(service.service.hash_pool().started_count(), before);
}
