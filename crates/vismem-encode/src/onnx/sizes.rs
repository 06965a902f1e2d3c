//! How large the tensors become that a graph makes. A file of some hundred bytes can ask for terabytes, and a runtime that
//! cannot get them ends the process.

use std::collections::HashMap;

use super::{FEW_VALUES, Graph, Input, Node, Outline, Tensor};

/// Values that what does not depend on the picture may take, together. Runtimes compute it while they load the model, and keep it.
const MOST_CONSTANT: u64 = 1 << 26;

/// Values of one tensor that depends on the picture, or is looked up in another.
const MOST_AT_ONCE: u64 = 1 << 30;

/// What is known of a tensor before it is computed.
#[derive(Debug, Clone, Default)]
struct Known {
    dims: Option<Vec<u64>>,
    /// Its values, where they are few.
    values: Option<Vec<f64>>,
    is_integer: bool,
    is_constant: bool,
}

impl Known {
    fn of(tensor: &Tensor) -> Self {
        let dims = tensor.dims.iter().map(|&dim| u64::try_from(dim).ok()).collect();
        Self { dims, values: tensor.values.clone(), is_integer: tensor.is_integer, is_constant: true }
    }

    fn integers(values: Vec<f64>) -> Self {
        Self { dims: Some(vec![values.len() as u64]), values: Some(values), is_integer: true, is_constant: true }
    }

    fn cast(&self, is_integer: bool) -> Self {
        let values = self.values.clone();
        let values = values.map(|values| values.into_iter().map(|v| if is_integer { v.trunc() } else { v }).collect());
        Self { values, is_integer, ..self.clone() }
    }

    /// How many values it has, at most `u64::MAX`.
    fn count(&self) -> Option<u64> {
        // A tensor with an empty axis is empty, however long the others are.
        let dims = self.dims.as_ref()?;
        Some(if dims.contains(&0) { 0 } else { dims.iter().fold(1, |count: u64, &dim| count.saturating_mul(dim)) })
    }

    /// Its values as lengths.
    fn as_dims(&self) -> Option<Vec<u64>> {
        // Negative numbers and NaN become 0, which the runtime then refuses.
        Some(self.values.as_ref()?.iter().map(|&value| value as u64).collect())
    }
}

impl Outline {
    /// Refuses a model that makes tensors of more values than any real one, from inputs of this shape.
    pub(crate) fn check_sizes(&self, shape: [usize; 4]) -> Result<(), String> {
        let dims = Some(shape.map(|dim| dim as u64).to_vec());
        let known = |input: &Input| (input.name.clone(), Known { dims: dims.clone(), ..Known::default() });
        let mut known = self.graph.inputs.iter().map(known).collect();
        self.graph.check_sizes(&mut known, &mut 0)
    }
}

impl Graph {
    fn check_sizes(&self, known: &mut HashMap<String, Known>, constant: &mut u64) -> Result<(), String> {
        known.extend(self.tensors.iter().map(|tensor| (tensor.name.clone(), Known::of(tensor))));
        // Nodes stand in an order in which each has its inputs.
        for node in &self.nodes {
            for graph in node.attributes.iter().flat_map(|attribute| &attribute.graphs) {
                graph.check_sizes(known, constant)?;
            }
            let empty = Known { is_constant: true, ..Known::default() };
            let inputs: Vec<&Known> = node.inputs.iter().map(|name| known.get(name).unwrap_or(&empty)).collect();
            let is_constant = inputs.iter().all(|input| input.is_constant)
                && node.inputs.iter().all(|name| name.is_empty() || known.contains_key(name));
            let Some(output) = node.outputs.first() else { continue };
            let made = Known { is_constant, ..node.make(&inputs).unwrap_or_default() };
            if let Some(count) = made.count().filter(|_| node.op != "Constant") {
                // Weights in another order or type are as many as the file has.
                let given = inputs.iter().filter_map(|input| input.count()).fold(0, u64::saturating_add);
                // Tables that are looked up for each pair of patches are many in models for large pictures.
                if is_constant && node.op != "Gather" {
                    *constant = constant.saturating_add(count.saturating_sub(given));
                }
                if *constant > MOST_CONSTANT || (count > MOST_AT_ONCE && (!is_constant || node.op == "Gather")) {
                    return Err(format!("its {} {output:?} would make a tensor of {count} values", node.op));
                }
            }
            known.insert(output.clone(), made);
        }
        Ok(())
    }
}

