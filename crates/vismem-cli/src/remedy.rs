//! What to do about errors, in the words of the command line. The libraries say what is wrong; one function for each of
//! their error types says what the user can do about it here.

use std::error::Error;

use vismem::{EditError, EmbeddingError, IndexError, NotCalibrated, QueryError, SelectError, StoreError, UnknownName};
use vismem_app::{Failure, ReceiptError, RequestError};
use vismem_data::{Field, ReadError, Remedy};
use vismem_encode::LoadError as Model;
use vismem_encode::preprocess::Preprocessing;
use vismem_models::{HubError, LoadError};

use crate::output::counted;

/// An encoder cannot be loaded, which the user has `named` or a memory means.
fn loading(error: &LoadError, named: Option<&str>) -> String {
    let option = named.filter(|_| is_about_files(error)).map(|name| match error {
        // The message begins with the name already.
        LoadError::Unknown { .. } => "--encoder ".to_owned(),
        _ => format!("--encoder {name}: "),
    });
    let remedy = match error {
        LoadError::Unknown { .. } => "; check that the path is right, `vismem model list` shows the names".into(),
        LoadError::NotOnTheHub { .. } => "; `vismem model list` shows names, or say OWNER/REPO".into(),
        LoadError::OneOutput { .. } => ", drop --pool".into(),
        LoadError::NotInThePaper { .. } => "; drop --preprocessing".into(),
        LoadError::UnknownEncoder { .. } => "; use it with embeddings (.npy), not with pictures".into(),
        LoadError::Nowhere { .. } | LoadError::Gone { .. } => "; say where that is with --encoder FOLDER".into(),
        LoadError::NotHere { held, .. } => format!("; fetch it with `vismem model pull {}`", held.name),
        LoadError::AnotherEncoder { is_named: true, .. } => "; use that encoder or another memory".into(),
        LoadError::AnotherEncoder { is_named: false, .. } => {
            "; say where that is with --encoder, and --pool and --preprocessing as when it was filled".into()
        }
        LoadError::OtherViews { asked, .. } => {
            format!(
                "; drop --views, or fill another memory, as `vismem reencode --again -o FOLDER --views {asked}` does"
            )
        }
        LoadError::Hub(error) => fetching(error),
        LoadError::Model(Model::NoPreprocessing { .. }) => format!(
            "; put one beside the ONNX file, in a folder of your own, with the values of the model's card: {}",
            Preprocessing::TEMPLATE
        ),
        LoadError::Model(Model::UnclearTokens { .. }) => ": --pool cls, or --pool pooler".into(),
        LoadError::Model(Model::NoClassToken { .. }) => ": --pool mean".into(),
        _ => String::new(),
    };
    format!("{}{error}{remedy}", option.unwrap_or_default())
}

/// Whether the fault is in where the model is or what lies there, not in how it is to run.
fn is_about_files(error: &LoadError) -> bool {
    use Model::{Input, NoClassToken, NoEmbedding, OnnxRuntime, Run, UnclearTokens};
    match error {
        LoadError::Unknown { .. } | LoadError::Hub(_) => true,
        LoadError::Model(
            NoEmbedding { .. }
            | UnclearTokens { .. }
            | NoClassToken { .. }
            | Input { .. }
            | Run { .. }
            | OnnxRuntime(_),
        ) => false,
        LoadError::Model(_) => true,
        _ => false,
    }
}

/// What to do about files that cannot be fetched, to stand behind the error.
fn fetching(error: &HubError) -> String {
    match error {
        HubError::Offline { .. } | HubError::WithoutNetwork { .. } => {
            "; fetch it where there is a network and copy that \
            folder, or name a folder with the model's files"
                .into()
        }
        HubError::Network { repository, cache, .. } => format!(
            "; give the command again and it goes on where it was; without a network, fetch the files elsewhere \
             (`hf download {}`) and name their folder, or copy them into {}",
            repository.name,
            cache.display()
        ),
        HubError::NotFound { .. } => "; check its name, and set HF_TOKEN if it is private or asks for consent".into(),
        HubError::Refused { .. } => "; try again later".into(),
        HubError::Damaged { .. } => ", give the command again".into(),
        _ => String::new(),
    }
}

/// The error in the words of the command line, if it has its own for it.
pub fn in_words(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = use_case(error) {
        return in_words_of_use_case(error);
    }
    memory(error).map(|remedy| format!("{error}{remedy}")).or_else(|| reading(error.downcast_ref()?))
}

