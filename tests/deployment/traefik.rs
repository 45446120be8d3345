//! Traefik is not run here: its files are read, and what makes them safe is in them.

use toml::Table;

use crate::files::read;

fn routes() -> Table {
    read("deploy/proxies/traefik/gatehouse.toml").parse().unwrap()
}

/// REQ-62: each router's middlewares and service are defined, and nothing is defined in vain.
#[test]
fn every_name_leads_somewhere() {
    let http = routes()["http"].as_table().unwrap().clone();
    let names = |kind: &str| http[kind].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut used = Vec::new();
    for (name, router) in http["routers"].as_table().unwrap() {
        let service = router["service"].as_str().unwrap();
        assert!(names("services").iter().any(|known| known == service), "{name}: {service}");
        let middlewares = router["middlewares"].as_array().unwrap();
        used.extend(middlewares.iter().map(|middleware| middleware.as_str().unwrap().to_owned()));
    }
    for middleware in names("middlewares") {
        assert!(used.contains(&middleware), "{middleware} is used by no router");
    }
    assert!(used.iter().all(|middleware| names("middlewares").contains(middleware)), "{used:?}");
    read("deploy/proxies/traefik/traefik.toml").parse::<Table>().unwrap();
}

/// REQ-62, W-23: the application's whole host is guarded, and Gatehouse's shows clients' paths alone.
#[test]
fn the_guard_has_no_exceptions() {
    let http = routes()["http"].as_table().unwrap().clone();
    let guard = &http["middlewares"]["gatehouse"]["forwardAuth"];
    assert_eq!(guard["address"].as_str(), Some("http://127.0.0.1:8080/auth/verify"));
    assert_eq!(guard["trustForwardHeader"].as_bool(), Some(false));
    let told: Vec<_> =
        guard["authResponseHeaders"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(told, ["X-Auth-User", "X-Auth-Role", "X-Auth-Session"]);
    // Such as applications behind CGI read as the ones of Gatehouse.
    let stripped = &http["middlewares"]["stripped"]["headers"]["customRequestHeaders"];
    for what in ["User", "Role", "Session"] {
        for name in [format!("X_Auth_{what}"), format!("X_Auth-{what}"), format!("X-Auth_{what}")] {
            assert_eq!(stripped.get(&name).and_then(toml::Value::as_str), Some(""), "{name}");
        }
    }
    let application = &http["routers"]["application"];
    assert_eq!(application["rule"].as_str(), Some("Host(`app.example.com`)"));
    assert!(application["middlewares"].as_array().unwrap().iter().any(|name| name.as_str() == Some("gatehouse")));
    let rule = http["routers"]["gatehouse"]["rule"].as_str().unwrap();
    for inside in ["metrics", "health", "docs", "openapi"] {
        assert!(!rule.contains(inside), "{rule}");
    }
    assert_eq!(http["middlewares"]["bodies"]["buffering"]["maxRequestBodyBytes"].as_integer(), Some(64 * 1024));
}
