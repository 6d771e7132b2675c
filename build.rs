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
        let (version, description) = file
            .file_stem()
            .and_then(|stem| stem.to_str()?.split_once('_'))
            .ok_or_else(|| format!("{}: not VERSION_DESCRIPTION.sql", file.display()))?;
        let version: i64 = version.parse()?;
        let description = description.replace('_', " ");
        // The text itself: a path would be that of another checkout with the same target directory.
        let text = fs::read_to_string(&file)?;
        writeln!(list, "({version}, {description:?}, {text:?}),")?;
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("migrations.rs"), list)?;
    Ok(())
}