/// The error of a use case that this is; a cause of another one is in a box.
fn use_case<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e vismem_app::Error> {
    error.downcast_ref().or_else(|| error.downcast_ref::<Box<vismem_app::Error>>().map(AsRef::as_ref))
}

fn in_words_of_use_case(error: &vismem_app::Error) -> Option<String> {
    use vismem_app::Error;
    Some(match error {
        Error::Read(error) => return reading(error),
        Error::Memory(error) => return in_words(error),
        Error::Eval(error) => return in_words(error),
        Error::Request(error) => request(error),
        Error::Load { model, source } => loading(source, model.as_deref()),
        Error::Kept { .. } => {
            "stopped; what was added before is kept, and the same command again goes on from there".into()
        }
        Error::LabelCount { path, labels, rows } => {
            let (labels, rows) = (counted(*labels, "label"), counted(*rows, "row"));
            format!("{}: {labels} for {rows}; give one label for each row", path.display())
        }
        Error::Receipt(error) => return receipt(error),
        Error::Like { path, .. } => format!("--like {}", path.display()),
        Error::NoneMeets { memory } => {
            format!("{}: no exemplar meets the condition of --where", memory.display())
        }
        Error::ForeignLabels { similar, .. } => {
            let meant = did_you_mean(similar.as_deref());
            format!("{error}{meant}name their folders as the memory names its labels (`vismem ls`), or give a manifest")
        }
        Error::NothingSelected { .. } => {
            format!("{error}, nothing was changed; `vismem ls` with it shows what it fits")
        }
        Error::WholeLabel { .. } => format!("{error}; to rename it use `vismem merge`"),
        _ => return None,
    })
}

/// What leads from an unknown name to the remedy.
fn did_you_mean(similar: Option<&str>) -> String {
    similar.map_or_else(|| "; ".into(), |similar| format!("; did you mean {similar:?}? "))
}

/// A use case was asked for what cannot be meant.
fn request(error: &RequestError) -> String {
    match error {
        RequestError::ForPictures { field } => {
            format!("--{} belongs to pictures, not to embeddings", field.replace('_', "-"))
        }
        RequestError::OneFileForSeveral(_) => format!("{error}; name a folder"),
        RequestError::Exported => format!("{error}, drop --encoder, --label and --taxonomy"),
        RequestError::LabelsOfPictures => "--labels belongs to a .npy file of embeddings".into(),
        RequestError::NoLabels { path } => {
            format!("{}: say with --labels FILE or --label what its rows show", path.display())
        }
        RequestError::RowsOfUnknownEncoder { memory, held } => {
            format!("{}: holds embeddings of {held}; say --encoder if the rows are of the same", memory.display())
        }
        RequestError::LabelFiles { files, arrays } => {
            format!("--labels gives {} for {arrays} .npy; give one for each", counted(*files, "file"))
        }
        RequestError::LabelsWithoutQueries => "--label and --labels belong to queries, and none are given".into(),
        RequestError::SeveralNeighborFiles => "give --neighbors once; `vismem eval shift` compares several".into(),
        RequestError::SameEncoder { .. } => {
            format!("{error}; say another one with --encoder, or --again to encode with this one again")
        }
        RequestError::NoCriteria => {
            "say which exemplars: --id, --label, --source, --batch, --like, --where or --pruned".into()
        }
        RequestError::Distance(distance) => {
            format!("--distance {distance} is out of range: must be within 0 to 2")
        }
        RequestError::SplitByLabel { label } => {
            format!("{label:?} is the label that is split; say which of its exemplars without --label")
        }
        other => other.to_string(),
    }
}

fn receipt(error: &ReceiptError) -> Option<String> {
    match error {
        ReceiptError::Lost { path, source } => {
            let path = path.display();
            Some(format!("cannot write {path}; the exemplars are forgotten, see `vismem log`: {source}"))
        }
        ReceiptError::NotOne { path, source } => {
            Some(format!("{}: is not a receipt of `vismem forget --receipt`: {source}", path.display()))
        }
        ReceiptError::Changed { .. } => Some(format!("{error}; use the receipt as `vismem forget` wrote it")),
        _ => None,
    }
}

/// Whether the memory was changed under a command that reads it.
pub fn is_outdated(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(store_of(cause), Some(StoreError::Outdated { .. })))
}

/// How many exemplars are forgotten, if the error is that their erasure is unfinished.
pub fn forgotten(error: &anyhow::Error) -> Option<usize> {
    error.chain().find_map(|cause| match use_case(cause) {
        Some(vismem_app::Error::Memory(vismem::Error::Edit(error))) => error.forgotten(),
        _ => None,
    })
}

