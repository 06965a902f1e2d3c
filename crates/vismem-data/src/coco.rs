//! JSON of COCO's kind, for classification: `images`, `annotations`, `categories`. iNaturalist's is one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use vismem::Taxonomy;

use crate::dataset::{Dataset, Reader};
use crate::error::{At, Field, ReadError};
use crate::picture::LabelledPicture;
use crate::request::Reading;
use crate::survey::About;
use crate::{Result, label};

#[derive(Deserialize)]
struct Document {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: Value,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: Value,
    category_id: Value,
}

#[derive(Deserialize)]
struct Category {
    id: Value,
    name: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// What is of interest where labels are not; files of test sets have no more.
#[derive(Deserialize)]
struct Images {
    images: Vec<Image>,
}

/// Opens such a file as a data set. A picture may have several annotations, but of one category, unless all are wanted.
pub(crate) fn open(file: &Path, json: &[u8], reader: &Reader<'_>) -> Result<Dataset> {
    reader.survey.apply(&[Field::Levels, Field::Images]);
    let folder = reader.folder_of_pictures(file);
    if !reader.wants_labels() {
        let Images { images } =
            serde_json::from_slice(json).map_err(ReadError::kind(file, "not JSON with images, as COCO has it"))?;
        if images.is_empty() {
            return Err(ReadError::nothing(file, "lists no pictures"));
        }
        let picture = |image: Image| LabelledPicture::file(folder.join(image.file_name), String::new());
        return Ok(Dataset::listed(images.into_iter().map(picture).collect(), Taxonomy::default()));
    }
    let what = "not JSON with images, annotations and categories, as COCO has them";
    let document: Document = serde_json::from_slice(json).map_err(ReadError::kind(file, what))?;
    let taxonomy = taxonomy(file, &document.categories, reader.reading)?;

    let mut categories = HashMap::new();
    let mut ids_of: HashMap<String, String> = HashMap::new();
    for category in &document.categories {
        let id = id(&category.id);
        let name = label::tidy(&category.name);
        if let Some(other) = ids_of.insert(name.clone(), id.clone())
            && other != id
            && !name.is_empty()
        {
            reader.survey.note(About::ClassesOfOneName, [name.clone()], Some(file));
        }
        if categories.insert(id, name).is_some() {
            return Err(ReadError::content(file, format!("two categories have the id {}", category.id)));
        }
    }
    let mut of_image: HashMap<String, BTreeSet<String>> = HashMap::new();
    for Annotation { image_id, category_id } in &document.annotations {
        let category = id(category_id);
        if !categories.contains_key(&category) {
            let what = format!("an annotation names the category {category_id}, which is not there");
            return Err(ReadError::content(file, what));
        }
        of_image.entry(id(image_id)).or_default().insert(category);
    }
    let (mut pictures, mut ids) = (Vec::with_capacity(document.images.len()), HashSet::new());
    for image in &document.images {
        let path = folder.join(&image.file_name);
        let id = id(&image.id);
        let labels = of_image.get(&id).into_iter().flatten().map(|category| categories[category].clone());
        // Categories of one name are one label.
        let labels: Vec<_> = labels.collect::<BTreeSet<_>>().into_iter().collect();
        if labels.iter().any(String::is_empty) {
            pictures.push(LabelledPicture::missing(path, format!("its category in {} has no name", file.display())));
        } else {
            pictures.extend(reader.labelled(&path, &labels, file));
        }
        if !ids.insert(id) {
            return Err(ReadError::content(file, format!("two images have the id {}", image.id)));
        }
    }
    if pictures.is_empty() {
        return Err(ReadError::nothing(file, "lists no pictures"));
    }
    Ok(Dataset::listed(pictures, taxonomy))
}

/// An id as text: some files have numbers in one place and the same numbers as text in another.
fn id(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The levels above the categories' names: the keys that the user names, else the supercategory where all have one.
fn taxonomy(file: &Path, categories: &[Category], reading: &Reading) -> Result<Taxonomy> {
    let text = |category: &Category, key: &str| {
        category.others.get(key).and_then(Value::as_str).map(label::tidy).filter(|text| !text.is_empty())
    };
    let mut levels = reading.levels.clone();
    if levels.is_empty() && categories.iter().all(|category| text(category, "supercategory").is_some()) {
        levels.push("supercategory".into());
    }
    let mut taxonomy = Taxonomy { levels, ..Taxonomy::default() };
    if taxonomy.levels.is_empty() {
        return Ok(taxonomy);
    }
    for category in categories {
        let name = label::tidy(&category.name);
        // What is of such a category fails as a picture.
        if name.is_empty() {
            continue;
        }
        let names = taxonomy.levels.iter().map(|level| {
            let missing = || ReadError::content(file, format!("the category {:?} has no {level}", category.name));
            text(category, level).ok_or_else(missing)
        });
        let names = names.collect::<Result<Vec<_>>>()?;
        taxonomy.insert(&name, &names).map_err(ReadError::taxonomy(file, At::Whole))?;
    }
    Ok(taxonomy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Wanted;
    use crate::request::Finding;

    const TEXT: &str = r#"{
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "c.jpg"}],
        "annotations": [{"image_id": 1, "category_id": 5}, {"image_id": 1, "category_id": 5},
            {"image_id": 2, "category_id": 5}, {"image_id": 2, "category_id": 6}],
        "categories": [{"id": 5, "name": "leopard", "supercategory": "cats", "kingdom": "animals"},
            {"id": 6, "name": "oak", "supercategory": "trees", "kingdom": "plants"}]
    }"#;

