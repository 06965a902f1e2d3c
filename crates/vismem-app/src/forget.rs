//! Forgetting exemplars for good, and looking at them before.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vismem::{Editor, Exemplar, Memory, Receipt};
use vismem_data::has_extension;
use vismem_models::{Held, Purpose};
use vismem_report::{CONTACT_SIDE, Contact, ContactGroup, ContactSheet, contact_sheet_html, words};

use crate::calibration::Before;
use crate::decision::some_of;
use crate::picture::Pictures;
use crate::{IoContext, Observer, ReceiptError, RequestError, Result, Selection, held};

/// Pictures that a page shows of each label, and of all.
const SHOWN_OF_A_LABEL: usize = 60;
const SHOWN: usize = 600;

/// What was forgotten, or would be.
#[derive(Debug, Serialize)]
pub struct Forgotten {
    /// The memory.
    pub memory: String,
    /// Whether it was only asked what would be.
    pub dry_run: bool,
    /// How many exemplars.
    pub exemplars: usize,
    /// Whether no file of the memory holds anything of exemplars that were forgotten.
    pub erased: bool,
    /// The receipt; `None` if nothing was forgotten, or its erasure is unfinished.
    pub receipt: Option<Receipt>,
    /// Labels that would have no exemplar left, by name; empty if it was not only asked.
    pub emptied_labels: Vec<String>,
    /// The page of what would be forgotten.
    pub page: Option<String>,
    /// How many exemplars of each label would be forgotten; empty if they are.
    #[serde(skip)]
    pub labels: BTreeMap<String, usize>,
    /// Whether the whole memory would be forgotten.
    #[serde(skip)]
    pub is_all: bool,
}

impl Forgotten {
    /// Nothing of this memory.
    pub fn nothing(memory: &Path) -> Self {
        Self {
            memory: memory.display().to_string(),
            dry_run: false,
            exemplars: 0,
            erased: false,
            receipt: None,
            emptied_labels: Vec::new(),
            page: None,
            labels: BTreeMap::new(),
            is_all: false,
        }
    }
}

/// A page of the pictures that would be forgotten.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// The file, .html.
    pub file: &'a Path,
    /// What stands below the title.
    pub lead: String,
    /// How pictures are opened.
    pub pictures: Pictures,
}

