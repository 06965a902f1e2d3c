use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::IoContext;
use crate::{Error, Result};

/// The one writer's lock: held on the file `lock` by the operating system, so that it ends with the process however
/// that ends. While it is held the file names the holder; a clean release empties it. A free lock on a file that is
/// not empty therefore says that a writer was killed and that recovery is due.
pub(crate) struct Lock {
    file: File,
    /// Whether recovery is due: at first, whether the last holder was killed. The holder sets it while a change is
    /// half-done; dropped like that, the lock leaves its mark for the next writer.
    pub dirty: bool,
}

/// How long a writer waits for another before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

impl Lock {
    /// Takes the lock of the memory `dir`; waits for another holder no longer than `patience`.
    pub(crate) fn take(dir: &Path, patience: Duration) -> Result<Self> {
        let path = dir.join("lock");
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).at(&path, "open")?;
        let started = Instant::now();
        while let Err(error) = file.try_lock() {
            match error {
                TryLockError::WouldBlock if started.elapsed() < patience => sleep(Duration::from_millis(20)),
                TryLockError::WouldBlock => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).at(&path, "read")?;
                    let holder = if holder.is_empty() { "another process".into() } else { holder };
                    return Err(Error::Locked { path: dir.to_path_buf(), holder });
                }
                TryLockError::Error(error) => return Err(error).at(&path, "lock"),
            }
        }
        let dirty = file.metadata().at(&path, "read")?.len() > 0;
        file.set_len(0).and_then(|()| file.rewind()).at(&path, "write")?;
        write!(file, "process {}", std::process::id()).at(&path, "write")?;
        Ok(Self { file, dirty })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock itself goes with the file handle. If the file cannot be emptied, the next writer recovers once more.
        if !self.dirty {
            let _ = self.file.set_len(0);
        }
    }
}
