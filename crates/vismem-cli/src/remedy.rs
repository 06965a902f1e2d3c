//! What to do about errors, in the words of the command line. The libraries say what is wrong; one function for each of
//! their error types says what the user can do about it here.

use std::error::Error;

use vismem::{EditError, EmbeddingError, IndexError, QueryError, SelectError, StoreError, UnknownName};
use vismem_data::{Field, ReadError, Remedy, RequestError};
use vismem_models::{HubError, LoadError};

use crate::args::WrongUse;

/// An encoder cannot be loaded, which the user has `named` or a memory means.
pub fn loading(error: LoadError, named: Option<&str>) -> anyhow::Error {
    let option = named.filter(|_| is_about_files(&error)).map(|name| match &error {
        // The message begins with the name already.
        LoadError::Unknown { .. } => "--encoder ".to_owned(),
        _ => format!("--encoder {name}: "),
    });
    let remedy = match &error {
        LoadError::Unknown { .. } => "; check that the path is right, `vismem model list` shows the names".into(),
        LoadError::NotOnTheHub { .. } => "; `vismem model list` shows names, or say OWNER/REPO".into(),
        LoadError::OneOutput { .. } => ", drop --pool".into(),
        LoadError::NotInThePaper { .. } => "; drop --preprocessing".into(),
        LoadError::UnknownEncoder { .. } => "; use it with embeddings (.npy), not with pictures".into(),
        LoadError::Nowhere { .. } => "; say where that is with --encoder FOLDER".into(),
        LoadError::NotHere { held, .. } => format!("; fetch it with `vismem model pull {}`", held.name),
        LoadError::AnotherEncoder { is_named: true, .. } => "; use that encoder or another memory".into(),
        LoadError::AnotherEncoder { is_named: false, .. } => {
            "; say where that is with --encoder, and --pool and --preprocessing as when it was filled".into()
        }
        LoadError::Hub(error) => fetching(error),
        _ => String::new(),
    };
    let message = format!("{}{error}{remedy}", option.unwrap_or_default());
    let is_wrong_use = error.is_wrong_request();
    let error = anyhow::Error::new(error);
    if is_wrong_use { error.context(WrongUse::new(message)) } else { error.context(message) }
}

/// Whether the fault is in where the model is or what lies there, not in how it is to run.
fn is_about_files(error: &LoadError) -> bool {
    use vismem_encode::LoadError::{Input, NoEmbedding, OnnxRuntime, Run};
    match error {
        LoadError::Unknown { .. } | LoadError::NoPreprocessing { .. } | LoadError::Hub(_) => true,
        LoadError::Model(NoEmbedding { .. } | Input { .. } | Run { .. } | OnnxRuntime(_)) => false,
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
    memory(error).map(|remedy| format!("{error}{remedy}")).or_else(|| reading(error.downcast_ref()?))
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
        StoreError::Damaged { .. } => "; restore it from a copy, `vismem verify` lists what is wrong",
        StoreError::Database { source, .. } if source.is_disk() => "; make room on its disk, or have the disk checked",
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
    let meant = error.similar.as_ref().map_or_else(|| "; ".into(), |similar| format!("; did you mean {similar:?}? "));
    format!("{meant}`vismem ls` lists what it holds")
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
        QueryError::NothingLeft { .. } => "; leave out less".into(),
        QueryError::NothingBefore { .. } => "; name a later batch".into(),
        QueryError::Unknown(error) => unknown(error),
        QueryError::Embedding(error) => embedding(error),
        QueryError::Select(error) => select(error),
        QueryError::Store(error) => store(error),
        _ => String::new(),
    }
}

fn edit(error: &EditError) -> String {
    match error {
        EditError::Encoder { .. } => "; use that encoder, or another memory for the new one".into(),
        EditError::EmptyLabel { .. } => ": give it a name".into(),
        EditError::AttributeType { .. } => "; give them one type, or the attribute another name".into(),
        EditError::IdUsed { .. } => "; leave out the ids".into(),
        EditError::LogHeld { .. } => "; once it has ended, `vismem verify` or any change finishes the erasure".into(),
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

/// An error of reading data in the words of the command line.
fn reading(error: &ReadError) -> Option<String> {
    match error {
        ReadError::Request(request) => Some(match request {
            RequestError::NestedFile { path } => format!("{}: --nested belongs to folders", path.display()),
            RequestError::NestedAndLabel => "--nested has its labels from folders, drop --label".into(),
            RequestError::LabelOfLabelled { path } => {
                format!("{}: a manifest has labels of its own, drop --label", path.display())
            }
            RequestError::NoLabel { path } => {
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

/// Whether the request was wrong rather than a file.
pub fn is_request(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<ReadError>().is_some_and(ReadError::is_request))
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
        _ => "another option",
    }
}
