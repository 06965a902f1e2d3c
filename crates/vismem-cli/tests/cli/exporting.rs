//! What is exported comes back as it was, and other programs can read it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{Kind, Place};
use crate::npy;

/// A memory of 30 rows with labels that try the writers, a taxonomy, a gap in the ids, and a path that is not UTF-8.
fn with_memory() -> Place {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(30)));
    let labels = ["plain", " leading space", "a, \"quoted\", one", "two\nlines", "größe"];
    let labels: Vec<&str> = (0..30).map(|row| labels[row % labels.len()]).collect();
    let mut csv = String::from("label\n");
    labels.iter().for_each(|label| csv.push_str(&format!("\"{}\"\n", label.replace('"', "\"\""))));
    place.write("labels.csv", csv);
    place.write("taxonomy.csv", "label,kind\nplain,x\ngröße,y\nunseen,y\n");
    place.vismem("add rows.npy --labels labels.csv --taxonomy taxonomy.csv").done();
    place.vismem("forget --id 3,4").done();
    place.vismem_with(["relabel", "--id", "10", "--to", " leading space"]).done();
    place
}

fn stats(place: &Place, memory: &str) -> Value {
    place.vismem(&format!("-m {memory} stats --format json")).done().json()
}

#[test]
fn exported_embeddings_come_back_with_digest_ids_taxonomy_and_decisions() {
    let place = with_memory();
    place.write("ask.npy", npy::rows(&npy::scattered(40)[30..]));
    let answers =
        |memory: &str| place.vismem(&format!("-m {memory} classify ask.npy --level kind --format json")).json();
    for metadata in ["parquet", "csv"] {
        let exported = place.vismem(&format!("export embeddings -o {metadata} --metadata {metadata}")).done();
        exported.says(&["exported 28 exemplars", "embeddings.npy", &format!("metadata.{metadata}"), "memory.json"]);
        let copy = format!("{metadata}.vismem");
        place.vismem(&format!("-m {copy} import {metadata}")).done().says(&["added 28 embeddings"]);
        let (from, to) = (stats(&place, "memory.vismem"), stats(&place, &copy));
        for field in ["digest", "exemplars", "labels", "levels", "encoder"] {
            assert_eq!(from[field], to[field], "{field}");
        }
        let listed = |memory: &str| place.vismem(&format!("-m {memory} ls --all")).done().stdout;
        assert_eq!(listed("memory.vismem"), listed(&copy), "the same ids, labels and sources");
        assert_eq!(answers("memory.vismem"), answers(&copy));
        let taxonomy = |memory: &str| place.vismem(&format!("-m {memory} taxonomy show")).done().stdout;
        assert_eq!(taxonomy("memory.vismem"), taxonomy(&copy));
        place.vismem(&format!("-m {copy} verify")).done();

        // Again changes nothing, and ids go on where they were.
        place.vismem(&format!("-m {copy} import {metadata}")).done().says(&["added 0 ", "28 embeddings already"]);
        place.write("more.npy", npy::rows(&npy::scattered(31)[30..]));
        place.vismem(&format!("-m {copy} add more.npy --label more")).done();
        place.vismem(&format!("-m {copy} ls more")).done().says(&["       31  more"]);
    }
}

