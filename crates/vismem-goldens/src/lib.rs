//! What others compute from the same inputs, for the tests of vismem's crates: cut small and kept in this folder, so that a
//! fresh clone compares with it. How it was cut, and whose it is: `README.md`.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tempfile::TempDir;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
/// Neighbours of each image in the neighbour files.
const DEPTH: usize = 100;

/// Reference data that is kept beside the repository, where it is there: photos, and the neighbour files uncut.
pub fn beside(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).join(name);
    path.exists().then_some(path)
}

/// A folder of reference data, for as long as this lives.
pub struct Folder {
    path: PathBuf,
    /// Removes what was unpacked.
    _unpacked: Option<TempDir>,
}

impl Folder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn unpacked(folder: TempDir) -> Self {
        Self { path: folder.path().into(), _unpacked: Some(folder) }
    }
}

/// Folders with `neighbors_query.json`, `neighbors_memory.json` and `official_predictions.json`: 1,000 photos and the 2,929
/// of a memory, each with its 100 nearest of these, in the format of the paper's authors, and what their own code makes of
/// it. First the one that is kept here, with rounded distances, then the uncut one where it is there.
///
/// # Errors
/// When they cannot be unpacked.
pub fn neighbor_files() -> io::Result<Vec<Folder>> {
    let folder = tempfile::tempdir()?;
    let classes_of_memory = lines("caltech101/classes_memory.txt.gz")?;
    for name in ["memory", "query"] {
        let classes = lines(&format!("caltech101/classes_{name}.txt.gz"))?;
        let lists = numbers(&format!("caltech101/neighbors_{name}.u16.gz"))?;
        // Among themselves only the order of the memory's photos counts.
        let steps = if name == "query" { numbers("caltech101/distances_query.u16.gz")? } else { vec![0; lists.len()] };
        let mut file = BufWriter::new(std::fs::File::create(folder.path().join(format!("neighbors_{name}.json")))?);
        let rows = classes.iter().zip(lists.chunks_exact(DEPTH)).zip(steps.chunks_exact(DEPTH));
        for (n, ((class, list), steps)) in rows.enumerate() {
            let image = format!("{name}-{n}");
            let ids: Vec<String> = list.iter().map(|near| format!("memory-{near}")).collect();
            let classes: Vec<&str> = list.iter().map(|&near| classes_of_memory[usize::from(near)].as_str()).collect();
            let distances = steps.iter().scan(0, |sum, &step| {
                *sum += u32::from(step);
                Some(f64::from(*sum) / 10_000.0)
            });
            write!(
                file,
                "{}\"{image}\": {{\"featurizer\": \"efficientnet-lite0\", \"image_id\": \"{image}\", \
                 \"image_class\": {class}, \"neighbor_image_ids\": {ids:?}, \"neighbor_classes\": [{}], \
                 \"neighbor_distances\": {:?}}}",
                if n == 0 { "{" } else { ",\n" },
                classes.join(", "),
                distances.collect::<Vec<f64>>(),
            )?;
        }
        write!(file, "}}")?;
        file.flush()?;
    }
    let official = read("caltech101/official_predictions.json.gz")?;
    std::fs::write(folder.path().join("official_predictions.json"), official)?;
    let beside = beside("goldens/caltech101").map(|path| Folder { path, _unpacked: None });
    Ok([Folder::unpacked(folder)].into_iter().chain(beside).collect())
}

/// A folder with two tiny models in hub layout, `tiny-clip` and `tiny-dinov2`. Their weights are random.
///
/// # Errors
/// When they cannot be unpacked.
pub fn hub() -> io::Result<Folder> {
    let folder = tempfile::tempdir()?;
    for (name, onnx) in [("tiny-clip", "onnx/vision_model.onnx"), ("tiny-dinov2", "onnx/model.onnx")] {
        std::fs::create_dir_all(folder.path().join(name).join("onnx"))?;
        for file in ["config.json", "preprocessor_config.json"] {
            std::fs::write(folder.path().join(name).join(file), read(&format!("hub/{name}/{file}"))?)?;
        }
        let planes = read(&format!("hub/{name}/{onnx}.planes.gz"))?;
        std::fs::write(folder.path().join(name).join(onnx), together(&planes, size_of::<f32>()))?;
    }
    Ok(Folder::unpacked(folder))
}

/// What `transformers` makes of photos with one of these models.
pub struct Reference {
    /// The photos, below [`photos`].
    pub images: Vec<String>,
    /// For each photo 3 planes of 28 × 28 pixel values: those of every eighth row and column of 224 × 224.
    pub pixels: Vec<Vec<f32>>,
    /// For each photo its embedding.
    pub embeddings: Vec<Vec<f32>>,
}

/// What `transformers` makes of eight photos with a model of [`hub`], before its weights were rounded.
///
/// # Errors
/// When it cannot be read.
pub fn reference(model: &str) -> io::Result<Reference> {
    let images = lines(&format!("hub/{model}/reference/images.txt"))?;
    let rows = |name: &str| -> io::Result<Vec<Vec<f32>>> {
        let bytes = read(&format!("hub/{model}/reference/{name}"))?;
        let values: Vec<f32> = bytes.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        Ok(values.chunks_exact(values.len() / images.len()).map(<[f32]>::to_vec).collect())
    };
    Ok(Reference { pixels: rows("pixels.f32.gz")?, embeddings: rows("embeddings.f32")?, images })
}

/// Where the photos are that are kept here, in folders by their classes below `query/`.
pub fn photos() -> PathBuf {
    Path::new(DATA).join("photos")
}

/// The content of a file that is kept here, unpacked.
fn read(name: &str) -> io::Result<Vec<u8>> {
    let bytes = std::fs::read(Path::new(DATA).join(name))?;
    if !name.ends_with(".gz") {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

fn lines(name: &str) -> io::Result<Vec<String>> {
    Ok(String::from_utf8_lossy(&read(name)?).lines().map(str::to_owned).collect())
}

/// Numbers of 16 bits.
fn numbers(name: &str) -> io::Result<Vec<u16>> {
    let bytes = together(&read(name)?, size_of::<u16>());
    Ok(bytes.as_chunks().0.iter().map(|number| u16::from_le_bytes(*number)).collect())
}

/// Bytes of which all first ones of numbers of `width` bytes come first, then all second ones, and so on.
fn together(planes: &[u8], width: usize) -> Vec<u8> {
    let mut bytes = vec![0; planes.len()];
    let places = (0..width).flat_map(|byte| (byte..planes.len()).step_by(width));
    places.zip(planes).for_each(|(place, byte)| bytes[place] = *byte);
    bytes
}
