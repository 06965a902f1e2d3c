use askama::Template;

use crate::format::{self, counted, label};
use crate::thumbnail::{Thumb, thumb};
use crate::{Error, Picture};

/// Long side in pixels to which a contact sheet shrinks its pictures.
pub const CONTACT_SIDE: u32 = 200;

/// Exemplars side by side, to be looked over.
#[derive(Debug, Clone)]
pub struct ContactSheet {
    /// What they are, e.g. `What would be forgotten`.
    pub title: String,
    /// What is to be said of them, a sentence or two.
    pub lead: String,
    /// Their labels, in the order of the page.
    pub groups: Vec<ContactGroup>,
}

/// The exemplars of a label.
#[derive(Debug, Clone)]
pub struct ContactGroup {
    /// The label.
    pub label: String,
    /// How many exemplars there are; the page says how many of them it does not show.
    pub exemplars: usize,
    /// Those that are shown.
    pub shown: Vec<Contact>,
}

/// One exemplar.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its id.
    pub id: u64,
    /// Where it came from.
    pub source: String,
    /// Its picture, or why there is none.
    pub picture: Picture,
}

struct Group {
    label: String,
    size: String,
    cards: Vec<Card>,
}

struct Card {
    id: u64,
    source: String,
    source_tail: String,
    alt: String,
    picture: Thumb,
}

#[derive(Template)]
#[template(path = "contact_sheet.html")]
struct Page {
    title: String,
    lead: String,
    groups: Vec<Group>,
}

/// The exemplars as one self-contained HTML page: no script, nothing loaded. All texts are escaped.
///
/// # Errors
/// [`Error::Encode`] or [`Error::Page`] when the machine runs out of memory.
pub fn contact_sheet_html(sheet: &ContactSheet) -> Result<String, Error> {
    let groups = sheet.groups.iter().map(Group::new).collect::<Result<_, _>>()?;
    let page = Page { title: format::text(&sheet.title, format::NOTHING), lead: sheet.lead.clone(), groups };
    Ok(page.render()?)
}

impl Group {
    fn new(group: &ContactGroup) -> Result<Self, Error> {
        let all = counted(group.exemplars, "exemplar");
        let size = match group.shown.len() {
            shown if shown < group.exemplars => format!("{all}, the first {shown} of them shown"),
            _ => all,
        };
        let cards = group.shown.iter().map(|contact| Card::new(contact, &group.label)).collect::<Result<_, _>>()?;
        Ok(Self { label: label(&group.label), size, cards })
    }
}

impl Card {
    fn new(contact: &Contact, of: &str) -> Result<Self, Error> {
        let source = format::text(&contact.source, "(no source)");
        Ok(Self {
            id: contact.id,
            source_tail: format::tail(&source, 48),
            alt: format!("Exemplar {}, labelled {}", contact.id, label(of)),
            picture: thumb(&contact.picture, CONTACT_SIDE, &source)?,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_sheet_shows_pictures_reasons_and_what_it_leaves_out() {
        let contact = |id, picture| Contact { id, source: "<b>/1.jpg".into(), picture };
        let shown = vec![
            contact(7, Picture::Shown(image::RgbImage::new(400, 10))),
            contact(8, Picture::Missing("moved & gone".into())),
        ];
        let group = ContactGroup { label: "<zebra>".into(), exemplars: 3, shown };
        let sheet =
            ContactSheet { title: "What would go".into(), lead: "Nothing was changed.".into(), groups: vec![group] };
        let page = contact_sheet_html(&sheet).unwrap();
        for part in ["What would go", "exemplars, the first 2 of them shown", "data:image/jpeg", "moved", ">7<", ">8<"]
        {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains("<zebra>") && !page.contains("<b>/1"), "texts are escaped");
        assert!(page.contains("width=\"200\""), "pictures are made small");
    }
}
