//! Password hashes that other systems made verify once, and are ours from then on.

use serde_json::Value;

use crate::audit;
use crate::calls::log_in;
use crate::contract::{assert_problem, assert_tokens, without_id_and_time};
use crate::jwt::text;
use crate::support::{PASSWORD, Server, ServerOptions, on_every_database};
use crate::vectors;

/// The password that the vectors' first hashes are of.
const THEIRS: &str = "correct horse battery staple";

/// Every published hash of [`THEIRS`].
fn hashes() -> Vec<String> {
    let file = std::fs::read(vectors::folder("password").join("foreign_hashes.json")).unwrap();
    let vectors: Value = serde_json::from_slice(&file).unwrap();
    let of_theirs = |vector: &&Value| vector["password"] == THEIRS;
    vectors.as_array().unwrap().iter().filter(of_theirs).map(|vector| text(&vector["hash"]).to_owned()).collect()
}

fn many_sessions() -> ServerOptions {
    ServerOptions::default().set("AUTH_SESSIONS_PER_USER", "1000")
}

fn put(server: &Server, hash: &str) {
    server.database.execute(&format!("UPDATE users SET password_hash = '{hash}'"));
}

fn stored(server: &Server) -> String {
    server.database.texts("password_hash", "users").remove(0)
}

on_every_database! {
    /// bcrypt, scrypt, PBKDF2 and Argon2, as crypt, Passlib, Django and PHC spell them.
    fn a_foreign_hash_verifies_and_becomes_ours_at_the_first_log_in(server: &Server, many_sessions()) {
        let tokens = server.register("ada@example.org");
        let hashes = hashes();
        for spelling in [
            "$2a$", "$2b$", "$2y$", "bcrypt$$2b$", "bcrypt_sha256$$2b$", "$scrypt$", "$7$", "scrypt$", "$pbkdf2-sha256$1",
            "$pbkdf2-sha512$", "$pbkdf2-sha256$i=", "pbkdf2_sha256$", "argon2$argon2id$",
        ] {
            assert!(hashes.iter().any(|hash| hash.starts_with(spelling)), "no {spelling}");
        }
        for (index, hash) in hashes.iter().enumerate() {
            put(server, hash);
            let wrong = log_in(server, "ada@example.org", "correct horse battery stable");
            assert_problem(&wrong, 401, "invalid_credentials");
            assert_eq!(stored(server), *hash, "a wrong password replaces nothing");
            assert_tokens(&log_in(server, "ada@example.org", THEIRS), 200);
            let ours = stored(server);
            assert!(ours.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash} became {ours}");
            assert_tokens(&log_in(server, "ada@example.org", THEIRS), 200);
            assert_eq!(stored(server), ours, "once is enough");
            let rehashed = audit::count(&server.database, "password.rehashed", text(&tokens["user"]["id"]));
            assert_eq!(rehashed, i64::try_from(index + 1).unwrap(), "{hash}");
        }
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200, "no session ends by it");
        for line in server.log() {
            assert!(!line.contains(THEIRS) && hashes.iter().all(|hash| !line.contains(hash.as_str())), "{line}");
        }
    }

    /// What would take longer than two seconds, or can't be read, is a wrong password to the caller and an error to the
    /// operator, who isn't shown the hash.
    fn a_hash_that_is_too_costly_or_broken_is_refused_and_logged(server: &Server) {
        let tokens = server.register("ada@example.org");
        let unknown = log_in(server, "nobody@example.org", PASSWORD);
        let bcrypt = "CCCCCCCCCCCCCCCCCCCCC.0uP/2zHIr81tVya45gVnDFLBmqu9l4W";
        let id = text(&tokens["user"]["id"]);
        for (index, hash) in [
            format!("$2b$15${bcrypt}"),
            format!("$2b$31${bcrypt}"),
            format!("$2x$05${bcrypt}"),
            "$scrypt$ln=24,r=8,p=1$K8mQBZRzRI5uvUQqoWv6oA$Iy0m9niD0ktfApNM7CG1rkoBoTFDl1n5HH+L7n+llDY".to_owned(),
            "$pbkdf2-sha256$99000000$K8mQBZRzRI5uvUQqoWv6oA$gv6G/D3Fq5pow2RelIXTXjmJvW2omXixlKSEkx2fSbg".to_owned(),
            "pbkdf2_sha256$4000000000$seasalt0seasalt$xJyJe9lLVXFNHCtEa4BbLckjzYQwjL8kiL6t7qT/lkA=".to_owned(),
            "$argon2id$v=19$m=4194304,t=100,p=1$c2Vhc2FsdDBzZWFzYWx0$RMNZzk1+3EXjUsV8ygMVXou2fIiExslRyLPmnrWHKZQ".to_owned(),
            "md5$seasalt$0123456789abcdef0123456789abcdef".to_owned(),
            "$1$seasalt$qJH7.N4xYta3aEG/dfqo/0".to_owned(),
            THEIRS.to_owned(),
            "!".to_owned(),
        ]
        .into_iter()
        .enumerate()
        {
            put(server, &hash);
            let refused = log_in(server, "ada@example.org", THEIRS);
            assert_eq!(without_id_and_time(&refused), without_id_and_time(&unknown), "{hash}");
            assert_eq!(stored(server), hash);
            let errors = || server.log().iter().filter(|line| line.contains("\"ERROR\"") && line.contains(id)).count();
            crate::support::eventually("the operator is told", || errors() == index + 1);
        }
        for line in server.log() {
            assert!(!line.contains("CCCCCCCCCC") && !line.contains("seasalt"), "{line}");
        }
        assert_eq!(server.client.get("/health").status, 200);
    }
}
