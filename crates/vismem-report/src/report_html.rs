use askama::Template;

use crate::figure::{Figure, Origin, Size};
use crate::format::{self, label, text};
use crate::thumbnail::{Thumb, thumb};
use crate::{Case, CaseRow, Error, Finding, Gallery, Report, Section, Step, Table, Tenor};

/// Long side in pixels of the pictures of a report.
pub const CASE_SIDE: u32 = 240;

/// Long side of the pictures of neighbours, which are shown smaller.
const NEAR_SIDE: u32 = 160;

/// Rows of a table that are always visible; longer tables are folded.
const ROWS_SHOWN: usize = 24;

/// The report as one self-contained HTML page: no script, nothing loaded, light and dark, for screens, phones and paper.
/// All texts are escaped.
///
/// # Errors
/// [`Error::Encode`], [`Error::Plot`] or [`Error::Page`] when the machine runs out of memory; no content leads there.
pub fn report_html(report: &Report) -> Result<String, Error> {
    let sections = report.sections.iter().map(SectionView::new).collect::<Result<Vec<_>, _>>()?;
    let page = Page {
        title: text(&report.title, "Evaluation"),
        lead: &report.lead,
        findings: report.findings.iter().map(FindingView::new).collect(),
        steps: &report.steps,
        facts: &report.facts,
        left_out: &report.left_out,
        one: sections.len() == 1,
        sections,
        style: crate::figure::stylesheet(),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: String,
    lead: &'a str,
    findings: Vec<FindingView<'a>>,
    steps: &'a [Step],
    facts: &'a [(String, String)],
    left_out: &'a [(String, String)],
    /// Whether there is one section only, which needs no list of sections.
    one: bool,
    sections: Vec<SectionView<'a>>,
    /// The classes of figures. Made by this crate from its palette alone.
    style: String,
}

struct FindingView<'a> {
    finding: &'a Finding,
    class: &'static str,
    icon: &'static str,
    section: String,
}

struct SectionView<'a> {
    section: &'a Section,
    name: String,
    figures: Vec<FigureView>,
    tables: Vec<TableView>,
    galleries: Vec<GalleryView>,
}

struct FigureView {
    name: String,
    title: String,
    caption: String,
    /// Drawn by this crate, texts escaped.
    wide: String,
    /// The same for phones.
    narrow: String,
    table: TableView,
}

struct TableView {
    title: String,
    note: String,
    columns: Vec<ColumnView>,
    rows: Vec<Vec<CellView>>,
    /// Says how long the table is, if it is folded.
    folded: String,
}

struct ColumnView {
    name: String,
    class: &'static str,
}

struct CellView {
    text: String,
    class: &'static str,
    best: bool,
}

struct GalleryView {
    title: String,
    lead: String,
    cases: Vec<CaseView>,
}

struct CaseView {
    name: String,
    name_tail: String,
    verdict: String,
    class: &'static str,
    icon: &'static str,
    picture: Thumb,
    rows: Vec<RowView>,
    note: String,
    commands: Vec<String>,
}

struct RowView {
    title: String,
    neighbors: Vec<NeighborView>,
}

struct NeighborView {
    label: String,
    /// The label, where a line may be broken.
    parts: Vec<String>,
    remark: String,
    distance: String,
    icon: &'static str,
    class: &'static str,
    /// `exemplar 12`, where it has an id.
    id: String,
    picture: Thumb,
}

/// Letters, digits and hyphens, as names in links are.
fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// The class and the symbol of something that is right, wrong or not known.
fn judged(right: Option<bool>) -> (&'static str, &'static str) {
    match right {
        Some(true) => ("calm", "check"),
        Some(false) => ("wary", "unequal"),
        None => ("unknown", "question"),
    }
}

impl<'a> FindingView<'a> {
    fn new(finding: &'a Finding) -> Self {
        let (class, icon) = match finding.tenor {
            Tenor::Good => ("calm", "check"),
            Tenor::Wary => ("wary", "warning"),
            Tenor::Neutral => ("unknown", ""),
        };
        Self { finding, class, icon, section: anchor(&finding.section) }
    }
}

