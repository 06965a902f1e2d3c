use super::documented;
use crate::common::Place;
use crate::npy;

fn with_memory() -> Place {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0]]));
    place.vismem("add rows.npy --label x").done();
    place
}

#[test]
fn k_out_of_range() {
    let exit = documented("k_out_of_range");
    let place = with_memory();
    for k in ["0", "10001"] {
        let words = [&format!("k = {k} is out of range"), "1 to 10000"];
        place.vismem_with(["classify", "rows.npy", "-k", k]).refused(exit, &words);
    }
    for k in ["-1", "many", "2.5", "99999999999999999999"] {
        assert_eq!(place.vismem_with(["classify", "rows.npy", "-k", k]).misused(&[k, "-k"]).code, exit);
    }
    place.vismem("classify rows.npy --vote rank -k 10000").done();
    // Kernel voting compares every neighbour with every other one.
    for question in ["classify rows.npy -k 2001", "classify rows.npy --vote kernel -k 10000"] {
        place.vismem(question).refused(exit, &["k = ", "must be within 1..=2000 for kernel voting"]);
    }
    place.vismem("classify rows.npy -k 2000").done();
}

#[test]
fn parameter_out_of_range() {
    let exit = documented("parameter_out_of_range");
    let place = with_memory();
    for (vote, value, words) in [
        ("rank", "0", "α = 0 is out of range"),
        ("rank", "1e-310", "α"),
        ("rank", "-2", "α = -2 is out of range"),
        ("distance", "-1", "ξ = -1 is out of range"),
        ("distance", "inf", "ξ = inf is out of range"),
        ("softmax", "0.001", "τ = 0.001 is out of range: must be at least 0.002"),
        ("softmax", "NaN", "τ = NaN is out of range"),
        ("plurality", "1", "plurality voting has no --parameter"),
    ] {
        let args = ["classify", "rows.npy", "--vote", vote, "--parameter", value];
        place.vismem_with(args).refused(exit, &[words]);
    }
    let run = place.vismem("classify rows.npy --parameter much").misused(&["much", "--parameter"]);
    assert_eq!(run.code, exit);
    place.vismem("classify rows.npy --vote majority").misused(&["majority", "plurality"]);
}

#[test]
fn coverage_out_of_range() {
    let exit = documented("coverage_out_of_range");
    let place = with_memory();
    for share in ["-0.1", "1.5", "NaN"] {
        let args = ["classify", "rows.npy", "--coverage", share];
        place.vismem_with(args).refused(exit, &["--coverage must be within 0 to 1"]);
    }
}

#[test]
fn coverage_without_a_calibration() {
    let exit = documented("coverage_without_a_calibration");
    let place = with_memory();
    let words = ["20 exemplars must have another one of the same label", "`vismem tune`"];
    place.vismem("classify rows.npy --coverage 0.9").refused(exit, &words);
    let more: Vec<[f32; 2]> = (1..31).map(|n| [1.0, 0.1 * n as f32]).collect();
    place.write("more.npy", npy::rows(&more));
    place.vismem("add more.npy --label y").done();
    for command in ["classify rows.npy --coverage 0.9", "explain rows.npy#0 --coverage 1"] {
        place.vismem(command).refused(exit, &["the memory is not calibrated", "run `vismem tune` first"]);
    }
}

#[test]
fn extreme_parameters_that_are_allowed() {
    let exit = documented("extreme_parameters_that_are_allowed");
    let place = with_memory();
    for (vote, value) in [("rank", "1e-9"), ("rank", "1e308"), ("distance", "100"), ("softmax", "0.002")] {
        let args = ["classify", "rows.npy", "--vote", vote, "--parameter", value, "--format", "json"];
        let run = place.vismem_with(args).done();
        assert_eq!(run.code, exit);
        let confidence = run.json()["results"][0]["confidence"].as_f64();
        assert_eq!(confidence, Some(1.0), "{vote} {value}");
        assert!(!run.stdout.contains("\"weight\":null"), "{vote} {value}: {}", run.stdout);
    }
}

#[test]
fn unknown_level() {
    let exit = documented("unknown_level");
    let place = with_memory();
    let words = ["there is no level \"genus\"; the memory has none"];
    place.vismem("classify rows.npy --level genus").refused(exit, &words);
    place.vismem("explain gone.png --level genus").refused(exit, &words);
}

