//! Where values lie on an axis, and where its ticks are.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::{Axis, Scale, Unit};

/// An axis with its ends and ticks, for the plotting library.
#[derive(Debug, Clone)]
pub struct Ruler {
    kind: Kind,
    pub from: f64,
    pub to: f64,
    pub ticks: Vec<f64>,
    pub labels: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
    /// From the top down.
    Names,
}

/// Whether the ends of an axis are moved outwards to ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    AtTicks,
    AtData,
}

impl Axis {
    /// Whether a value has a place on the axis.
    pub fn has(&self, value: f64) -> bool {
        // Beyond these nothing was measured, and differences could overflow.
        match self.scale {
            Scale::Log => (1e-100..=1e100).contains(&value),
            _ => (-1e100..=1e100).contains(&value),
        }
    }

    /// The axis for these `values` with at most `most` ticks.
    pub fn ruler(&self, values: impl Iterator<Item = f64>, most: usize, ends: Ends) -> Ruler {
        if let Scale::Categories(names) = &self.scale {
            let ticks: Vec<f64> = (0..names.len()).map(|i| i as f64).collect();
            let labels = names.iter().map(|name| crate::format::text(name, "–")).collect();
            let to = names.len().max(1) as f64 - 0.5;
            return Ruler { kind: Kind::Names, from: -0.5, to, ticks, labels };
        }
        let values = values.chain(self.from).chain(self.to).filter(|value| self.has(*value));
        let (least, largest) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (least.min(v), most.max(v)));
        let log = self.scale == Scale::Log;
        let (least, largest) = match (least <= largest, log) {
            (true, _) => (least, largest),
            (false, false) => (0.0, 1.0),
            (false, true) => (1.0, 10.0),
        };
        let (from, to) = if log { widened_log(least, largest) } else { self.widened(least, largest) };
        let whole = self.unit == Unit::Count;
        let (from, to, ticks) = match (log, ends) {
            (false, Ends::AtTicks) => {
                let step = nice_step((to - from) / most.max(1) as f64, whole);
                let (first, last) = ((from / step + 1e-9).floor(), (to / step - 1e-9).ceil());
                (first * step, last * step, multiples(first, last, step))
            }
            (false, Ends::AtData) => (from, to, linear_ticks(from, to, most, whole)),
            (true, _) => (from, to, log_ticks(from, to, most)),
        };
        let labels = self.unit.ticks(&ticks);
        Ruler { kind: if log { Kind::Log } else { Kind::Linear }, from, to, ticks, labels }
    }

    /// Room around the data, within what the unit allows, and never of no length.
    fn widened(&self, least: f64, largest: f64) -> (f64, f64) {
        let span = largest - least;
        let room = if span > 0.0 { 0.02 * span } else { 0.05 * least.abs().max(0.1) };
        let (lowest, highest) = match self.unit {
            Unit::Share => (0f64.min(least), 1f64.max(largest)),
            Unit::Count => (0f64.min(least), f64::INFINITY),
            Unit::Number => (if least >= 0.0 { 0.0 } else { f64::NEG_INFINITY }, f64::INFINITY),
        };
        // An end that was asked for is as good as a tick.
        let (below, above) = (self.from != Some(least), self.to != Some(largest));
        let from = if below || span <= 0.0 { (least - room).max(lowest) } else { least };
        let to = if above || span <= 0.0 { (largest + room).min(highest) } else { largest };
        (from, to)
    }
}

fn widened_log(least: f64, largest: f64) -> (f64, f64) {
    let room = if largest > least { (largest / least).powf(0.03) } else { 2.0 };
    (least / room, largest * room)
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn nice_step(rough: f64, whole: bool) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough * (1.0 - 1e-9));
    let step = step.unwrap_or(10.0 * power);
    if whole { step.max(1.0) } else { step }
}

fn multiples(first: f64, last: f64, step: f64) -> Vec<f64> {
    (first as i64..=last as i64).map(|i| i as f64 * step).collect()
}

fn linear_ticks(from: f64, to: f64, most: usize, whole: bool) -> Vec<f64> {
    let step = nice_step((to - from) / most.max(1) as f64, whole);
    multiples((from / step - 1e-9).ceil(), (to / step + 1e-9).floor(), step)
}

/// Powers of ten, with multiples between them where there is room and no powers where there is none.
fn log_ticks(from: f64, to: f64, most: usize) -> Vec<f64> {
    let (first, last) = (from.log10().floor() as i32, to.log10().ceil() as i32);
    let at = |multiples: &[f64], every: i32| -> Vec<f64> {
        let powers = (first..=last).filter(|power| power.rem_euclid(every) == 0);
        let all = powers.flat_map(|power| multiples.iter().map(move |m| m * 10f64.powi(power)));
        all.filter(|tick| (from * (1.0 - 1e-9)..=to * (1.0 + 1e-9)).contains(tick)).collect()
    };
    // The finest that fits, which has its ticks at about equal distances; only where these are too few, others.
    let finer = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]];
    let ticks = finer.into_iter().map(|multiples| at(multiples, 1)).chain((1..40).map(|every| at(&[1.0], every)));
    let ticks = ticks.into_iter().find(|ticks| ticks.len() <= most.max(2)).unwrap_or_default();
    let denser = at(&[1.0, 2.0, 3.0, 5.0, 7.0], 1);
    let ticks = if ticks.len() < 3 && denser.len() <= most { denser } else { ticks };
    // Within a part of a decade: as on a linear axis.
    if ticks.len() < 2 { linear_ticks(from, to, most, false).into_iter().filter(|t| *t > 0.0).collect() } else { ticks }
}