impl<'a> SectionView<'a> {
    fn new(section: &'a Section) -> Result<Self, Error> {
        Ok(Self {
            section,
            name: anchor(&section.name),
            figures: section.figures.iter().map(FigureView::new).collect::<Result<_, _>>()?,
            tables: section.tables.iter().map(|table| TableView::new(table, ROWS_SHOWN)).collect(),
            galleries: section.galleries.iter().map(GalleryView::new).collect::<Result<_, _>>()?,
        })
    }
}

impl FigureView {
    fn new(figure: &Figure) -> Result<Self, Error> {
        Ok(Self {
            name: anchor(&figure.name),
            title: text(&figure.title, "Figure"),
            caption: figure.caption.clone(),
            wide: figure.inline(Size::WIDE)?,
            narrow: figure.inline(Size::NARROW)?,
            table: TableView::new(&figure.table(), usize::MAX),
        })
    }
}

impl TableView {
    fn new(table: &Table, most: usize) -> Self {
        let class = |numeric, origin| match (numeric, origin) {
            (true, Origin::Measured) => "number",
            (true, Origin::Paper) => "number paper",
            (false, Origin::Measured) => "",
            (false, Origin::Paper) => "paper",
        };
        let columns: Vec<ColumnView> = table
            .columns
            .iter()
            .map(|column| ColumnView {
                name: crate::figure::named(&column.name, column.origin),
                class: class(column.numeric, column.origin),
            })
            .collect();
        let classes = || columns.iter().map(|column| column.class).chain(std::iter::repeat(""));
        let cells = |row: &Vec<crate::Cell>| {
            let view = |(cell, class): (&crate::Cell, _)| CellView {
                text: text(&cell.text, format::NOTHING),
                class,
                best: cell.best,
            };
            row.iter().zip(classes()).map(view).collect()
        };
        let rows: Vec<Vec<CellView>> = table.rows.iter().map(cells).collect();
        let folded =
            if rows.len() > most { format!("Show all {}", format::counted(rows.len(), "row")) } else { String::new() };
        Self { title: table.title.clone(), note: table.note.clone(), columns, rows, folded }
    }
}

impl GalleryView {
    fn new(gallery: &Gallery) -> Result<Self, Error> {
        let cases = gallery.cases.iter().map(CaseView::new).collect::<Result<_, _>>()?;
        Ok(Self { title: gallery.title.clone(), lead: gallery.lead.clone(), cases })
    }
}

impl CaseView {
    fn new(case: &Case) -> Result<Self, Error> {
        let name = text(&case.query.name, "(no name)");
        let (class, icon) = judged(case.right);
        Ok(Self {
            name_tail: format::tail(&name, 48),
            verdict: text(&case.verdict, format::NOTHING),
            class,
            icon,
            picture: thumb(&case.query.picture, CASE_SIDE, &name)?,
            rows: case.rows.iter().map(RowView::new).collect::<Result<_, _>>()?,
            note: text(&case.note, ""),
            commands: case.commands.iter().map(|command| text(command, format::NOTHING)).collect(),
            name,
        })
    }
}

impl RowView {
    fn new(row: &CaseRow) -> Result<Self, Error> {
        let neighbor = |n: &crate::CaseNeighbor| {
            let (class, icon) = judged(n.right);
            let id = n.id.map_or_else(String::new, |id| format!("exemplar {id}"));
            Ok(NeighborView {
                parts: label(&n.label).split_inclusive(['_', '-', '/']).map(str::to_owned).collect(),
                label: label(&n.label),
                remark: n.remark.clone(),
                distance: format::distance(n.distance),
                icon,
                class,
                picture: thumb(&n.picture, NEAR_SIDE, &id)?,
                id,
            })
        };
        Ok(Self {
            title: row.title.clone(),
            neighbors: row.neighbors.iter().map(neighbor).collect::<Result<_, Error>>()?,
        })
    }
}