    fn read(text: &str, reading: &Reading) -> Result<Dataset> {
        read_with(text, reading, Wanted::OneLabel)
    }

    fn read_with(text: &str, reading: &Reading, wanted: Wanted) -> Result<Dataset> {
        let folder = tempfile::tempdir().unwrap();
        open(&folder.path().join("x.json"), text.as_bytes(), &Reader::new(reading, wanted)?)
    }

    #[test]
    fn a_picture_has_the_one_category_of_its_annotations() {
        let dataset = read(TEXT, &Reading::default()).unwrap();
        assert_eq!(dataset.taxonomies[0].levels, ["supercategory"]);
        assert_eq!(dataset.taxonomies[0].labels["oak"], ["trees"]);
        let pictures: Vec<_> = dataset.pictures.collect();
        assert_eq!((pictures[0].label.as_str(), &pictures[0].bytes), ("leopard", &None));
        assert!(pictures[0].path.ends_with("a.jpg"));
        let reason = |place: usize| pictures[place].bytes.clone().unwrap().unwrap_err().reason;
        assert!(reason(1).contains("has several labels"), "{}", reason(1));
        assert!(reason(2).contains("has no label"), "{}", reason(2));
    }

    #[test]
    fn as_ground_truth_a_picture_comes_with_each_of_its_categories() {
        let pictures = read_with(TEXT, &Reading::default(), Wanted::AllLabels).unwrap().pictures;
        let found: Vec<_> = pictures.take(3).map(|picture| (picture.path, picture.label)).collect();
        assert!(found[1].0.ends_with("b.jpg") && found[2].0.ends_with("b.jpg"));
        assert_eq!([&found[1].1, &found[2].1], ["leopard", "oak"]);
    }

    #[test]
    fn levels_are_keys_of_the_categories() {
        let levels = |levels: &[&str]| Reading {
            levels: levels.iter().map(|&level| level.to_owned()).collect(),
            finding: Finding { images: Some("/pictures".into()), ..Finding::default() },
            ..Reading::default()
        };
        let dataset = read(TEXT, &levels(&["supercategory", "kingdom"])).unwrap();
        assert_eq!(dataset.taxonomies[0].labels["leopard"], ["cats", "animals"]);
        assert_eq!(dataset.pictures.map(|picture| picture.path).next(), Some("/pictures/a.jpg".into()));
        let error = format!("{:#}", read(TEXT, &levels(&["phylum"])).err().unwrap());
        assert!(error.contains("\"leopard\" has no phylum"), "{error}");
        let error = format!(
            "{:#}",
            read(&TEXT.replace("\"category_id\": 6", "\"category_id\": 9"), &levels(&[])).err().unwrap()
        );
        assert!(error.contains("names the category 9"), "{error}");
    }
}
