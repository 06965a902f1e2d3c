use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::error::{IoContext, Result};
use crate::platform::{self, FileExt};
use crate::store::kill_point::kill_point;

/// The one writer's lock: held on the file `lock` by the operating system, so that it ends with the process however
/// that ends. While it is held the file names the holder; a clean release empties it. A free lock on a file that is
/// not empty therefore says that a writer was killed and that recovery is due. The name is on disk before the holder's
/// first change is, so that this is true of a power failure, too.
pub(crate) struct Lock {
    file: File,
    dir: PathBuf,
    on_disk: bool,
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
        let options = &mut File::options();
        let file = platform::open_regular(&path, options.read(true).write(true).create(true).truncate(false));
        let mut file = file.at(&path, "open")?;
        let started = Instant::now();
        while let Err(error) = file.try_lock() {
            match error {
                TryLockError::WouldBlock if started.elapsed() < patience => sleep(Duration::from_millis(20)),
                TryLockError::WouldBlock => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).at(&path, "read")?;
                    let holder = if holder.is_empty() { "another process".into() } else { holder };
                    return Err(StoreError::Locked { path: dir.to_path_buf(), holder });
                }
                TryLockError::Error(error) => return Err(error).at(&path, "lock"),
            }
        }
        let dirty = file.metadata().at(&path, "read")?.len() > 0;
        // Written over what is there, so that what a killed holder left is never taken away before its traces are.
        let holder = format!("process {}", std::process::id());
        let written = file.write_all_at(holder.as_bytes(), 0).and_then(|()| file.set_len(holder.len() as u64));
        written.at(&path, "write")?;
        Ok(Self { file, dir: dir.into(), on_disk: false, dirty })
    }

    /// A change begins. The first one waits for the disk to have the holder's name.
    pub(crate) fn begin(&mut self) -> Result<()> {
        if !self.on_disk {
            let sync_both = || -> io::Result<()> {
                self.file.sync_all()?;
                platform::sync_directory(&self.dir)
            };
            sync_both().at(&self.dir, "sync")?;
            self.on_disk = true;
            kill_point("lock marked");
        }
        self.dirty = true;
        Ok(())
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