#[test]
fn attributes_come_back_from_every_kind_of_table() {
    let place = Place::new();
    place.draw("1.png", Kind::Disc, 1);
    place.draw("2.png", Kind::Stripes, 2);
    place
        .write("list.csv", "path,label,taken,wild,code,year\n1.png,coin,2024-02-29,true,007,2019\n2.png,fence,,,12,\n");
    place.vismem("add list.csv").done();
    let attributes = |memory: &str| {
        let listed = place.vismem(&format!("-m {memory} ls --all --format json")).done().json();
        listed["exemplars"]
            .as_array()
            .unwrap()
            .iter()
            .map(|exemplar| exemplar["attributes"].clone())
            .collect::<Vec<_>>()
    };
    let expected =
        serde_json::json!([{"code": "007", "taken": "2024-02-29", "wild": true, "year": 2019}, {"code": "12"}]);
    assert_eq!(Value::from(attributes("memory.vismem")), expected);
    for metadata in ["parquet", "csv"] {
        place.vismem(&format!("export embeddings -o {metadata} --metadata {metadata}")).done();
        place.vismem(&format!("encode list.csv -o encoded-{metadata} --metadata {metadata}")).done();
        for from in [metadata.to_owned(), format!("encoded-{metadata}")] {
            place.vismem(&format!("-m {from}.vismem import {from}")).done();
            let memory = format!("{from}.vismem");
            assert_eq!(stats(&place, &memory)["digest"], stats(&place, "memory.vismem")["digest"], "{from}");
            assert_eq!(attributes(&memory), attributes("memory.vismem"), "{from}");
        }
    }
    place.vismem("export catalog -o out --table csv").done();
    let text = std::fs::read_to_string(place.path("out/catalog.csv")).unwrap();
    assert!(text.starts_with("id,label,source,batch,content,attribute.code,attribute.taken,"), "{text}");
    assert!(text.contains(",007,2024-02-29,true,2019\n"), "{text}");

    // In the memory codes are text, and stay it; a year that is not a number is refused, and what has one is added.
    place.draw("3.png", Kind::Disc, 3);
    place.draw("4.png", Kind::Disc, 4);
    place.write("more.csv", "path,label,code\n3.png,coin,1.50\n");
    place.vismem("add more.csv").done();
    assert_eq!(attributes("memory.vismem")[2], serde_json::json!({"code": "1.50"}));
    place.write("bad.csv", "path,label,year\n4.png,coin,MMXIX\n");
    place
        .vismem("add bad.csv")
        .incomplete(&["4.png: its year is a text, but all values of this attribute are of type number"]);
    place.vismem("ls --where").misused(&["--where"]);
    place.vismem_with(["ls", "--where", "code = '1.50'"]).done().says(&["3.png"]);
}

#[test]
fn pictures_keep_their_contents_and_paths_that_are_not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    let strange = place.path("learn/disc").join(OsStr::from_bytes(b"caf\xe9.png"));
    std::fs::copy(place.draw("d.png", Kind::Disc, 9), strange).unwrap();
    place.vismem("add learn").done();
    for metadata in ["parquet", "csv"] {
        place.vismem(&format!("export embeddings -o {metadata} --metadata {metadata}")).done();
        place.vismem(&format!("-m {metadata}.vismem import {metadata}")).done();
        assert_eq!(stats(&place, &format!("{metadata}.vismem"))["digest"], stats(&place, "memory.vismem")["digest"]);
        // The pictures are known by their content, and their encoder is the memory's.
        place
            .vismem(&format!("-m {metadata}.vismem add learn"))
            .done()
            .says(&["added 0 pictures", "5 pictures already"]);
    }
}

#[test]
fn a_selection_is_exported_alone_and_joins_what_another_memory_holds() {
    let place = with_memory();
    place.vismem("export embeddings -o part --label plain").done().says(&["exported 6 exemplars"]);
    place.write("more.npy", npy::rows(&npy::scattered(40)[30..]));
    place.vismem("-m other.vismem add more.npy --label more").done();
    let added = place.vismem("-m other.vismem import part --format json").done().json();
    assert_eq!((&added["added"], &added["exemplars"], &added["labels"]), (&6.into(), &16.into(), &4.into()), "{added}");
    place.vismem("-m other.vismem verify").done();
}

#[test]
fn an_export_takes_the_place_of_one_before() {
    let place = with_memory();
    place.vismem("export embeddings -o out --metadata csv").done();
    place.vismem("export embeddings -o out --label plain").done();
    assert!(!place.path("out/metadata.csv").exists(), "old and new metadata lie side by side");
    place.vismem("-m copy.vismem import out").done().says(&["added 6 embeddings"]);
}

