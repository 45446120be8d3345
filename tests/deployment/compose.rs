//! compose.yaml: read as YAML, and its environment checked by the server with the secrets that the script makes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use saphyr::{LoadableYamlNode as _, Yaml};

use crate::files::{has, read, root};

const FILE: &str = "deploy/container/compose.yaml";

fn with_compose(check: impl FnOnce(&Yaml)) {
    let text = read(FILE);
    let documents = Yaml::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1);
    check(&documents[0]);
}

/// The names and values of a mapping.
fn entries<'a>(node: &'a Yaml<'a>) -> impl Iterator<Item = (&'a str, &'a Yaml<'a>)> {
    node.as_mapping().unwrap().iter().map(|(name, value)| (name.as_str().unwrap(), value))
}

fn texts<'a>(node: &'a Yaml<'a>) -> Vec<&'a str> {
    node.as_vec().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// REQ-61: what is asked of every service.
#[test]
fn every_service_is_watched_bounded_and_without_new_rights() {
    with_compose(|compose| {
        let names: Vec<&str> = entries(&compose["services"]).map(|(name, _)| name).collect();
        assert_eq!(names, ["gatehouse", "postgres", "redis"]);
        for (name, service) in entries(&compose["services"]) {
            assert!(!texts(&service["healthcheck"]["test"]).is_empty(), "{name}");
            for limit in ["cpus", "memory", "pids"] {
                assert!(service["deploy"]["resources"]["limits"].contains_mapping_key(limit), "{name} has no {limit}");
            }
            assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
            let image = service["image"].as_str().unwrap();
            assert!(name == "gatehouse" || image.contains(':') && !image.ends_with(":latest"), "{image}");
            assert!(service.contains_mapping_key("stop_grace_period"), "{name}");
            assert!(service.contains_mapping_key("logging"), "{name}");
        }
        let gatehouse = &compose["services"]["gatehouse"];
        assert_eq!(gatehouse["read_only"].as_bool(), Some(true));
        assert_eq!(texts(&gatehouse["cap_drop"]), ["ALL"]);
        assert_eq!(gatehouse["user"].as_str(), Some("10001:10001"));
        for other in ["postgres", "redis"] {
            let condition = gatehouse["depends_on"][other]["condition"].as_str();
            assert_eq!(condition, Some("service_healthy"), "{other}");
        }
        let dockerfile = gatehouse["build"]["dockerfile"].as_str().unwrap();
        let context = Path::new("deploy/container").join(gatehouse["build"]["context"].as_str().unwrap());
        assert!(root().join(context).join(dockerfile).exists(), "{dockerfile}");
    });
}

/// REQ-61, W-23: one port, on this machine alone; the database and Redis have no way out and nobody a way in.
#[test]
fn only_the_proxys_port_is_seen_and_only_on_this_machine() {
    with_compose(|compose| {
        for (name, service) in entries(&compose["services"]) {
            if name == "gatehouse" {
                assert_eq!(texts(&service["ports"]), ["127.0.0.1:8080:8080"]);
            } else {
                assert!(!service.contains_mapping_key("ports"), "{name}");
                assert_eq!(texts(&service["networks"]), ["back"], "{name}");
            }
        }
        assert_eq!(compose["networks"]["back"]["internal"].as_bool(), Some(true));
        let network = &compose["networks"]["front"]["ipam"]["config"][0];
        let trusted = compose["services"]["gatehouse"]["environment"]["AUTH_TRUSTED_PROXIES"].as_str().unwrap();
        assert_eq!(trusted, format!("{}/32", network["gateway"].as_str().unwrap()), "the proxy is the gateway");
    });
}

/// No secret is a value here; each file that is read is one that is mounted, and that the script makes.
#[test]
fn the_server_takes_the_environment_with_the_secrets_that_the_script_makes() {
    if !has("openssl", "version", "deploy/container/make-secrets.sh is not run") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("make-secrets.sh");
    std::fs::copy(root().join("deploy/container/make-secrets.sh"), &script).unwrap();
    let run = |mail: &str| {
        let mut asked = Command::new("sh").arg(&script).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The second time it asks nobody, and may be gone.
        let _ = writeln!(asked.stdin.take().unwrap(), "{mail}");
        assert!(asked.wait().unwrap().success());
    };
    run("smtps://user:password-Jd8fQ2@mail.example.com");
    let secrets = folder.path().join("secrets");
    let made = |name: &str| std::fs::read_to_string(secrets.join(name)).unwrap();
    let before = made("auth_secret");
    run("smtps://other.example.com");
    assert_eq!(made("auth_secret"), before, "what is there stays");
    assert!(made("redis_conf").contains("maxmemory-policy noeviction"), "as docs/operations.md says");
    let rights = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&secrets).unwrap().permissions());
    assert_eq!(rights & 0o777, 0o700);

    with_compose(|compose| {
        for (name, secret) in entries(&compose["secrets"]) {
            assert_eq!(secret["file"].as_str(), Some(format!("./secrets/{name}").as_str()));
            assert!(secrets.join(name).exists(), "{name} is not made");
        }
        let service = &compose["services"]["gatehouse"];
        let mounted = texts(&service["secrets"]);
        let value = |text: &str| match text.strip_prefix("/run/secrets/") {
            Some(name) => {
                assert!(mounted.contains(&name), "{name} is not mounted");
                secrets.join(name).display().to_string()
            }
            None if text.starts_with("${AUTH_BASE_URL:?") => "https://auth.example.com".to_owned(),
            None if text.starts_with("${AUTH_MAIL_FROM:?") => "Example <no-reply@example.com>".to_owned(),
            None => text.to_owned(),
        };
        let mut environment: Vec<(String, String)> = entries(&service["environment"])
            .map(|(name, text)| (name.to_owned(), value(text.as_str().unwrap())))
            .collect();
        // From the image.
        environment.push(("AUTH_BIND".to_owned(), "0.0.0.0:8080".to_owned()));
        let (code, said) = crate::settings::check(&environment);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("OK"), "{said}");
        for used in entries(&compose["services"]).flat_map(|(_, service)| texts(&service["secrets"])) {
            assert!(compose["secrets"].contains_mapping_key(used), "{used}");
        }
    });
}
