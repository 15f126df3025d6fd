//! The binary holds the browser's build: built again when that is.

use std::{fs, io};

const BUILT: &str = "../ui/dist";

fn main() -> io::Result<()> {
    // A folder that is missing would count as changed at each build.
    fs::create_dir_all(BUILT)?;
    println!("cargo::rerun-if-changed={BUILT}");
    Ok(())
}
