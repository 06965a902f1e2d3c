//! Images to embeddings: decode, preprocess, run a frozen encoder, normalise.
