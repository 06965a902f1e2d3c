/// What can go wrong while a page or picture is made. No user input leads here: these are limits of the machine
/// (memory) or faults of this crate, and the message says which part failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The page template did not render.
    #[error("cannot write the page: {0}")]
    Page(#[from] askama::Error),
    /// A picture could not be encoded as JPEG or PNG.
    #[error("cannot encode the picture of {what}: {source}")]
    Encode {
        /// Whose picture: the query's or neighbour's name, or "the explanation" as a whole.
        what: String,
        /// The encoder's own message.
        source: image::ImageError,
    },
    /// A figure was refused by the plotting library.
    #[error("cannot draw a figure: {0}")]
    Plot(String),
    /// The canvas does not fit in memory.
    #[error("cannot draw the explanation: no memory for {width} × {height} pixels; show fewer labels")]
    Canvas {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}
