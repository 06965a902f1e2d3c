//! `calibration`: what the memory has found out about its own answers, see [`crate::Calibration`]. Whoever forgets deletes it,
//! and so does whoever changes labels, the taxonomy or the pruning. Exemplars that are added leave it as it is; it then says
//! of which earlier state of the memory it is.

use std::fs::File;
use std::path::Path;

use crate::decide::calibration::{Calibrated, Calibration};
use crate::decide::conformal::Conformal;
use crate::error::{IoContext, Result};
use crate::index::derived::{self, Unfinished};
use crate::store::kill_point::kill_point;
use crate::{Editor, IndexError, Memory, StoreError, Tuning, Vote};

/// Content of the file: words of 8 bytes, little-endian, numbers as f64 or u64.
struct Words<'b>(std::slice::Iter<'b, [u8; 8]>);

impl Words<'_> {
    fn count(&mut self) -> Option<usize> {
        self.0.next().map(|word| u64::from_le_bytes(*word) as usize)
    }

    fn number(&mut self) -> Option<f64> {
        self.0.next().map(|word| f64::from_le_bytes(*word))
    }

    fn numbers(&mut self) -> Option<Vec<f64>> {
        let count = self.count().filter(|count| *count <= self.0.len())?;
        (0..count).map(|_| self.number()).collect()
    }
}

fn put_count(words: &mut Vec<u8>, count: usize) {
    words.extend((count as u64).to_le_bytes());
}

fn put_numbers(words: &mut Vec<u8>, numbers: &[f64]) {
    put_count(words, numbers.len());
    words.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// The vote's number and its parameters.
fn of_vote(vote: Vote) -> (usize, [f64; 2]) {
    match vote {
        Vote::Plurality => (0, [0.0; 2]),
        Vote::Distance { xi } => (1, [xi, 0.0]),
        Vote::Softmax { tau } => (2, [tau, 0.0]),
        Vote::Rank { alpha } => (3, [alpha, 0.0]),
        Vote::Kernel { gamma, lambda } => (4, [gamma, lambda]),
    }
}

fn to_vote(number: usize, [first, second]: [f64; 2]) -> Option<Vote> {
    Some(match number {
        0 => Vote::Plurality,
        1 => Vote::Distance { xi: first },
        2 => Vote::Softmax { tau: first },
        3 => Vote::Rank { alpha: first },
        4 => Vote::Kernel { gamma: first, lambda: second },
        _ => return None,
    })
}

impl Calibration {
    fn to_bytes(&self) -> Vec<u8> {
        let mut words = self.settings.to_vec();
        let (vote, parameters) = of_vote(self.tuning.vote);
        put_count(&mut words, vote);
        words.extend(parameters.iter().flat_map(|parameter| parameter.to_le_bytes()));
        for count in [self.tuning.k, usize::from(self.is_thinned), self.asked, self.levels.len()] {
            put_count(&mut words, count);
        }
        for Calibrated { temperature, isotonic, sets } in &self.levels {
            words.extend(temperature.to_le_bytes());
            put_numbers(&mut words, &isotonic.iter().flat_map(|(x, y)| [*x, *y]).collect::<Vec<f64>>());
            put_count(&mut words, sets.asked);
            put_numbers(&mut words, &sets.strangeness);
            put_numbers(&mut words, &sets.expected);
        }
        words
    }

    fn from_bytes(digest: [u8; 32], bytes: &[u8]) -> Option<Self> {
        let (settings, rest) = bytes.split_first_chunk()?;
        let mut words = Words(rest.as_chunks().0.iter());
        let vote = to_vote(words.count()?, [words.number()?, words.number()?])?;
        let (k, is_thinned, asked, levels) = (words.count()?, words.count()? != 0, words.count()?, words.count()?);
        let level = |words: &mut Words<'_>| {
            Some(Calibrated {
                temperature: words.number()?,
                isotonic: words.numbers()?.as_chunks().0.iter().map(|&[x, y]| (x, y)).collect(),
                sets: Conformal { asked: words.count()?, strangeness: words.numbers()?, expected: words.numbers()? },
            })
        };
        let levels = (0..levels).map(|_| level(&mut words)).collect::<Option<_>>()?;
        let tuning = Tuning { vote, k };
        Some(Self { tuning, digest, settings: *settings, is_thinned, asked, levels, added_since: 0 })
    }

    /// That of the file, if it still holds for this state of the memory.
    pub(crate) fn load(memory: &Memory) -> Option<Self> {
        let (digest, bytes) = derived::load_of_any(memory.path(), derived::CALIBRATION)?;
        let kept = Self::from_bytes(digest, &bytes)?;
        let is_current = digest == *memory.digest().as_bytes();
        let added_since = || memory.read(|catalog| catalog.added_since(&digest, memory.last_event.0)).ok()?;
        let added_since = if is_current { Some(0) } else { added_since() };
        (kept.settings == memory.settings.hash).then_some(Self { added_since: added_since?, ..kept })
    }
}

impl Memory {
    /// Keeps a calibration of this state of the memory in the memory's directory, where questions find it from now on. It
    /// takes the lock for a moment.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] when something was forgotten or moved meanwhile, and [`StoreError::Locked`] while somebody
    /// else writes. When the disk refuses.
    pub fn keep_calibration(&self, calibration: &Calibration) -> Result<(), IndexError> {
        derived::remove_abandoned(self.path())?;
        let unfinished = Unfinished::create(self.path(), derived::CALIBRATION)?;
        // Only now: a forget deletes unfinished files after its commit.
        self.check_commit()?;
        let file: File = unfinished.file()?;
        derived::write(&file, &calibration.digest, &[&calibration.to_bytes()]).at(&unfinished.path, "write")?;
        kill_point("calibration written");
        let mut editor = Editor::open_unchecked(self.path())?;
        self.check_commit()?;
        // Earlier versions would not delete a file that they do not know.
        editor.upgrade()?;
        let dir = self.path();
        if unfinished.install(dir, derived::CALIBRATION)? {
            Ok(())
        } else {
            Err(StoreError::Outdated { path: dir.into() }.into())
        }
    }
}

/// Whether a memory's directory holds a calibration, of whatever state.
pub fn is_calibrated(memory: &Path) -> bool {
    derived::path(memory, derived::CALIBRATION).exists()
}
