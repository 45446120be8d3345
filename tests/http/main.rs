//! Black-box tests over HTTP against the real binary: the contract, and the abuse that it has to withstand.
//!
//! Marks such as `T-08`, `R-03` and `W-01` are rows of `docs/security.md`, `REQ-07` are requirements.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[expect(dead_code, reason = "the harness serves several suites")]
#[path = "../support/mod.rs"]
mod support;

mod access_token;
mod admin_access;
mod admin_audit;
mod admin_bootstrap;
mod admin_calls;
mod admin_instances;
mod admin_users;
mod api_page;
mod audit;
mod backup_command;
mod bearer;
mod breached_passwords;
mod calls;
mod challenge;
mod completions;
mod console;
mod contract;
mod copy_command;
mod cors;
mod cross_use;
mod database_page;
mod email_change;
mod email_verify;
mod enumeration;
mod failure_cap;
mod foreign_hashes;
mod foreign_ids;
mod http_surface;
mod json_bodies;
mod jwt;
mod keys_command;
mod known_device;
mod limits_of_three;
mod link_origin;
mod link_page;
mod login;
mod logout;
mod logs;
mod mail_delivery;
mod mail_logs;
mod mail_markup;
mod mails;
mod mass_assignment;
mod metrics;
mod moving_in;
mod naughty_strings;
mod oauth_abuse;
mod oauth_browser;
mod oauth_discovery;
mod oauth_faults;
mod oauth_identity;
mod oauth_linking;
mod oauth_openid;
mod oauth_pre_hijacking;
mod oauth_providers;
mod oauth_redirect;
mod oauth_second_factor;
mod oauth_sign_in;
mod oauth_state;
mod oauth_world;
mod one_instance_of_several;
mod outbox_command;
mod password_change;
mod password_reset;
mod password_rules;
mod pre_hijacking;
mod rate_limits;
mod readme;
mod recipients;
mod recovery_flows;
mod recovery_shapes;
mod redis_corner;
mod refresh;
mod refresh_token;
mod register;
mod revocation_everywhere;
mod second_factor;
mod second_factor_abuse;
mod second_factor_app;
mod second_factor_oathtool;
mod second_factor_sign_in;
mod secure_account;
mod security_events;
mod sessions;
mod sessions_command;
mod settings_in_force;
mod smuggling;
mod start_up;
mod system;
#[cfg(feature = "opentelemetry")]
mod traces;
mod two_instances_redis;
mod users_command;
mod users_export;
mod users_me;
mod vectors;
mod verified_email_required;
mod verify;
