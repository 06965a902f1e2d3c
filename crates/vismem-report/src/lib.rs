//! Pages and pictures that show a decision to people.
//!
//! A caller fills an [`Explanation`] with plain data: the query, the answer, the neighbours that voted and, where there
//! are any, their pictures. [`to_html`] turns it into one self-contained page, [`to_png`] into one picture to paste into
//! a slide or a chat. [`suspects_to_html`] shows the exemplars that mislead others most.
//! [`report_html`] makes a page of a [`Report`]: findings, [`figure::Figure`]s, [`Table`]s and pictures. This crate opens
//! no file of pictures and knows neither memories nor encoders.

mod canvas;
mod contact_sheet;
mod error;
mod explanation;
mod explanation_html;
mod explanation_png;
pub mod figure;
mod fonts;
mod format;
mod page_table;
mod palette;
mod picture_text;
mod reading;
mod report;
mod report_html;
mod sheet;
mod shown;
mod suspects;
mod text_layout;
mod thumbnail;
pub mod words;

pub use contact_sheet::{CONTACT_SIDE, Contact, ContactGroup, ContactSheet, contact_sheet_html};
pub use error::Error;
pub use explanation::{Explanation, LabelShare, MemoryFacts, Picture, Pictured, ShownNeighbor, WhatIf};
pub use explanation_html::to_html;
pub use explanation_png::to_png;
pub use page_table::{Cell, Column, Table};
pub use report::{Case, CaseNeighbor, CaseRow, Finding, Gallery, Report, Section, Step, Tenor};
pub use report_html::{CASE_SIDE, report_html};
pub use shown::{Shown, deceives};
pub use suspects::{Suspect, Suspects, suspects_to_html};
pub use thumbnail::{NEIGHBOR_SIDE, QUERY_SIDE, shrink};