impl Node {
    fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.ints.first().copied()).unwrap_or(default)
    }

    /// What is known of the first output, where anything is. See https://onnx.ai/onnx/operators/ for each.
    fn make(&self, inputs: &[&Known]) -> Option<Known> {
        let first = || inputs.first().copied();
        let second = || inputs.get(1).copied();
        let shaped = |dims| Some(Known { dims: Some(dims), ..Known::default() });
        match &*self.op {
            "Constant" => self.constant(),
            "ConstantOfShape" => shaped(first()?.as_dims()?),
            "Identity" => first().cloned(),
            "Cast" => Some(first()?.cast(matches!(self.int("to", 0), 6 | 7))),
            "Neg" | "Abs" | "Relu" | "Sigmoid" | "Tanh" | "Sqrt" | "Exp" | "Log" | "Erf" | "Softmax" | "Gelu"
            | "Clip" | "LayerNormalization" | "BatchNormalization" | "Floor" | "Ceil" | "Not" | "Dropout" => {
                shaped(first()?.dims.clone()?)
            }
            "Shape" => Some(Known::integers(first()?.dims.as_ref()?.iter().map(|&dim| dim as f64).collect())),
            "Size" => Some(scalar(first()?.count()? as f64)),
            "Expand" => shaped(broadcast(first()?.dims.as_ref()?, &second()?.as_dims()?)),
            "Tile" => {
                let (dims, repeats) = (first()?.dims.as_ref()?, second()?.as_dims()?);
                shaped(dims.iter().zip(repeats).map(|(dim, repeats)| dim.saturating_mul(repeats)).collect())
            }
            "Range" => {
                let number = |index: usize| inputs.get(index)?.values.as_ref()?.first().copied();
                let steps = ((number(1)? - number(0)?) / number(2)?).ceil();
                shaped(vec![steps.max(0.0) as u64])
            }
            "OneHot" => {
                let mut dims = first()?.dims.clone()?;
                dims.push(second()?.as_dims()?.first().copied()?);
                shaped(dims)
            }
            "Pad" => self.pad(first()?, second()),
            "Resize" | "Upsample" => resize(first()?, &inputs[1..]),
            "RandomNormal" | "RandomUniform" => {
                shaped(self.attribute("shape")?.ints.iter().map(|&dim| u64::try_from(dim).unwrap_or(0)).collect())
            }
            "Add" | "Sub" | "Mul" | "Div" => {
                let (a, b) = (first()?, second()?);
                let values = elementwise(&self.op, a, b);
                let dims = Some(broadcast(a.dims.as_ref()?, b.dims.as_ref()?));
                Some(Known { dims, values, is_integer: a.is_integer, is_constant: true })
            }
            "Pow" | "And" | "Or" | "Xor" | "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "Mod"
            | "PRelu" | "Min" | "Max" | "Sum" | "Mean" | "Where" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor"
            | "BitShift" => {
                let dims: Option<Vec<_>> = inputs.iter().map(|input| input.dims.clone()).collect();
                shaped(dims?.into_iter().reduce(|a, b| broadcast(&a, &b))?)
            }
            "MatMul" => matrix_product(first()?.dims.as_ref()?, second()?.dims.as_ref()?).and_then(shaped),
            "Transpose" => {
                let dims = first()?.dims.clone()?;
                match self.attribute("perm") {
                    Some(perm) => {
                        let dim = |&axis: &i64| dims.get(usize::try_from(axis).ok()?).copied();
                        shaped(perm.ints.iter().map(dim).collect::<Option<_>>()?)
                    }
                    None => shaped(dims.into_iter().rev().collect()),
                }
            }
            "Reshape" => self.reshape(first()?, second()?),
            "Squeeze" | "Unsqueeze" | "Flatten" => {
                let input = first()?;
                // A list keeps its values, as a list.
                let Some(values) = &input.values else { return shaped(self.reframed(input, second())?) };
                let is_one = self.op == "Squeeze" && values.len() == 1;
                Some(Known { dims: Some(if is_one { Vec::new() } else { vec![values.len() as u64] }), ..input.clone() })
            }
            "Gemm" => {
                let side = |matrix: &Known, outer: usize, transposed: &str| {
                    let axis = if self.int(transposed, 0) == 0 { outer } else { 1 - outer };
                    matrix.dims.as_ref()?.get(axis).copied()
                };
                shaped(vec![side(first()?, 0, "transA")?, side(second()?, 1, "transB")?])
            }
            "Concat" => self.concat(inputs),
            "Gather" => gather(first()?, second()?).or_else(|| shaped(self.gathered(first()?, second()?)?)),
            "ReduceProd" => Some(scalar(first()?.values.as_ref()?.iter().product())),
            _ => None,
        }
    }

    fn constant(&self) -> Option<Known> {
        let attribute = self.attributes.first()?;
        let numbers =
            || attribute.ints.iter().map(|&i| i as f64).chain(attribute.floats.iter().copied().map(f64::from));
        match &*attribute.name {
            "value" => attribute.tensors.first().map(Known::of),
            "value_int" | "value_float" => numbers().next().map(scalar),
            "value_ints" | "value_floats" => Some(Known::integers(numbers().collect())),
            _ => None,
        }
    }

    fn pad(&self, input: &Known, pads: Option<&Known>) -> Option<Known> {
        let dims = input.dims.as_ref()?;
        let pads: Vec<f64> = match self.attribute("pads") {
            Some(pads) => pads.ints.iter().map(|&pad| pad as f64).collect(),
            None => pads?.values.clone()?,
        };
        let padded =
            |(axis, &dim): (usize, &u64)| Some((dim as f64 + pads.get(axis)? + pads.get(axis + dims.len())?) as u64);
        let dims = dims.iter().enumerate().map(padded).collect::<Option<_>>()?;
        Some(Known { dims: Some(dims), ..Known::default() })
    }

    fn reshape(&self, input: &Known, shape: &Known) -> Option<Known> {
        let (count, wanted) = (input.count()?, shape.values.as_ref()?);
        let from = input.dims.as_ref()?;
        let keeps_zeros = self.int("allowzero", 0) == 0;
        let fixed: Vec<Option<u64>> = wanted
            .iter()
            .enumerate()
            .map(|(axis, &dim)| match dim {
                -1.0 => None,
                0.0 if keeps_zeros => from.get(axis).copied(),
                dim => Some(dim as u64),
            })
            .collect();
        let others = fixed.iter().flatten().fold(1, |product: u64, &dim| product.saturating_mul(dim)).max(1);
        let dims = fixed.into_iter().map(|dim| dim.unwrap_or(count / others)).collect();
        Some(Known { dims: Some(dims), ..input.clone() })
    }

    /// The shape with axes of length 1 taken out or put in, or of two axes.
    fn reframed(&self, input: &Known, axes: Option<&Known>) -> Option<Vec<u64>> {
        let mut dims = input.dims.clone()?;
        if self.op == "Flatten" {
            let (outer, inner) = dims.split_at_checked(axis_of(self.int("axis", 1), dims.len())?)?;
            let product = |dims: &[u64]| dims.iter().fold(1, |product: u64, &dim| product.saturating_mul(dim));
            return Some(vec![product(outer), product(inner)]);
        }
        let axes = match (self.attribute("axes"), axes) {
            (Some(axes), _) => axes.ints.clone(),
            (None, Some(axes)) => axes.values.as_ref()?.iter().map(|&axis| axis as i64).collect(),
            (None, None) => return Some(dims.into_iter().filter(|&dim| dim != 1).collect()),
        };
        let rank = dims.len() + if self.op == "Unsqueeze" { axes.len() } else { 0 };
        let mut axes = axes.into_iter().map(|axis| axis_of(axis, rank)).collect::<Option<Vec<_>>>()?;
        axes.sort_unstable();
        if self.op == "Squeeze" {
            axes.into_iter().rev().try_for_each(|axis| (axis < dims.len()).then(|| _ = dims.remove(axis)))?;
        } else {
            axes.into_iter().try_for_each(|axis| (axis <= dims.len()).then(|| dims.insert(axis, 1)))?;
        }
        Some(dims)
    }

    fn gathered(&self, input: &Known, indices: &Known) -> Option<Vec<u64>> {
        let mut dims = input.dims.clone()?;
        let axis = axis_of(self.int("axis", 0), dims.len()).filter(|&axis| axis < dims.len())?;
        dims.splice(axis..=axis, indices.dims.clone()?);
        Some(dims)
    }

    fn concat(&self, inputs: &[&Known]) -> Option<Known> {
        let values: Option<Vec<f64>> = inputs
            .iter()
            .map(|input| input.values.clone())
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat())
            .filter(|values| {
                values.len() <= FEW_VALUES && inputs.iter().all(|i| i.dims.as_ref().is_some_and(|d| d.len() == 1))
            });
        if let Some(values) = values {
            return Some(Known { is_integer: inputs[0].is_integer, ..Known::integers(values) });
        }
        let mut dims = inputs.first()?.dims.clone()?;
        let axis = axis_of(self.int("axis", 0), dims.len())?;
        let lengths = inputs.iter().map(|input| input.dims.as_ref()?.get(axis).copied());
        *dims.get_mut(axis)? = lengths.sum::<Option<u64>>()?;
        Some(Known { dims: Some(dims), ..Known::default() })
    }
}

