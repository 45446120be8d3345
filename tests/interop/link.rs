//! REQ-34: linking, in a browser whose page asks for the start by itself, and what follows.

use serde_json::json;
use url::Url;

use crate::browser::Browser;
use crate::flow::{Decision, assert_refused, at_provider, come_back, sign_in, tokens};
use crate::provider::Provider;
use crate::support::{Response, Server};

/// Links the account of `access_token` with this person at the provider.
#[track_caller]
fn link(browser: &mut Browser, access_token: &str, person: &str) -> Response {
    let answer = browser.fetch("/auth/link/corp", access_token);
    assert_eq!(answer.status, 200, "{answer:?}");
    let authorization = Url::parse(answer.json()["authorization_url"].as_str().unwrap()).unwrap();
    let callback = at_provider(browser, authorization, Decision::Agree(person));
    come_back(browser, &callback)
}

/// REQ-34, O-17: linked, listed, a way in, in nobody else's hands, and unlinked.
#[test]
fn an_account_is_linked_signed_in_to_and_unlinked() {
    let Some(provider) = Provider::start("linking") else { return };
    let server = Server::on_sqlite(provider.options());
    let owner = server.register("grace@example.org");
    let linked = link(&mut Browser::new(&server), owner["access_token"].as_str().unwrap(), "ada");
    assert_eq!(linked.status, 200, "{linked:?}");
    let linked = linked.json();
    assert_eq!((&linked["provider"], &linked["display_name"]), (&json!("corp"), &json!("Ada Lovelace")));
    let me = server.as_user(&owner);
    assert_eq!(me.get("/users/me/linked-accounts").json(), json!({ "accounts": [linked] }));

    let by_provider = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    assert_eq!(by_provider["user"]["id"], owner["user"]["id"]);
    assert_eq!(by_provider["user"]["email"], "grace@example.org");

    let stranger = server.register("mallory@example.org");
    let refused = link(&mut Browser::new(&server), stranger["access_token"].as_str().unwrap(), "ada");
    assert_refused(&refused, 409, "already_linked");

    assert_eq!(me.delete("/users/me/link/corp").status, 204);
    assert_eq!(me.get("/users/me/linked-accounts").json(), json!({ "accounts": [] }));
    let another = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    assert_ne!(another["user"]["id"], owner["user"]["id"]);
}

/// REQ-34: an account without a password can't lose its one provider.
#[test]
fn the_last_way_in_stays() {
    let Some(provider) = Provider::start("the last way in") else { return };
    let server = Server::on_sqlite(provider.options());
    let tokens = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    let refused = server.as_user(&tokens).delete("/users/me/link/corp");
    assert_refused(&refused, 409, "last_sign_in_method");
}
