//! The master key and the signing keys.

use std::fs;

use super::{examine, healthy, set_mode};
use crate::support::Workplace;

#[test]
fn a_master_key_that_others_may_use() {
    let work = healthy();
    set_mode(&work, "keys/master.key", 0o640);
    let report = examine(&work);
    report.is_well_but(&["master_key"]).says(
        "master_key",
        "warning",
        &["0640", "chmod 600 keys/master.key"],
    );
    set_mode(&work, "keys/master.key", 0o644);
    let report = examine(&work);
    report.says("master_key", "problem", &["0644", "chmod 600"]).says(
        "signing_keys",
        "warning",
        &["master key"],
    );
    set_mode(&work, "keys/master.key", 0o400);
    examine(&work).is_well_but(&[]);
}

/// SEC-5
#[test]
fn a_master_key_that_does_not_open_the_database() {
    let (work, other) = (healthy(), healthy());
    let path = work.path("keys/master.key");
    let key = fs::read_to_string(&path).unwrap();
    fs::copy(other.path("keys/master.key"), &path).unwrap();
    let report = examine(&work);
    report.keeps(key.trim()).keeps(&fs::read_to_string(&path).unwrap()[..20]);
    report.says("master_key", "problem", &["wrong master key", "restore"]);
    for bad in ["", "correct horse battery staple", &key[..20]] {
        fs::write(&path, bad).unwrap();
        let report = examine(&work);
        report.keeps("horse").keeps(&key[..20]).says(
            "master_key",
            "problem",
            &["base64", "master_key_file"],
        );
    }
    fs::remove_file(&path).unwrap();
    examine(&work).says("master_key", "problem", &["keys/master.key", "restore"]);
    assert!(!path.exists());
    fs::create_dir(&path).unwrap();
    examine(&work).says("master_key", "problem", &["keys/master.key"]);
    let work = work.with("MINTERY_MASTER_KEY", key.trim());
    examine(&work).keeps(key.trim()).is_well_but(&[]).says(
        "master_key",
        "ok",
        &["settings", "opens"],
    );
    let wrong = "hunter2hunter2";
    let work = work.with("MINTERY_MASTER_KEY", wrong);
    examine(&work).keeps(wrong).says("master_key", "problem", &["base64", "`master_key`"]);
}

#[test]
fn signing_keys_that_are_missing_damaged_or_due() {
    let work = healthy();
    let report = examine(&work.beside_with_keys().with("MINTERY_TOKEN__ALG", "EdDSA"));
    report.is_well_but(&["signing_keys"]).says(
        "signing_keys",
        "warning",
        &["EdDSA", "mintery serve"],
    );
    work.run(&["signing-key", "rotate"]).succeeded();
    examine(&work).is_well_but(&[]).says("signing_keys", "ok", &["then the next one"]);
    let work = healthy();
    work.execute("UPDATE signing_keys SET signs_from = 0");
    examine(&work).says(
        "signing_keys",
        "warning",
        &["1970-04-01", "was due", "signing-key rotate"],
    );
    let by_hand = work.with("MINTERY_KEYS__ROTATE_EVERY", "0");
    examine(&by_hand).is_well_but(&[]).says("signing_keys", "ok", &["signing-key rotate"]);
    by_hand.execute("UPDATE signing_keys SET signs_from = 9000000000000");
    examine(&by_hand).says("signing_keys", "warning", &["2255", "clock"]);
    by_hand.execute("UPDATE signing_keys SET signs_from = 0, sealed_private = 'v1.AAAA'");
    examine(&by_hand).says("signing_keys", "problem", &["does not open", "backup"]);
}

impl Workplace {
    /// Another directory with the database and the master key of this one.
    fn beside_with_keys(&self) -> Self {
        let key = self.path("keys/master.key");
        self.beside()
            .with("MINTERY_DATABASE_URL", &self.database_url())
            .with("MINTERY_MASTER_KEY_FILE", key.to_str().unwrap())
    }
}
