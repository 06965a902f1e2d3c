//! A tour with pictures that the program draws itself: nothing is downloaded, no file is needed.

mod pictures;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use image::codecs::png::PngEncoder;
use serde::Serialize;
use vismem::{ClassifyOptions, Decision, Memory};
use vismem_app::add::{AddRequest, add};
use vismem_app::classify::{self, Heard, Said};
use vismem_app::explain;
use vismem_app::picture::Pictures;
use vismem_data::folder;
use vismem_encode::Encoder;
use vismem_models::Hub;
use vismem_report::{Pictured, QUERY_SIDE};

use self::pictures::{CLASSES, draw};
use super::Outcome;
use crate::args::encoding::Encoding;
use crate::args::{Args, Demo, Format};
use crate::progress::{Progress, Watch};
use crate::{encoder, output};

/// Pictures of each class that go into the memory.
const EXEMPLARS: u64 = 16;
/// Pictures of each class that are kept out and asked about.
const QUERIES: u64 = 6;

/// What `--format json` answers; see docs/json.md.
#[derive(Serialize)]
struct Document {
    memory: String,
    files: Vec<String>,
    classes: usize,
    exemplars: usize,
    queries: usize,
    accuracy: f64,
    new_class: NewClass,
}

#[derive(Serialize)]
struct NewClass {
    label: &'static str,
    exemplars: usize,
    queries: usize,
    accuracy_before: f64,
    accuracy: f64,
    accuracy_of_the_others: f64,
}

pub fn run(args: &Args, options: &Demo) -> Result<Outcome> {
    let tour = Tour { format: args.format, output: &options.output, encoding: &options.encoding };
    let memory = tour.at("memory.vismem");
    let (learn, ask) = (tour.at("learn"), tour.at("ask"));
    let (learn_later, ask_later) = (tour.at("learn-later"), tour.at("ask-later"));
    let (known, [new]) = CLASSES.split_at(CLASSES.len() - 1) else { unreachable!("one class is left") };
    tour.forget_the_last(&memory)?;

    let count = known.len();
    tour.say(&format!("1. Draw {count} classes of pictures: {EXEMPLARS} each to learn, {QUERIES} each to ask about."))?;
    tour.draw(&learn, &ask, known)?;
    tour.draw(&learn_later, &ask_later, &[new])?;
    tour.hint(&format!("see {}", tour.output.display()))?;

    tour.say("\n2. Learn. Each picture becomes an embedding with a label; nothing is trained.")?;
    let learned = tour.learn(&memory, &learn)?;

    tour.say("\n3. Ask about pictures it has not seen. The 20 nearest exemplars vote.")?;
    let encoder = encoder::load(&options.encoding)?;
    let answers = tour.ask(&memory, &encoder, &ask)?;
    tour.say(&format!("   {} right", score(&answers)))?;

    tour.say("\n4. Ask why. A decision names the pictures that made it.")?;
    let files = tour.explain(&memory, &encoder, &answers)?;

    tour.say(&format!("\n5. Ask about something it has never been shown: {new}."))?;
    let before = tour.ask(&memory, &encoder, &ask_later)?;
    let guesses: Vec<&str> = before.iter().map(|answer| answer.decision.label()).collect();
    tour.say(&format!("   it takes them for {}", guesses.join(", ")))?;
    let added = tour.learn(&memory, &learn_later)?;
    let after = tour.ask(&memory, &encoder, &ask_later)?;
    tour.say(&format!("   {} right", score(&after)))?;
    let others = tour.ask(&memory, &encoder, &ask)?;
    tour.say(&format!("   {} right: what it knew before, it still knows", score(&others)))?;

    tour.say("\nYour turn, with a folder of pictures for each label:")?;
    for command in ["vismem add FOLDER", "vismem classify PICTURES", "vismem explain PICTURE"] {
        tour.hint(command)?;
    }
    if args.format == Format::Json {
        output::json(&Document {
            memory: memory.display().to_string(),
            files: files.iter().map(|file| file.display().to_string()).collect(),
            classes: known.len(),
            exemplars: learned,
            queries: answers.len(),
            accuracy: accuracy(&answers),
            new_class: NewClass {
                label: new,
                exemplars: added,
                queries: after.len(),
                accuracy_before: accuracy(&before),
                accuracy: accuracy(&after),
                accuracy_of_the_others: accuracy(&others),
            },
        })?;
    }
    Ok(Outcome::Done)
}

/// What the memory says of a picture whose label is known.
struct Answer {
    picture: PathBuf,
    label: String,
    decision: Decision,
}

impl Answer {
    fn is_right(&self) -> bool {
        self.decision.label() == self.label
    }
}

fn right(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.is_right()).count()
}

fn accuracy(answers: &[Answer]) -> f64 {
    right(answers) as f64 / answers.len() as f64
}

/// "70 of 72 (97.2 %)".
fn score(answers: &[Answer]) -> String {
    format!("{} of {} ({:.1} %)", right(answers), answers.len(), 100.0 * accuracy(answers))
}

struct Tour<'a> {
    format: Format,
    output: &'a Path,
    encoding: &'a Encoding,
}

