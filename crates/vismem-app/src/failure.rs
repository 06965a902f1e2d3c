use serde::Serialize;
use vismem_data::{LabelledPicture, Remedy};

/// A picture or an embedding that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its file, or what holds it and its name there.
    pub source: String,
    /// Why.
    pub error: String,
    /// How many pictures or embeddings are lost by it: the rest of a file that cannot be read on may be known to be many.
    pub count: u64,
    /// What would mend it, where that is in the request.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
}

impl Failure {
    /// A picture that could not be encoded.
    pub(crate) fn of_picture(picture: &LabelledPicture, error: String) -> Self {
        let fault = picture.bytes.as_ref().and_then(|bytes| bytes.as_ref().err());
        let (count, remedy) = fault.map_or((1, None), |fault| (fault.pictures, fault.remedy));
        Self { source: picture.path.display().to_string(), error, count, remedy }
    }

    /// A row that is not an embedding.
    pub(crate) fn of_row(name: String, fault: &str) -> Self {
        Self { error: format!("{name} {fault}"), source: name, count: 1, remedy: None }
    }
}
