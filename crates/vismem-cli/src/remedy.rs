//! What the libraries leave to a face: the option that mends an error.

use std::error::Error;

use vismem_data::{Field, ReadError, Remedy, RequestError};

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
        _ => "another option",
    }
}
