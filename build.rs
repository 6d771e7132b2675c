//! Lists the migrations for `store/migrate.rs`: version, description and text of each.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    // A new file in the directory changes its time of modification.
    println!("cargo::rerun-if-changed=migrations");
    let mut files = fs::read_dir(Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("migrations"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    let mut list = String::from("[");
    for file in files {
        let path = file.to_str().ok_or("the path of a migration is not UTF-8")?;
        let (version, description) = file
            .file_stem()
            .and_then(|stem| stem.to_str()?.split_once('_'))
            .ok_or_else(|| format!("{}: not VERSION_DESCRIPTION.sql", file.display()))?;
        let version: i64 = version.parse()?;
        // Grouped, as the lints want literals.
        let digits = version.to_string();
        let groups = digits.as_bytes().rchunks(3).rev().map(std::str::from_utf8);
        let version = groups.collect::<Result<Vec<_>, _>>()?.join("_");
        let description = description.replace('_', " ");
        writeln!(list, "({version}, {description:?}, include_str!({path:?})),")?;
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("migrations.rs"), list)?;
    Ok(())
}