impl Ruler {
    /// The share of the axis below `value`, 0..=1.
    pub fn share(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => (value - self.from) / (self.to - self.from),
            Kind::Log => (value / self.from).ln() / (self.to / self.from).ln(),
            Kind::Names => (self.to - value) / (self.to - self.from),
        }
    }
}

impl Ranged for Ruler {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        // Nothing lies far outside but what rounding takes there.
        start + (self.share(*value).clamp(-1.0, 2.0) * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // The mesh asks twice; without light lines the second answer would only repeat the first.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Ruler {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().position(|tick| tick == value);
        tick.map_or_else(String::new, |i| self.labels[i].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruler(axis: &Axis, values: &[f64], most: usize, ends: Ends) -> Ruler {
        axis.ruler(values.iter().copied(), most, ends)
    }

    #[test]
    fn linear_axes_end_at_round_numbers() {
        let axis = Axis::linear("accuracy", Unit::Share);
        let ruler = ruler(&axis, &[0.812, 0.836], 6, Ends::AtTicks);
        assert_eq!((ruler.from, ruler.to), (0.81, 0.84));
        assert_eq!(ruler.labels.first().unwrap(), "81.0\u{a0}%");
        assert_eq!(ruler.share(0.84), 1.0);
    }

    #[test]
    fn an_axis_ends_where_it_was_asked_to_unless_data_lie_beyond() {
        let axis = Axis::linear("AUROC", Unit::Number).reaching(0.0, 1.0);
        for ends in [Ends::AtTicks, Ends::AtData] {
            assert_eq!((ruler(&axis, &[0.2, 0.8], 6, ends).from, ruler(&axis, &[0.2, 0.8], 6, ends).to), (0.0, 1.0));
            assert!(ruler(&axis, &[1.3], 6, ends).to >= 1.3);
        }
    }

    #[test]
    fn shares_never_leave_their_range() {
        let axis = Axis::linear("accuracy", Unit::Share);
        let ruler = ruler(&axis, &[0.0, 1.0], 5, Ends::AtTicks);
        assert_eq!((ruler.from, ruler.to), (0.0, 1.0));
    }

    #[test]
    fn counts_have_whole_ticks() {
        let axis = Axis::linear("k", Unit::Count);
        assert!(ruler(&axis, &[1.0, 3.0], 10, Ends::AtData).ticks.iter().all(|tick| tick.fract() == 0.0));
    }

    #[test]
    fn log_axes_have_powers_of_ten_and_finer_ticks_where_there_is_room() {
        let axis = Axis::log("exemplars", Unit::Count);
        assert_eq!(ruler(&axis, &[1.0, 1000.0], 6, Ends::AtData).ticks, [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(ruler(&axis, &[1.0, 10.0], 6, Ends::AtData).ticks, [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(ruler(&axis, &[1.0, 1e12], 5, Ends::AtData).ticks, [1.0, 1e3, 1e6, 1e9, 1e12]);
        let error = Axis::log("error", Unit::Share);
        let half_a_decade = ruler(&error, &[0.07, 0.35], 6, Ends::AtData).ticks;
        let shown: Vec<f64> = half_a_decade.iter().map(|tick| (100.0 * tick).round()).collect();
        assert_eq!(shown, [7.0, 10.0, 20.0, 30.0]);
        let narrow = ruler(&error, &[0.21, 0.28], 6, Ends::AtData);
        assert!(narrow.ticks.len() >= 3, "{:?}", narrow.ticks);
        assert!((ruler(&axis, &[1.0, 100.0], 5, Ends::AtData).share(10.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn an_axis_without_usable_data_is_there_all_the_same() {
        for axis in [Axis::linear("", Unit::Number), Axis::log("", Unit::Count), Axis::linear("", Unit::Share)] {
            for values in [&[][..], &[f64::NAN], &[0.0], &[-3.0, -3.0], &[1e300, -1e300], &[f64::MIN_POSITIVE]] {
                for ends in [Ends::AtTicks, Ends::AtData] {
                    let ruler = ruler(&axis, values, 5, ends);
                    assert!(ruler.from < ruler.to, "{axis:?} {values:?}");
                    assert!(ruler.ticks.len() <= 12, "{axis:?} {values:?} {:?}", ruler.ticks);
                    assert_eq!(ruler.ticks.len(), ruler.labels.len());
                }
            }
        }
    }

    #[test]
    fn names_go_down() {
        let axis = Axis::categories("", vec!["first".into(), "last".into()]);
        let ruler = axis.ruler(std::iter::empty(), 5, Ends::AtTicks);
        assert!(ruler.share(0.0) > ruler.share(1.0));
    }
}
