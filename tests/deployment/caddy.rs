//! Caddy with the committed configuration, in which ports, addresses and paths alone are put in.

use std::process::{Child, Command, Stdio};

use crate::files::{has, read};
use crate::proxies::{APP, AUTH, HTTP, HTTPS, Place, World};
use crate::support::ServerOptions;

/// Caddy in front of a Gatehouse with `options`; none, and said plainly, where there is no Caddy.
pub(crate) fn world(options: ServerOptions) -> Option<World> {
    has("caddy", "version", "deploy/proxies/Caddyfile is not run").then(|| World::start(options, start))
}

fn start(place: &Place) -> Child {
    let folder = place.folder.display().to_string();
    // Its own port for commands is off: several run at once.
    let options = format!("admin off\n\thttp_port {HTTP}\n\thttps_port {HTTPS}\n\tdefault_bind {}\n", place.ip);
    let mut config = read("deploy/proxies/Caddyfile");
    for (committed, here, count) in [
        ("auto_https disable_redirects", format!("auto_https disable_redirects\n\t{options}"), 1),
        (
            "http://auth.example.com, http://app.example.com {",
            format!("http://{AUTH}:{HTTP}, http://{APP}:{HTTP} {{"),
            1,
        ),
        ("redir https://{host}{uri}", "redir https://{host}{uri}".to_owned(), 1),
        ("# tls /etc/caddy/gatehouse/", "tls /etc/caddy/gatehouse/".to_owned(), 1),
        ("/etc/caddy/gatehouse/", format!("{folder}/"), 2),
        ("127.0.0.1:8080", place.gatehouse.clone(), 3),
        ("127.0.0.1:3000", place.application.clone(), 3),
        ("\nauth.example.com {", format!("\n{AUTH}:{HTTPS} {{"), 1),
        ("\napp.example.com {", format!("\n{APP}:{HTTPS} {{"), 1),
    ] {
        assert_eq!(config.matches(committed).count(), count, "{committed}");
        config = config.replace(committed, &here);
    }
    std::fs::write(place.folder.join("Caddyfile"), config).unwrap();
    let mut caddy = Command::new("caddy");
    caddy.args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"]).current_dir(place.folder);
    // What it keeps between runs lies in its folder, too.
    caddy.env("HOME", &folder).env("XDG_DATA_HOME", &folder).env("XDG_CONFIG_HOME", &folder);
    caddy.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
