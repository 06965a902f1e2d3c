use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use data_encoding::HEXLOWER;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::Hash;

impl Hash {
    /// Whether a file hashes to this.
    pub(crate) fn fits(&self, path: &Path) -> io::Result<bool> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        let found = match self {
            Self::Sha256(_) => digest(Sha256::new(), &mut file)?,
            Self::Git(_) => digest(Sha1::new_with_prefix(format!("blob {len}\0")), &mut file)?,
        };
        Ok(found == self.text())
    }
}

fn digest(mut hasher: impl Digest, file: &mut File) -> io::Result<String> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            len => hasher.update(&buffer[..len]),
        }
    }
    Ok(HEXLOWER.encode(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum_and_of_git() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "hello\n").unwrap();
        for text in [
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "ce013625030ba8dba906f756967f9e9ca394464a",
        ] {
            let hash = Hash::of_text(text).unwrap();
            assert!(hash.fits(&path).unwrap(), "{text}");
            let other = Hash::of_text(&text.replace('5', "6")).unwrap();
            assert!(!other.fits(&path).unwrap(), "{text}");
        }
    }
}