/// An axis, which may be counted from behind.
fn axis_of(axis: i64, rank: usize) -> Option<usize> {
    usize::try_from(if axis < 0 { axis.checked_add(i64::try_from(rank).ok()?)? } else { axis }).ok()
}

fn scalar(value: f64) -> Known {
    Known { dims: Some(Vec::new()), values: Some(vec![value]), is_integer: value.fract() == 0.0, is_constant: true }
}

/// An element of a list, or some of them.
fn gather(input: &Known, indices: &Known) -> Option<Known> {
    let (values, indices_of) = (input.values.as_ref()?, indices.values.as_ref()?);
    let at = |&index: &f64| {
        let index = if index < 0.0 { index + values.len() as f64 } else { index };
        values.get(index as usize).copied()
    };
    let gathered: Vec<f64> = indices_of.iter().map(at).collect::<Option<_>>()?;
    match indices.dims.as_ref()?.is_empty() {
        true => Some(Known { is_integer: input.is_integer, ..scalar(*gathered.first()?) }),
        false => Some(Known { is_integer: input.is_integer, ..Known::integers(gathered) }),
    }
}

/// By sizes, which come last, or scales.
fn resize(input: &Known, how: &[&Known]) -> Option<Known> {
    let dims = input.dims.as_ref()?;
    let fits = |known: &&&Known| known.values.as_ref().is_some_and(|values| values.len() == dims.len());
    let by = how.iter().rev().find(fits)?;
    let values = by.values.as_ref()?;
    let is_sizes = how.len() == 3 && std::ptr::eq(*by, how[2]);
    let resized = |(&dim, &value): (&u64, &f64)| if is_sizes { value as u64 } else { (dim as f64 * value) as u64 };
    Some(Known { dims: Some(dims.iter().zip(values).map(resized).collect()), ..Known::default() })
}