/// Forgets the selected exemplars. The receipt is written into a new file as well, if one is named.
///
/// # Errors
/// When the selection has no selector, see [`Selection::selector`], the file of the receipt cannot be made, or the memory
/// cannot be changed. [`ReceiptError::Lost`] alone comes after the exemplars are forgotten.
pub fn forget(
    memory: &Path,
    selection: &Selection,
    receipt: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Forgotten> {
    let mut editor = Editor::open(memory)?;
    let held = Held { memory: editor.path(), encoder: editor.encoder(), purpose: Purpose::Queries };
    let selector = selection.selector(held, observer)?;
    let mut file = receipt.map(NewReceipt::create).transpose()?;
    let before = Before::of(memory);
    let forgotten = editor.forget(&selector)?;
    drop(editor);
    // First of all, so that no receipt is lost while the memory is calibrated again.
    let written = file.as_mut().zip(forgotten.as_ref()).map_or(Ok(()), |(file, receipt)| file.write(receipt));
    before.renew(observer);
    written?;
    Ok(Forgotten {
        exemplars: forgotten.as_ref().map_or(0, |receipt| receipt.exemplars as usize),
        erased: forgotten.is_some(),
        receipt: forgotten,
        ..Forgotten::nothing(memory)
    })
}

/// Says what would be forgotten, and shows it on a page if one is asked for.
///
/// # Errors
/// When the selection has no selector, see [`Selection::selector`], the memory cannot be read, or the page not be written.
pub fn preview(
    memory: &Memory,
    selection: &Selection,
    page: Option<&Page<'_>>,
    observer: &mut dyn Observer,
) -> Result<Forgotten> {
    if let Some(page) = page {
        checked_page(page.file)?;
    }
    let selector = selection.selector(held(memory, Purpose::Queries), observer)?;
    let ids = memory.select(&selector)?;
    let mut labels: BTreeMap<String, Vec<Exemplar>> = BTreeMap::new();
    for exemplar in memory.exemplars(&ids)?.into_iter().flatten() {
        labels.entry(exemplar.label.clone()).or_default().push(exemplar);
    }
    let goes = |label: &&vismem::Label| labels.get(&label.name).is_some_and(|of_it| of_it.len() >= label.exemplars);
    let emptied_labels: Vec<String> = memory.labels().iter().filter(goes).map(|label| label.name.clone()).collect();
    let is_all = !ids.is_empty() && ids.len() >= memory.len();
    if let Some(page) = page {
        let lead = match emptied_labels.is_empty() {
            true => page.lead.clone(),
            false if is_all => format!("{} That is the whole memory.", page.lead),
            false => format!("{} Nothing would be left of {}.", page.lead, some_of(&emptied_labels)),
        };
        let page = &Page { lead, ..page.clone() };
        std::fs::write(page.file, contact_sheet_html(&sheet(&labels, page))?).at("write", page.file)?;
    }
    Ok(Forgotten {
        dry_run: true,
        exemplars: ids.len(),
        emptied_labels,
        is_all,
        page: page.map(|page| page.file.display().to_string()),
        labels: labels.into_iter().map(|(label, exemplars)| (label, exemplars.len())).collect(),
        ..Forgotten::nothing(memory.path())
    })
}

/// That a page is written as .html.
pub(crate) fn checked_page(file: &Path) -> Result<()> {
    if has_extension(file, "html") { Ok(()) } else { Err(RequestError::Page(file.into()).into()) }
}

/// The file of a receipt, made before anything is forgotten, so that no receipt is lost for want of a place.
struct NewReceipt<'p> {
    path: &'p Path,
    file: File,
    written: bool,
}

impl<'p> NewReceipt<'p> {
    fn create(path: &'p Path) -> Result<Self> {
        let file = File::options().write(true).create_new(true).open(path);
        let file = file.map_err(|source| ReceiptError::NotMade { path: path.into(), source })?;
        Ok(Self { path, file, written: false })
    }

    fn write(&mut self, receipt: &Receipt) -> Result<()> {
        let text = serde_json::to_string_pretty(receipt).map_err(std::io::Error::from);
        let written = text
            .and_then(|text| self.file.write_all(format!("{text}\n").as_bytes()))
            .and_then(|()| self.file.sync_all());
        written.map_err(|source| ReceiptError::Lost { path: self.path.into(), source })?;
        self.written = true;
        Ok(())
    }
}

impl Drop for NewReceipt<'_> {
    fn drop(&mut self) {
        if !self.written {
            let _ = std::fs::remove_file(self.path);
        }
    }
}

fn sheet(labels: &BTreeMap<String, Vec<Exemplar>>, page: &Page<'_>) -> ContactSheet {
    let contact = |exemplar: &Exemplar| Contact {
        id: exemplar.id,
        source: exemplar.source.as_ref().map_or_else(|| "-".into(), ToString::to_string),
        picture: page.pictures.of_source(exemplar.source.as_ref(), CONTACT_SIDE),
    };
    let mut room = SHOWN;
    let group = |(label, exemplars): (&String, &Vec<Exemplar>)| {
        let shown = exemplars.len().min(SHOWN_OF_A_LABEL).min(room);
        room -= shown;
        let shown = exemplars[..shown].iter().map(contact).collect();
        ContactGroup { label: label.clone(), exemplars: exemplars.len(), shown }
    };
    let groups: Vec<ContactGroup> = labels.iter().map(group).collect();
    let exemplars = words::counted(labels.values().map(Vec::len).sum::<usize>(), "exemplar");
    ContactSheet { title: format!("{exemplars} that would be forgotten"), lead: page.lead.clone(), groups }
}