fn store_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e StoreError> {
    match error.downcast_ref() {
        Some(vismem_app::Error::Memory(error) | vismem_app::Error::Eval(vismem_eval::Error::Memory(error))) => {
            return error.as_store();
        }
        Some(_) => return None,
        None => {}
    }
    None.or_else(|| error.downcast_ref())
        .or_else(|| error.downcast_ref().and_then(vismem::Error::as_store))
        .or_else(|| error.downcast_ref().and_then(QueryError::as_store))
        .or_else(|| error.downcast_ref().and_then(IndexError::as_store))
}

/// What to do about an error of a memory, to stand behind it.
fn memory(error: &(dyn Error + 'static)) -> Option<String> {
    // An error of one group may be that of another.
    if let Some(error) = error.downcast_ref::<vismem_eval::Error>() {
        return match error {
            vismem_eval::Error::Memory(error) => memory(error),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<vismem::Error>() {
        return match error {
            vismem::Error::Store(error) => Some(store(error)),
            vismem::Error::Select(error) => Some(select(error)),
            vismem::Error::Query(error) => Some(query(error)),
            vismem::Error::Edit(error) => Some(edit(error)),
            vismem::Error::Index(error) => Some(index(error)),
            vismem::Error::Embedding(error) => Some(embedding(error)),
            _ => None,
        };
    }
    None.or_else(|| error.downcast_ref().map(store))
        .or_else(|| error.downcast_ref().map(select))
        .or_else(|| error.downcast_ref().map(query))
        .or_else(|| error.downcast_ref().map(edit))
        .or_else(|| error.downcast_ref().map(index))
        .or_else(|| error.downcast_ref().map(embedding))
        .or_else(|| error.downcast_ref().map(unknown))
}

fn store(error: &StoreError) -> String {
    match error {
        StoreError::NotFound { .. } => "; `vismem add` makes one",
        StoreError::NotAMemory { .. } => "; choose another path",
        StoreError::Format { .. } => "; use a newer vismem",
        StoreError::Locked { .. } => "; wait until it is done",
        StoreError::Shared { .. } => "; copy the memory with `cp -r` and use the copy",
        StoreError::Damaged { .. } => "; restore it from a copy, `vismem verify` lists what is wrong",
        StoreError::Database { source, .. } if source.is_disk() => "; make room on its disk, or have the disk checked",
        StoreError::Database { source, .. } if source.is_unfinished() => {
            "; a writer left a journal there, `vismem verify` rolls it back"
        }
        StoreError::Database { source, .. } if source.is_permission() => {
            "; check that the file and its directory may be read and written"
        }
        StoreError::Outdated { .. } => "; give the command again",
        _ => "",
    }
    .into()
}

fn embedding(error: &EmbeddingError) -> String {
    match error {
        EmbeddingError::Dimension { .. } => ": use the memory's encoder",
        EmbeddingError::NoDirection { .. } => ": leave it out or compute it again",
        _ => "",
    }
    .into()
}

fn unknown(error: &UnknownName) -> String {
    let meant = did_you_mean(error.similar.as_deref());
    let lists = match error.what {
        "batch" => "`vismem ls --all --format json` says the batch of each exemplar",
        _ => "`vismem ls` lists what it holds",
    };
    format!("{meant}{lists}")
}

fn select(error: &SelectError) -> String {
    match error {
        SelectError::Empty => ": name ids, labels, sources, batches, a condition or a picture to be near to".into(),
        SelectError::Unknown(error) => unknown(error),
        SelectError::Embedding(error) => embedding(error),
        SelectError::Store(error) => store(error),
        SelectError::Query(error) => query(error),
        _ => String::new(),
    }
}

fn query(error: &QueryError) -> String {
    match error {
        QueryError::Empty { .. } | QueryError::TooFewExemplars { .. } => "; add some first".into(),
        QueryError::NothingLeft { .. } => {
            "; leave out less with --without, or name with --only or --where what is there (`vismem stats` lists the attributes)"
                .into()
        }
        QueryError::NothingBefore { .. } => "; name a later batch".into(),
        QueryError::NotCalibrated { why, .. } => match why {
            NotCalibrated::Absent => "; run `vismem tune` first".into(),
            NotCalibrated::TooFew(_) => "; add more, and run `vismem tune` then".into(),
            NotCalibrated::Other(_) => "; leave out --vote and -k, or run `vismem tune` again".into(),
            NotCalibrated::WhatIf => "; leave out --coverage".into(),
            _ => String::new(),
        },
        QueryError::Unknown(error) => unknown(error),
        QueryError::Embedding(error) => embedding(error),
        QueryError::Select(error) => select(error),
        QueryError::Store(error) => store(error),
        _ => String::new(),
    }
}

fn edit(error: &EditError) -> String {
    match error {
        EditError::Encoder { .. } => {
            "; use that encoder with the same --pool, --preprocessing and --views, or another memory for the new one"
                .into()
        }
        EditError::EmptyLabel { .. } => ": give it a name".into(),
        EditError::AttributeType { .. } => "; give them one type, or the attribute another name".into(),
        EditError::IdUsed { .. } => "; leave out the ids".into(),
        EditError::LogHeld { .. } => "; once it has ended, run `vismem verify`, which finishes it".into(),
        EditError::NotErased { .. } => "; run `vismem verify`, which finishes it".into(),
        EditError::NothingToUndo { .. } => ", an add is undone with `vismem forget --batch`".into(),
        EditError::Embedding(error) => embedding(error),
        EditError::Select(error) => select(error),
        EditError::Store(error) => store(error),
        _ => String::new(),
    }
}

fn index(error: &IndexError) -> String {
    match error {
        IndexError::Store(error) => store(error),
        IndexError::Query(error) => query(error),
        _ => String::new(),
    }
}

/// A data set cannot be read.
fn reading(error: &ReadError) -> Option<String> {
    match error {
        ReadError::Request(request) => Some(match request {
            vismem_data::RequestError::NestedFile { path } => {
                format!("{}: --nested belongs to folders", path.display())
            }
            vismem_data::RequestError::NestedAndLabel => "--nested has its labels from folders, drop --label".into(),
            vismem_data::RequestError::LabelOfLabelled { path } => {
                format!("{}: a manifest has labels of its own, drop --label", path.display())
            }
            vismem_data::RequestError::NestedShards { path } => {
                format!("{}: --nested belongs to folders of pictures alone; name those", path.display())
            }
            vismem_data::RequestError::NotApplied { field } => {
                format!("{} means nothing to what is named; drop it", name(*field))
            }
            vismem_data::RequestError::NoLabel { path } => {
                format!("{}: say with --label what this picture shows", path.display())
            }
            other => other.to_string(),
        }),
        ReadError::NotExported { path, source } => {
            let option = option(Remedy::Export);
            Some(format!("cannot read {}; {option}: {source}", path.display()))
        }
        ReadError::Description { path, source } => {
            Some(format!("{}: is not what `vismem export` wrote: {source}", path.display()))
        }
        error => error.remedy().map(|remedy| format!("{error}; {}", option(remedy))),
    }
}

/// Why a picture or a row was left out.
pub fn failure(failure: &Failure) -> String {
    match failure.remedy {
        Some(remedy) => format!("{}; {}", failure.error, option(remedy)),
        None => failure.error.clone(),
    }
}

/// What was left out, for an answer.
pub fn failures(failures: &mut [Failure]) {
    for left_out in failures {
        left_out.error = failure(left_out);
        left_out.remedy = None;
    }
}

/// Whether the request was wrong rather than a file.
pub fn is_request(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match use_case(cause) {
        Some(vismem_app::Error::Request(_)) => true,
        Some(vismem_app::Error::Read(error)) => error.is_request(),
        Some(vismem_app::Error::Load { source, .. }) => source.is_wrong_request(),
        Some(_) => false,
        None => cause.downcast_ref::<ReadError>().is_some_and(ReadError::is_request),
    })
}

/// What to say or give.
pub fn option(remedy: Remedy) -> String {
    match remedy {
        Remedy::Say(Field::Label) => "use --label".into(),
        Remedy::Say(Field::Images) => "say with --images where the pictures are".into(),
        Remedy::Say(field) => format!("say {}", name(field)),
        Remedy::Name(field) => format!("name one with {}", name(field)),
        Remedy::Choose(field) => format!("choose with {}", name(field)),
        Remedy::Export => "give the folder that `vismem export embeddings` or `vismem encode` wrote".into(),
        _ => "see --help".into(),
    }
}

fn name(field: Field) -> &'static str {
    match field {
        Field::Label => "--label",
        Field::LabelColumn => "--label-column",
        Field::ImageColumn => "--image-column",
        Field::Images => "--images",
        Field::Attributes => "--attributes",
        Field::Levels => "--levels",
        _ => "another option",
    }
}
