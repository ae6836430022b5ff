//! Links libc4trace as its pkg-config file says.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG");
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
    let said = Command::new(&program)
        .args(["--libs", "c4trace"])
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; apt-get install pkgconf"));
    if !said.status.success() {
        panic!("{}; is PKG_CONFIG_PATH set?", String::from_utf8_lossy(&said.stderr).trim());
    }
    for flag in String::from_utf8_lossy(&said.stdout).split_whitespace() {
        match (flag.strip_prefix("-L"), flag.strip_prefix("-l")) {
            (Some(folder), _) => println!("cargo:rustc-link-search=native={folder}"),
            (_, Some(library)) => println!("cargo:rustc-link-lib=dylib={library}"),
            _ => println!("cargo:rustc-link-arg={flag}"),
        }
    }
}