impl Tour<'_> {
    fn at(&self, name: &str) -> PathBuf {
        self.output.join(name)
    }

    /// Tells people; programs get one document at the end.
    fn say(&self, line: &str) -> Result<()> {
        if self.format == Format::Text {
            writeln!(output::stdout(), "{line}")?;
        }
        Ok(())
    }

    fn hint(&self, line: &str) -> Result<()> {
        self.say(&format!("   {line}"))
    }

    /// Removes the memory of an earlier demo. The pictures are drawn over; they come out the same.
    fn forget_the_last(&self, memory: &Path) -> Result<()> {
        match Memory::open(memory) {
            Ok(_) => fs::remove_dir_all(memory).with_context(|| format!("cannot remove {}", memory.display())),
            Err(vismem::StoreError::NotFound { .. }) => Ok(()),
            Err(error) => bail!("{error}; or remove {} and start again", self.output.display()),
        }
    }

    /// Draws pictures of some classes on all cores, those to learn into one folder, those to ask about into another.
    fn draw(&self, learn: &Path, ask: &Path, classes: &[&str]) -> Result<()> {
        std::thread::scope(|scope| {
            let drawing: Vec<_> =
                classes.iter().map(|class| scope.spawn(move || draw_class(learn, ask, class))).collect();
            let joined = drawing.into_iter().map(|drawing| drawing.join());
            joined.into_iter().try_for_each(|class| class.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    /// Does what `vismem add FOLDER` does; returns how many exemplars it brought.
    fn learn(&self, memory: &Path, folder: &Path) -> Result<usize> {
        self.hint(&format!("vismem -m {} add {}", memory.display(), folder.display()))?;
        let started = Instant::now();
        let before = Memory::open(memory).map_or(0, |memory| memory.len());
        let (paths, encoder) = (vec![folder.to_owned()], encoder::request(self.encoding));
        let request = AddRequest { paths, encoder, ..AddRequest::default() };
        add(memory, &request, &Hub::from_environment(), &mut Watch::default())?;
        let added = Memory::open(memory)?.len() - before;
        self.say(&format!("   {added} exemplars in {:.1} s", started.elapsed().as_secs_f64()))?;
        Ok(added)
    }

    /// Does what `vismem classify FOLDER` does.
    fn ask(&self, memory: &Path, encoder: &Encoder, folder: &Path) -> Result<Vec<Answer>> {
        self.hint(&format!("vismem -m {} classify {}", memory.display(), folder.display()))?;
        let memory = Memory::open(memory)?;
        let (pictures, options) = (folder::pictures(folder)?, ClassifyOptions::default());
        let mut answers = Vec::new();
        let classify = |values: &[f32]| Ok(memory.classify(values, &options)?);
        let mut progress = Progress::new(pictures.len() as u64, "pictures");
        classify::decide_pictures(encoder, pictures.into_iter(), &classify, &mut |heard| {
            match heard {
                Heard::Encoded(_) => progress.advance(1),
                Heard::Said(picture, said) => answers.push((picture, said)),
            }
            Ok(())
        })?;
        let answer = |(picture, said): (PathBuf, Said<Decision>)| -> Result<Answer> {
            let decision = said.map_err(anyhow::Error::msg)?;
            Ok(Answer { label: folder::label_of(&picture)?, picture, decision })
        };
        answers.into_iter().map(answer).collect()
    }

    /// Explains the least certain of the right answers: the one with most to see. Returns the files.
    fn explain(&self, memory: &Path, encoder: &Encoder, answers: &[Answer]) -> Result<Vec<PathBuf>> {
        let by_confidence = |a: &&Answer, b: &&Answer| a.decision.confidence().total_cmp(&b.decision.confidence());
        let least_certain = answers.iter().filter(|answer| answer.is_right()).min_by(by_confidence);
        let Answer { picture, decision, .. } = least_certain.context("not one answer is right")?;
        self.hint(&format!("vismem -m {} explain {}", memory.display(), picture.display()))?;
        let others = decision.labels.iter().skip(1).take(2);
        let others: Vec<_> = others.map(|other| format!("{} {:.0} %", other.label, 100.0 * other.score)).collect();
        let (label, share) = (decision.label(), 100.0 * decision.confidence());
        self.say(&format!("   {label} {share:.0} %, {}", others.join(", ")))?;

        let pictures = Pictures { limits: *encoder.limits(), ..Pictures::default() };
        let query = Pictured { name: picture.display().to_string(), picture: pictures.of_file(picture, QUERY_SIDE) };
        let explanation =
            explain::explanation(&Memory::open(memory)?, query, &pictures, decision, &ClassifyOptions::default())?;
        let files = ["explanation.html", "explanation.png"].map(|name| self.at(name));
        for file in &files {
            explain::write(file, &explanation)?;
            self.hint(&format!("see {}", file.display()))?;
        }
        Ok(files.into())
    }
}

fn draw_class(learn: &Path, ask: &Path, class: &str) -> Result<()> {
    for seed in 0..EXEMPLARS + QUERIES {
        let folder = if seed < EXEMPLARS { learn.join(class) } else { ask.join(class) };
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let file = folder.join(format!("{seed:02}.png"));
        let mut png = Vec::new();
        draw(class, seed).write_with_encoder(PngEncoder::new(&mut png))?;
        fs::write(&file, png).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
