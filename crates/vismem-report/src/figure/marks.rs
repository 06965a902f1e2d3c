//! The shapes of points. Series differ in shape as well as in colour.

/// Corners of a mark around its centre, in units; `None` is a circle.
pub fn corners(place: usize, radius: i32) -> Option<Vec<(i32, i32)>> {
    let r = radius;
    let square = r * 9 / 10;
    match place % 6 {
        0 => None,
        1 => Some(vec![(-square, -square), (square, -square), (square, square), (-square, square)]),
        2 => Some(vec![(0, -r * 12 / 10), (r * 11 / 10, r * 8 / 10), (-r * 11 / 10, r * 8 / 10)]),
        3 => Some(vec![(0, -r * 13 / 10), (r * 13 / 10, 0), (0, r * 13 / 10), (-r * 13 / 10, 0)]),
        4 => Some(vec![(0, r * 12 / 10), (r * 11 / 10, -r * 8 / 10), (-r * 11 / 10, -r * 8 / 10)]),
        _ => {
            let (a, b) = (r * 4 / 10, r * 12 / 10);
            let cross = [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a)];
            Some(cross.into_iter().chain([(-b, -a), (-a, -a)]).collect())
        }
    }
}

/// Which of `n` points of a line carry a mark: all of a few, some of many, always the first and the last.
pub fn marked(n: usize) -> impl Fn(usize) -> bool {
    const ALL: usize = 16;
    const SOME: usize = 9;
    move |i| n <= ALL || i == n - 1 || (i * SOME) % (n - 1) < SOME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_has_few_marks_with_both_ends() {
        let marked = marked(100);
        let places: Vec<usize> = (0..100).filter(|i| marked(*i)).collect();
        assert_eq!((places.first(), places.last()), (Some(&0), Some(&99)));
        assert!((8..=11).contains(&places.len()), "{places:?}");
    }
}