/// Element by element, where both are few values.
fn elementwise(op: &str, a: &Known, b: &Known) -> Option<Vec<f64>> {
    let is_integer = a.is_integer;
    let (a, b) = (a.values.as_ref()?, b.values.as_ref()?);
    let len = a.len().max(b.len());
    let compute = |a: f64, b: f64| match op {
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        _ if is_integer => (a / b).trunc(),
        _ => a / b,
    };
    let at = |values: &[f64], index: usize| values.get(if values.len() == 1 { 0 } else { index }).copied();
    (0..len).map(|index| Some(compute(at(a, index)?, at(b, index)?))).collect()
}

/// The shape that both are stretched to: https://onnx.ai/onnx/repo-docs/Broadcasting.html
fn broadcast(a: &[u64], b: &[u64]) -> Vec<u64> {
    let rank = a.len().max(b.len());
    let at = |dims: &[u64], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (1, b) => b,
            (a, 1) => a,
            (a, b) => a.min(b),
        })
        .collect()
}

fn matrix_product(a: &[u64], b: &[u64]) -> Option<Vec<u64>> {
    match (a, b) {
        ([], _) | (_, []) => None,
        ([_], [_]) => Some(Vec::new()),
        ([rest @ .., _], [_]) => Some(rest.to_vec()),
        ([_], [outer @ .., _, columns]) => Some([outer, &[*columns]].concat()),
        ([a @ .., rows, _], [b @ .., _, columns]) => Some([&broadcast(a, b)[..], &[*rows, *columns]].concat()),
    }
}