#[test]
fn unknown_label() {
    let exit = documented("unknown_label");
    let place = with_memory();
    place.vismem("ls y").refused(exit, &["memory.vismem: has no label \"y\"", "`vismem ls` lists what it holds"]);
    place.vismem("ls x y").refused(exit, &["has no label \"y\""]);
    place.vismem("relabel --label x --to zebra").done();
    place.vismem("ls zbera").refused(exit, &["has no label \"zbera\"; did you mean \"zebra\"?"]);
}

#[test]
fn selection_of_what_is_not_there() {
    let exit = documented("selection_of_what_is_not_there");
    let place = with_memory();
    for (selection, words) in [
        ("--label y", "memory.vismem: has no label \"y\""),
        ("--label x --label y", "has no label \"y\""),
        ("--id 1,7", "has no exemplar 7"),
        ("--batch 2", "has no batch 2"),
        ("--like gone.npy --distance 0.1", "gone.npy"),
    ] {
        place.vismem(&format!("ls {selection}")).refused(exit, &[words]);
    }
    place.vismem("ls --source gone/*").incomplete(&["nothing fits the selection"]);
    for change in ["relabel --source gone --to z", "split x --into z --source gone"] {
        place.vismem(change).refused(exit, &["no exemplar fits the selection, nothing was changed"]);
    }
}

#[test]
fn selection_that_cannot_be_meant() {
    let exit = documented("selection_that_cannot_be_meant");
    let place = with_memory();
    for distance in ["-1", "2.5", "NaN"] {
        let words = [&format!("--distance {distance} is out of range"), "within 0 to 2"];
        place.vismem(&format!("ls --like rows.npy --distance {distance}")).refused(exit, &words);
    }
    assert_eq!(place.vismem("ls --like rows.npy").misused(&["--distance"]).code, exit);
    place.vismem("ls --distance 0.1").misused(&["--like"]);
    place.vismem("ls --id one").misused(&["--id", "one"]);
    place.vismem("ls --all --label x").misused(&["--all", "cannot be used with"]);
    place.vismem_with(["ls", "--source", ""]).misused(&["--source"]);
}

#[test]
fn empty_label_option() {
    let exit = documented("empty_label_option");
    let place = with_memory();
    assert_eq!(place.vismem_with(["add", "rows.npy", "--label", ""]).misused(&["--label"]).code, exit);
}

#[test]
fn options_that_exclude_each_other() {
    let exit = documented("options_that_exclude_each_other");
    let place = with_memory();
    let run = place.vismem("add rows.npy --label x --labels y.txt").misused(&["--label", "cannot be used with"]);
    assert_eq!(run.code, exit);
    place.vismem("ls x --all").misused(&["--all", "cannot be used with"]);
    place.vismem("add").misused(&["PATH"]);
    place.vismem("add rows.npy --label x --commit-every 0").misused(&["--commit-every", "1..=1000000"]);
    place.vismem("classify rows.npy --max-megapixels 0").misused(&["--max-megapixels"]);
    place.vismem("forgive x").misused(&["forgive"]);
}

#[test]
fn unknown_encoder() {
    let exit = documented("unknown_encoder");
    let place = Place::new();
    place.write("learn/x/1.png", "never read");
    place
        .vismem("add learn --encoder nowhere")
        .refused(exit, &["--encoder nowhere", "check that the path is right", "`vismem model list`"]);
}

#[test]
fn pruning_out_of_range() {
    let exit = documented("pruning_out_of_range");
    let place = with_memory();
    for (args, words) in [
        ("hard --threshold 0", "threshold = 0 is out of range: must be at least 1 wrong vote"),
        ("hard --threshold 0%", "threshold = 0 is out of range: must be more than 0 %"),
        ("hard --threshold 101%", "threshold = 101 is out of range"),
        ("hard --threshold nan%", "threshold = NaN is out of range"),
        ("soft --c -1", "c = -1 is out of range"),
        ("soft --d 0", "d = 0 is out of range"),
        ("soft --page worst.png", "worst.png: the page is written as .html"),
    ] {
        place.vismem(&format!("prune {args}")).refused(exit, &[words]);
    }
    for (args, word) in [
        ("hard", "--threshold"),
        ("hard --threshold many", "neither a number of wrong votes, such as 128, nor a share, such as 30%"),
        ("hard --threshold -3", "-3"),
        ("hard --threshold 3 --neighbors 0", "1..=10000"),
        ("soft --neighbors 10001", "1..=10000"),
        ("", "suggest"),
    ] {
        let run = place.vismem(&format!("prune {args}"));
        assert_eq!(run.code, exit, "{run:?}");
        run.says(&[word]);
    }
    place.vismem("prune show").done().says(&["pruning off"]);
}

