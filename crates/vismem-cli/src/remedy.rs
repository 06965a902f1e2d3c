//! What to do about errors, in the words of the command line. The libraries say what is wrong; one function for each of
//! their error types says what the user can do about it here.

use std::error::Error;

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
    match error.downcast_ref::<ReadError>()? {
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
