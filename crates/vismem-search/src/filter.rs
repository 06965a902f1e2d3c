/// Which rows a search may return. The default lets every row through.
///
/// Leave-one-out, what-if questions and excluded classes are all filters; they cost no extra pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only these slots may be returned; `None` is all of them.
    pub allowed: Option<&'a SlotSet>,
    /// For each query one id that it must not find, usually its own (leave-one-out).
    pub except: Option<&'a [u64]>,
}

/// A set of slots, one bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a slot.
    pub fn insert(&mut self, slot: usize) {
        let word = slot / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot % 64);
    }

    /// Whether the slot is in the set.
    pub fn contains(&self, slot: usize) -> bool {
        self.words.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

impl FromIterator<usize> for SlotSet {
    fn from_iter<I: IntoIterator<Item = usize>>(slots: I) -> Self {
        let mut set = Self::new();
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}