#[test]
fn pruning_without_others() {
    let exit = documented("pruning_without_others");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0]]));
    place.vismem("add rows.npy --label x").done();
    place.vismem("prune suggest").refused(exit, &["memory.vismem: holds fewer than two exemplars", "add some"]);
    place.vismem("prune hard --threshold 1").done().says(&["0 of 1 exemplar hidden"]);
}

#[test]
fn tuning_options_that_cannot_be_meant() {
    let exit = documented("tuning_options_that_cannot_be_meant");
    let place = with_memory();
    for args in
        ["--sample 0", "--sample -1", "--sample many", "--sample 99999999999", "--sample 3 off", "--dry-run off", "on"]
    {
        assert_eq!(place.vismem(&format!("tune {args}")).misused(&["--help"]).code, exit);
    }
    assert_eq!(place.vismem("log").done().stdout.lines().count(), 1);
}

#[test]
fn tuning_without_others() {
    let exit = documented("tuning_without_others");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0]]));
    place.write("labels.txt", "x\ny\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    place.vismem("tune").refused(exit, &["each label has one exemplar", "no setting can be judged"]);
    place.vismem("forget --id 1,2").done();
    for args in ["tune", "tune --dry-run"] {
        place.vismem(args).refused(exit, &["memory.vismem: ", "add some"]);
    }
    place.vismem("-m nowhere tune").refused(exit, &["nowhere"]);
    place.vismem("-m nowhere tune off").refused(exit, &["nowhere"]);
}

#[test]
fn confidence_out_of_range() {
    let exit = documented("confidence_out_of_range");
    let place = with_memory();
    for value in ["-0.1", "1.1", "NaN"] {
        let args = ["classify", "rows.npy", "--min-confidence", value];
        place.vismem_with(args).refused(exit, &["--min-confidence must be within 0 to 1"]);
    }
}

#[test]
fn what_if_that_cannot_be_asked() {
    let exit = documented("what_if_that_cannot_be_asked");
    let place = with_memory();
    for (args, word) in [
        ("--without tench", "\"tench\" names no exemplars; say one of: id=3,5 label=LABEL"),
        ("--without colour=red", "names no exemplars"),
        ("--only label=", "names no exemplars"),
        ("--only id=1,many", "\"many\" is not a number"),
        ("--without like=a.npy", "say like=FILE,DISTANCE"),
        ("--without like=a.npy,3", "is not a distance within 0 to 2"),
        ("--weights x", "say LABEL=FACTOR"),
        ("--weights x=-1", "is not a factor within 0 to 1e6"),
        ("--weights x=nan", "is not a factor within 0 to 1e6"),
        ("--changed", "--without"),
    ] {
        assert_eq!(place.vismem(&format!("classify rows.npy {args}")).misused(&[word]).code, exit, "{args}");
    }
}

#[test]
fn what_if_of_what_is_not_there() {
    let exit = documented("what_if_of_what_is_not_there");
    let place = with_memory();
    for (args, word) in [
        ("--without label=y", "has no label \"y\""),
        ("--only id=9", "has no exemplar 9"),
        ("--without batch=7", "has no batch 7"),
        ("--weights y=2", "has no label \"y\""),
    ] {
        place.vismem(&format!("classify rows.npy {args}")).refused(exit, &["memory.vismem", word]);
    }
    let run = place.vismem("classify rows.npy --without source=nowhere/*");
    assert_eq!(run.code, 0, "a pattern may fit nothing");
    run.says(&["note: --without fits no exemplar"]);
}

