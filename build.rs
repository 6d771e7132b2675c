//! Lays out the program, so that a server does not have in memory what only other commands run.
//!
//! Pages of a program come into memory in windows of 64 KiB around what is run, and the order of
//! functions is that of crates: a server that runs one function of each window has the whole
//! program in memory. Functions whose names say that a server seldom runs them are put behind all
//! others. Nothing else changes, so a name that is not found any more costs memory alone.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Parts of the names of those of the next that no server runs: they describe other commands, and
/// help.
const NOT_AT_START: &[&str] = &[
    "Verb*as*clap_builder",
    "Flags*as*clap_builder",
    "cli..auth",
    "cli..login",
    "cli..token",
    "12clap_builder5error",
    "12clap_builder6output",
    "clap_builder..error",
    "clap_builder..output",
];

/// Parts of the names of functions that run while a server starts, and no more.
const AT_START: &[&str] = &[
    "clap_builder",
    "clap_lex",
    "mintery..cli..Cli",
    "mintery..cli..Noun",
    "3cli4main",
    "3cli6Shared",
    "3cli5serve",
    "cli..serve",
    "3cli6output",
    "3url",
    "5admin11signing_key",
    "5admin10revocation",
    "admin..AdminError",
];

/// Parts of the names of functions that a server does not run, or seldom.
const SELDOM: &[&str] = &[
    // Other commands.
    "clap_complete",
    "comfy_table",
    "console",
    "indicatif",
    "unicode_",
    "strsim",
    "augment_",
    "mintery..cli",
    "7mintery3cli",
    "7mintery6doctor",
    "mintery..doctor",
    // Settings, and what an issuer is asked for.
    "toml",
    "ureq",
    "rustls",
    "webpki",
    // The other engine.
    "sqlx_postgres",
    "stringprep",
    // What is administered.
    "7mintery5admin",
    "mintery..admin",
    "4http5table",
    "http..table",
    "4http3api14administration",
    "4http3api4apis",
    "4http3api7clients",
    "4http3api6events",
    "4http3api4keys",
    "4http3api5leaks",
    "4http3api10secret_use",
    "4http3api7session",
    "4http3api12signing_keys",
    "4http3api5usage",
    "4http3api5users",
    "4http5pages",
    "http..pages",
    "askama",
    "qrcode",
    // How good a password is.
    "zxcvbn",
    "fancy_regex",
    "regex_syntax",
    "regex_automata",
    "aho_corasick",
    // A panic that is told.
    "gimli",
    "addr2line",
    "rustc_demangle",
    "miniz_oxide",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if is_laid_out() {
        let all = |names: &[&str]| names.join("* .text.*");
        // A function is put where the first of them has its name.
        let sections = [("other", NOT_AT_START), ("start", AT_START), ("seldom", SELDOM)]
            .map(|(section, names)| format!(".text.{section} : {{ *(.text.*{}*) }}", all(names)))
            .join(" ");
        let path = Path::new(&env::var("OUT_DIR")?).join("layout.ld");
        let script = format!("SECTIONS {{ {sections} }} INSERT AFTER .text;\n");
        fs::write(&path, script)?;
        println!("cargo:rustc-link-arg-bin=mintery=-Wl,-T,{}", path.display());
        if loads_packed_relocations() {
            println!("cargo:rustc-link-arg-bin=mintery=-Wl,-z,pack-relative-relocs");
        }
    }
    Ok(())
}

/// Whether the C library of this machine, where it is the program's too, takes the list of all
/// addresses that are put in as the program starts in a short form: otherwise half a megabyte of it
/// is read into memory, and never again. It does since glibc 2.36.
fn loads_packed_relocations() -> bool {
    let version = || {
        let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    env::var("HOST") == env::var("TARGET") && version().is_some_and(|version| version >= (2, 36))
}

/// Only what is measured, and only for the linkers of a usual installation: not every linker reads
/// scripts.
fn is_laid_out() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env::var("CARGO_FEATURE_SERVER").is_ok()
        && env::var("RUSTC_LINKER").is_err()
        && !flags.contains("linker")
        && !flags.contains("fuse-ld")
}
