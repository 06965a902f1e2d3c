//! A file of a memory with any bytes in it, or some of its bytes changed: nothing panics, and what is answered is what the
//! sound memory answers.
//!
//! The first byte of the input says which file, the second whether the rest takes the place of all of it or is laid over
//! it from the place that the next four bytes say.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use vismem::{
    Attributes, BuildOptions, ClassifyOptions, Editor, EncoderIdentity, Error, IndexKind, Memory, NewExemplar, Search, Selector,
    content_of, verify,
};

const FILES: [&str; 7] =
    ["catalog.sqlite", "vectors.f32", "codes.i8", "partitions.i4", "neighbor_lists.u32", "novelty.f32", "slots.u64"];

/// What a memory answers: nearest neighbours with their labels, and how often each exemplar misleads.
type Answers = (Vec<(u64, String)>, Vec<(u64, u32)>);

struct Sound {
    files: Vec<(&'static str, Vec<u8>)>,
    answers: Answers,
}

fn embedding(n: u32) -> [f32; 5] {
    std::array::from_fn(|i| ((n as f32 + 1.0) * (i as f32 + 1.0) * 0.37).sin())
}

fn answers(dir: &Path) -> Result<Answers, Error> {
    let memory = Memory::open(dir)?;
    let options = ClassifyOptions { k: 7, ..Default::default() };
    let decision = memory.classify(&embedding(77), &options)?.remove(0);
    let neighbors = decision.neighbors.into_iter().map(|voter| (voter.id, voter.label)).collect();
    let votes = memory.reliability(3, &mut ())?.iter().map(|(id, votes)| (id, votes.wrong)).collect();
    // Not compared: it need not find all.
    let search = Search::Partitioned { recall: 0.9 };
    memory.classify(&embedding(78), &ClassifyOptions { search, ..Default::default() })?;
    Ok((neighbors, votes))
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let dir = directory("sound");
        let encoder = EncoderIdentity { name: "fuzz".into(), hash: String::new(), dim: 5 };
        let mut editor = Editor::open_or_create(&dir, &encoder).unwrap();
        for n in 0..60 {
            let (embedding, label) = (embedding(n), format!("label-{}", n % 7));
            let content = content_of(&embedding, &n.to_le_bytes());
            let source = Some(format!("pictures/{n}.jpg").into());
            let attributes = Attributes::new();
            let exemplar = NewExemplar { embedding: &embedding, label: &label, source, content, attributes };
            editor.batch().add(&[exemplar]).unwrap();
        }
        editor.forget(&Selector { ids: vec![8, 9], ..Default::default() }).unwrap();
        drop(editor);
        let options = BuildOptions { neighbors: Some(3), ..Default::default() };
        for kind in IndexKind::ALL {
            Memory::open(&dir).unwrap().build_index(kind, &options, &mut ()).unwrap();
        }
        let answers = answers(&dir).unwrap();
        Sound { files: FILES.map(|file| (file, fs::read(dir.join(file)).unwrap())).into(), answers }
    })
}

fn directory(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("vismem-fuzz-{}", std::process::id())).join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fuzz_target!(|input: &[u8]| {
    let [which, how, a, b, c, d, bytes @ ..] = input else { return };
    let sound = sound();
    let dir = directory("changed");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    for (at, (file, original)) in sound.files.iter().enumerate() {
        let mut content = original.clone();
        if at == usize::from(*which) % FILES.len() {
            if how % 2 == 0 {
                content = bytes.to_vec();
            } else {
                let at = u32::from_le_bytes([*a, *b, *c, *d]) as usize % content.len();
                let length = bytes.len().min(content.len() - at);
                content[at..at + length].copy_from_slice(&bytes[..length]);
            }
        }
        fs::write(dir.join(file), content).unwrap();
    }
    if let Ok(found) = answers(&dir) {
        assert!(found == sound.answers, "a wrong answer");
    }
    let _ = verify(&dir);
    if let Ok(mut editor) = Editor::open(&dir) {
        let _ = editor.forget(&Selector { ids: vec![3], ..Default::default() });
        let _ = editor.undo();
        let _ = editor.compact();
    }
    let _ = answers(&dir);
});
