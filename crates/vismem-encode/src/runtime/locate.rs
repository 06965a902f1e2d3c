//! Finds an ONNX Runtime library on this machine. Looks at file names only: nothing is run, nothing is downloaded.

use std::env;
use std::path::{Path, PathBuf};

/// The variable that names the library, and the only place looked at when it is set.
pub(super) const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Candidate libraries, best first.
pub(super) fn candidates() -> Vec<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(path)];
    }
    let folders = active_environments().chain(system_folders()).chain(wheels());
    let mut found: Vec<PathBuf> = Vec::new();
    for library in folders.flat_map(|folder| libraries_in(&folder)) {
        if !found.contains(&library) {
            found.push(library);
        }
    }
    found
}

/// An activated Python environment says which library its user means, so it comes before the system's.
fn active_environments() -> impl Iterator<Item = PathBuf> {
    ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env::var_os).flat_map(|prefix| {
        let prefix = PathBuf::from(prefix);
        let mut folders = wheel_folders(&prefix);
        folders.push(prefix.join("lib"));
        folders
    })
}

fn system_folders() -> impl Iterator<Item = PathBuf> {
    let listed = |variable| env::var_os(variable).map(|list| env::split_paths(&list).collect::<Vec<_>>());
    let variable = match env::consts::OS {
        "windows" => "PATH",
        "macos" => "DYLD_LIBRARY_PATH",
        _ => "LD_LIBRARY_PATH",
    };
    let fixed: &[&str] = match env::consts::OS {
        "windows" => &[],
        "macos" => &["/opt/homebrew/lib", "/usr/local/lib"],
        _ => &["/usr/local/lib", "/usr/local/lib64", "/usr/lib", "/usr/lib64"],
    };
    // Debian and Ubuntu put libraries under a folder named after the machine.
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    listed(variable).unwrap_or_default().into_iter().chain(fixed.iter().map(PathBuf::from)).chain([multiarch.into()])
}

fn wheels() -> impl Iterator<Item = PathBuf> {
    let home = env::home_dir().map(|home| home.join(".local"));
    home.into_iter().chain(["/usr".into(), "/usr/local".into()]).flat_map(|prefix| wheel_folders(&prefix))
}

/// `PREFIX/lib/python3*/{site,dist}-packages/onnxruntime/capi`, newest Python first, and the same on Windows.
fn wheel_folders(prefix: &Path) -> Vec<PathBuf> {
    let mut pythons: Vec<PathBuf> = ["lib", "lib64"]
        .iter()
        .filter_map(|lib| std::fs::read_dir(prefix.join(lib)).ok())
        .flat_map(|entries| entries.flatten())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"))
        .map(|entry| entry.path())
        .collect();
    pythons.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let unix = pythons.iter().flat_map(|python| ["site-packages", "dist-packages"].map(|kind| python.join(kind)));
    unix.chain([prefix.join("Lib").join("site-packages")])
        .map(|packages| packages.join("onnxruntime").join("capi"))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// Files in `folder` that are named like the library, highest version first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let is_library = |name: &str| match env::consts::OS {
        "windows" => name == "onnxruntime.dll",
        "macos" => name.starts_with("libonnxruntime.") && name.ends_with(".dylib"),
        _ => name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so."),
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flat_map(|entries| entries.flatten())
        .filter(|entry| is_library(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(version(path)));
    found
}

/// The numbers in a file name, in order: `libonnxruntime.so.1.9.0` < `libonnxruntime.so.1.20.0`.
fn version(path: &Path) -> Vec<u64> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}
