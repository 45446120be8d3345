//! nginx with the committed configuration, in which ports, addresses and paths alone are put in.

use std::process::{Command, Stdio};

use crate::files::{has, read};
use crate::proxies::{HTTP, HTTPS, Place, World};
use crate::support::ServerOptions;

/// The least that nginx wants around the file: nothing of it is written outside of its folder.
const AROUND: &str = "daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include gatehouse.conf;
}
";

/// nginx in front of a Gatehouse with `options`; none, and said plainly, where there is no nginx.
pub(crate) fn world(options: ServerOptions) -> Option<World> {
    has("nginx", "-v", "deploy/proxies/nginx.conf is not run").then(|| World::start(options, start))
}

fn start(place: &Place) -> std::process::Child {
    let mut config = read("deploy/proxies/nginx.conf");
    let folder = place.folder.display().to_string();
    for (committed, here, count) in [
        ("listen 443", format!("listen {}:{HTTPS}", place.ip), 3),
        ("listen 80", format!("listen {}:{HTTP}", place.ip), 2),
        ("server 127.0.0.1:8080;", format!("server {};", place.gatehouse), 1),
        ("server 127.0.0.1:3000;", format!("server {};", place.application), 1),
        ("/etc/nginx/gatehouse/", format!("{folder}/"), 4),
    ] {
        assert_eq!(config.matches(committed).count(), count, "{committed}");
        config = config.replace(committed, &here);
    }
    std::fs::write(place.folder.join("gatehouse.conf"), config).unwrap();
    std::fs::write(place.folder.join("nginx.conf"), AROUND).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.args(["-p", &folder, "-c", "nginx.conf", "-e", "stderr"]).stdin(Stdio::null());
    nginx.spawn().unwrap()
}