#[test]
fn a_catalogue_is_a_table_with_levels_that_comes_back_through_relabel() {
    let place = with_memory();
    place.vismem("export catalog -o out").done().says(&["exported 28 exemplars", "catalog.parquet"]);
    place.vismem("export catalog -o out --table csv").done().says(&["catalog.csv"]);
    let text = std::fs::read_to_string(place.path("out/catalog.csv")).unwrap();
    assert_eq!(text.lines().next(), Some("id,label,kind,source,batch,content"));
    assert!(text.contains("\n6,plain,x,"), "{text}");
    let table = vismem_data::parquet::Table::open(&place.path("out/catalog.parquet")).unwrap();
    let rows = table.rows(&["id", "kind"]).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(rows.len(), 28);
    assert_eq!(rows[0], [vismem_data::parquet::Value::Integer(1), vismem_data::parquet::Value::Text("x".into())]);
    assert_eq!(rows[1], [vismem_data::parquet::Value::Integer(2), vismem_data::parquet::Value::Null]);

    place.write("edited.csv", text.replace("\n6,plain,", "\n6,edited,"));
    place.vismem("relabel --from edited.csv").done();
    place.vismem("ls --id 6").done().says(&["edited"]);
}

#[test]
fn neighbours_are_exported_as_the_authors_write_them() {
    let place = with_memory();
    place.vismem("export neighbors -k 5 -o out").done().says(&["exported 28 exemplars", "classes.json"]);
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap() };
    let classes: BTreeMap<String, u64> = serde_json::from_value(read("out/classes.json")).unwrap();
    let file = "out/memory-memory_msplit-all_query-memory_qsplit-all_unknown_full_neighbor_info.json";
    let neighborhoods = read(file);
    assert_eq!(neighborhoods.as_object().unwrap().len(), 28);
    let listed = place.vismem("ls --all --format json").done().json();
    for exemplar in listed["exemplars"].as_array().unwrap() {
        let source = exemplar["source"].as_str().unwrap();
        let found = &neighborhoods[source];
        assert_eq!((&found["image_id"], &found["featurizer"]), (&source.into(), &"unknown".into()));
        assert_eq!(found["image_class"].as_u64(), classes.get(exemplar["label"].as_str().unwrap()).copied());
        let ids = found["neighbor_image_ids"].as_array().unwrap();
        assert_eq!((ids.len(), ids.contains(&source.into())), (5, false), "an exemplar is its own neighbour");
    }
    // The neighbours are those that a decision without the exemplar has.
    place.write("one.npy", npy::rows(&npy::scattered(1)));
    let answer = place.vismem("classify one.npy -k 5 --without id=1 --format json").done().json();
    let first = &neighborhoods[listed["exemplars"][0]["source"].as_str().unwrap()];
    for (place, neighbor) in answer["results"][0]["neighbors"].as_array().unwrap().iter().enumerate() {
        assert_eq!(first["neighbor_image_ids"][place], neighbor["source"]);
        assert_eq!(first["neighbor_classes"][place], classes[neighbor["label"].as_str().unwrap()]);
        assert_eq!(first["neighbor_distances"][place].as_f64(), neighbor["distance"].as_f64());
    }
}

#[test]
fn a_table_for_spreadsheets_has_no_formulas_and_its_labels_come_back() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(4)));
    place.write("labels.txt", "=1+1|calc\n@sum\n-5\nplain\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    place.vismem("export catalog -o out --table spreadsheet").done();
    let text = std::fs::read_to_string(place.path("out/catalog.csv")).unwrap();
    let labels: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert!(text.starts_with("\u{feff}id,label,"), "{text}");
    assert_eq!(labels, ["'=1+1|calc", "'@sum", "'-5", "plain"]);
    let digest = || stats(&place, "memory.vismem")["digest"].clone();
    let before = digest();
    place.vismem("relabel --from out/catalog.csv").done();
    assert_eq!(digest(), before, "the labels are as they were");
    place.vismem("export catalog -o out --table csv").done();
    assert!(std::fs::read_to_string(place.path("out/catalog.csv")).unwrap().contains(",=1+1|calc,"));
}
