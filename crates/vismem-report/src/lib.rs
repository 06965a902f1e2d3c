//! Pages and pictures that show a decision to people.