#[test]
fn what_if_that_leaves_nothing() {
    let exit = documented("what_if_that_leaves_nothing");
    let place = with_memory();
    let words = ["memory.vismem: nothing is left to decide by; leave out less"];
    place.vismem("classify rows.npy --without label=x").refused(exit, &words);
    place.vismem("explain gone.png --only id=1 --without id=1").refused(exit, &words);
}

#[test]
fn recall_out_of_range() {
    let exit = documented("recall_out_of_range");
    let place = with_memory();
    for recall in ["0.4", "1.1", "-1", "NaN"] {
        let words = [&format!("recall = {recall} is out of range"), "0.5..=1"];
        place.vismem_with(["classify", "rows.npy", "--recall", recall]).refused(exit, &words);
        place.vismem_with(["bench", "--recall", recall]).refused(exit, &words);
    }
    let contradiction = "classify rows.npy --search exact --recall 0.9";
    place.vismem(contradiction).refused(exit, &["an exact search has a recall of 1"]);
    place.vismem("classify rows.npy --search exact --recall 1").done();
}

#[test]
fn bench_of_nothing() {
    let exit = documented("bench_of_nothing");
    let place = with_memory();
    place.write("wide.npy", npy::rows(&[[1.0, 0.0, 0.0]]));
    place.vismem("bench --queries wide.npy").refused(exit, &["wide.npy", "3 values", "have 2"]);
    place.write("nan.npy", npy::rows(&[[f32::NAN, 0.0]]));
    place.vismem("bench --queries nan.npy").refused(exit, &["nan.npy#0", "NaN"]);
    place.vismem("bench --queries none.npy").refused(exit, &["none.npy"]);
}

#[test]
fn since_what_was_never_added() {
    let exit = documented("since_what_was_never_added");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(3)));
    place.vismem("add rows.npy --label x").done();
    place
        .vismem("stats --since 2")
        .refused(exit, &["has no batch 2", "`vismem ls --all --format json` says the batch"]);
    place.vismem("stats --since 1").refused(exit, &["fewer than two of its exemplars before batch 1", "a later batch"]);
    place.vismem("stats --since yesterday").misused(&["neither the number of a batch nor last"]);
    place.vismem("stats -k 5").misused(&["--since"]);
    place.vismem("stats --vote plurality").misused(&["--since"]);
    place.vismem("stats --since 1 -k 0").refused(2, &["ask for 1 to 10000"]);
}

#[test]
fn condition_that_cannot_be_read() {
    let exit = documented("condition_that_cannot_be_read");
    let place = with_memory();
    for (condition, words) in [
        ("", ["at character 1", "the name of an attribute"]),
        ("camera = north", ["at character 10", "text in single quotes"]),
        ("(id = 1", ["a closing parenthesis", "the end"]),
        ("id = 1; DROP TABLE exemplars", ["at character 7", ";"]),
    ] {
        assert_eq!(place.vismem_with(["ls", "--where", condition]).misused(&words).code, exit);
        assert_eq!(place.vismem_with(["classify", "rows.npy", "--where", condition]).misused(&words).code, exit);
    }
    let deep = format!("{}id = 1{}", "(".repeat(9_000), ")".repeat(9_000));
    assert_eq!(place.vismem_with(["ls", "--where", &deep]).misused(&["nested more than 50"]).code, exit);
    let run = place.vismem_with(["classify", "rows.npy", "--only", "where=id"]).misused(&["a comparison"]);
    assert_eq!(run.code, exit);
}

#[test]
fn condition_on_what_is_not_there() {
    let exit = documented("condition_on_what_is_not_there");
    let place = with_memory();
    for (condition, words) in [
        ("camera = 'north'", ["there is no attribute \"camera\"", "id, label, source and batch"]),
        ("lable = 'x'", ["there is no attribute \"lable\"", "did you mean \"label\"?"]),
        ("id = 'x'", ["id is a number", "write a number, without quotes"]),
        ("batch like '1'", ["batch is a number", "a pattern fits text alone"]),
    ] {
        place.vismem_with(["ls", "--where", condition]).refused(exit, &words);
        place.vismem_with(["classify", "rows.npy", "--where", condition]).refused(exit, &words);
        place.vismem_with(["eval", "reliability", "--where", condition]).refused(exit, &words);
    }
}
