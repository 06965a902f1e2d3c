//! What the README and the documents say is there is there: commands in ```sh blocks run, tests exist.

use std::fs;
use std::path::Path;
use std::process::Command;

use image::{Rgb, RgbImage};

#[path = "cli/packed.rs"]
mod packed;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn every_command_in_the_documents_works_as_it_stands() {
    let documents = fs::read_dir(format!("{REPOSITORY}/docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents = documents.chain([format!("{REPOSITORY}/README.md").into()]);
    let folders = [Path::new(env!("CARGO_BIN_EXE_vismem")).parent().unwrap().to_owned()];
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut run = 0;
    for document in documents.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let commands = commands(&fs::read_to_string(&document).unwrap());
        if commands.is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        lay_out(folder.path());
        for command in commands {
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]).current_dir(&folder).env("PATH", &path).env_remove("VISMEM_MEMORY");
            let output = shell.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            // Among the few pictures here nothing may be what a recipe looks for.
            let stdout = String::from_utf8_lossy(&output.stdout);
            let finds_nothing = [&stdout, &stderr].iter().any(|text| text.contains("nothing fits the selection"));
            assert!(output.status.success() || finds_nothing, "{}: {command}\n{stderr}", document.display());
            run += 1;
        }
    }
    assert!(run >= 10, "only {run} commands were found; is the README where it should be?");
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    let guarantees = fs::read_to_string(format!("{REPOSITORY}/docs/guarantees.md")).unwrap();
    let mut code = String::new();
    for entry in walkdir::WalkDir::new(format!("{REPOSITORY}/crates")) {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(entry.path()).unwrap());
        }
    }
    let names: Vec<&str> =
        guarantees.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 2).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

/// The lines of ```sh blocks, without comments; a line that ends in `\` goes on in the next.
fn commands(markdown: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut inside, mut continues) = (false, false);
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
            continue;
        }
        if !inside || line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (text, more) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        match commands.last_mut().filter(|_| continues) {
            Some(command) => command.push_str(text),
            None => commands.push(text.to_owned()),
        }
        continues = more;
    }
    commands
}

/// The files that the documents speak of.
fn lay_out(folder: &Path) {
    let save = |name: &str, picture: RgbImage| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    };
    // As many as it takes to say how probable answers are.
    for n in 0..11 {
        save(&format!("photos/zebra/{n}.png"), stripes(14 + n));
        save(&format!("photos/leopard/{n}.jpg"), dots(12 + n));
    }
    for n in 0..3 {
        save(&format!("more-pictures/{n}.png"), dots(30 + n));
        save(&format!("new/okapi/{n}.png"), stripes(40 + n));
    }
    save("holiday.jpg", stripes(13));
    save("snapshot.jpg", stripes(47));
    fs::write(folder.join("taxonomy.csv"), "label,family\nzebra,horses\nleopard,cats\nokapi,giraffes\n").unwrap();
    fs::write(folder.join("other-taxonomy.csv"), "label,order\nzebra,ungulates\nleopard,carnivores\n").unwrap();
    fs::write(
        folder.join("pictures.csv"),
        "path,label,source,family\nphotos/zebra/0.png,zebra,camera 1,horses\nphotos/leopard/0.jpg,leopard,,cats\n",
    )
    .unwrap();
    fs::write(
        folder.join("cameras.csv"),
        "path,label,camera,year,day\nphotos/zebra/0.png,zebra,north,2024,2024-02-29\nphotos/leopard/0.jpg,leopard,south,2019,2019-05-01\n",
    )
    .unwrap();
    npy(&folder.join("embeddings.npy"), &[[1.0, 0.1], [1.0, 0.2], [0.1, 1.0], [0.2, 1.0]]);
    npy(&folder.join("queries.npy"), &[[0.9, 0.3], [0.3, 0.8]]);
    fs::write(folder.join("labels.csv"), "label\napple\napple\npear\npear\n").unwrap();

    let lines = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    lines("classes.txt", "zebra\nleopard\n");
    let bytes = |name: &str| fs::read(folder.join(name)).unwrap();
    for (shard, class, picture) in [(0, "0", "photos/zebra/0.png"), (1, "1", "photos/leopard/1.jpg")] {
        let files = [(format!("{shard}.cls"), class.as_bytes().to_vec()), (format!("{shard}.jpg"), bytes(picture))];
        let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        fs::create_dir_all(folder.join("shards")).unwrap();
        fs::write(folder.join(format!("shards/train-{shard}.tar")), packed::tar(&files)).unwrap();
    }
    let zipped = packed::zip(&[("photos/zebra/2.png", bytes("photos/zebra/2.png"))]);
    fs::write(folder.join("photos.zip"), zipped).unwrap();
    let pictures = vec![Some(bytes("photos/zebra/1.png")), Some(bytes("photos/leopard/2.jpg"))];
    packed::hugging_face(&folder.join("train.parquet"), pictures, &[0, 1], r#"["zebra", "leopard"]"#);

    // A model folder in the layout of the hub: the built-in model with its preprocessing written down.
    let model = folder.join("my-model");
    fs::create_dir_all(model.join("onnx")).unwrap();
    fs::copy(format!("{REPOSITORY}/models/efficientnet-lite0-w8.onnx"), model.join("onnx/model.onnx")).unwrap();
    let preprocessing = r#"{"do_resize": true, "size": {"shortest_edge": 256}, "resample": 3, "do_center_crop": true,
        "crop_size": {"height": 224, "width": 224}, "do_rescale": true, "rescale_factor": 0.00392156862745098,
        "do_normalize": true, "image_mean": [0.498, 0.498, 0.498], "image_std": [0.50196, 0.50196, 0.50196]}"#;
    fs::write(model.join("preprocessor_config.json"), preprocessing).unwrap();
}

fn stripes(width: u32) -> RgbImage {
    RgbImage::from_fn(
        260,
        240,
        |x, y| if ((x + y / 3) / width).is_multiple_of(2) { Rgb([20, 20, 25]) } else { Rgb([240; 3]) },
    )
}

fn dots(spacing: u32) -> RgbImage {
    RgbImage::from_fn(260, 240, |x, y| {
        let off = |v: u32| (v % spacing).abs_diff(spacing / 2).pow(2);
        if (off(x) + off(y)) * 9 < spacing * spacing { Rgb([60, 40, 20]) } else { Rgb([220, 170, 90]) }
    })
}

/// An N × 2 array of little-endian f32: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
fn npy(path: &Path, rows: &[[f32; 2]]) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 2), }}", rows.len());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(118u16.to_le_bytes());
    bytes.extend(format!("{header:117}\n").bytes());
    bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}
