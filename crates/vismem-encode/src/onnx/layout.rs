//! Whether a model's input has its channels before or behind height and width, where its shape leaves that open.

use super::{Graph, Node, Outline};

/// Where the channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// N × channels × height × width.
    ChannelsFirst,
    /// N × height × width × channels.
    ChannelsLast,
}

impl Outline {
    /// Where the channels of an input are, by what the graph does first with it, else by the names of its axes. `None` where
    /// neither tells.
    pub(crate) fn layout(&self, input: &str) -> Option<Layout> {
        self.graph.layout(input, 0).or_else(|| {
            let symbols = &self.graph.inputs.iter().find(|known| known.name == input)?.symbols;
            let is_channels = |axis: usize| {
                let name = symbols.get(axis).map(|name| name.to_ascii_lowercase()).unwrap_or_default();
                name == "c" || name.contains("channel")
            };
            match (is_channels(1), is_channels(3)) {
                (true, false) => Some(Layout::ChannelsFirst),
                (false, true) => Some(Layout::ChannelsLast),
                _ => None,
            }
        })
    }
}

/// Nodes in a row that are looked through on the way to the first that tells.
const FURTHEST: usize = 16;

impl Graph {
    fn layout(&self, value: &str, passed: usize) -> Option<Layout> {
        if passed == FURTHEST {
            return None;
        }
        let users = self.nodes.iter().filter(|node| node.inputs.iter().any(|input| input == value));
        users.filter_map(|user| self.layout_of(user, value, passed)).next()
    }

    fn layout_of(&self, user: &Node, value: &str, passed: usize) -> Option<Layout> {
        match &*user.op {
            "Conv" => {
                let kernel = user.inputs.get(1)?;
                let dims = &self.tensors.iter().find(|tensor| tensor.name == *kernel)?.dims;
                (user.inputs.first()? == value && dims.get(1) == Some(&3)).then_some(Layout::ChannelsFirst)
            }
            "Transpose" => match user.attribute("perm")?.ints[..] {
                [0, 3, 1, 2] => Some(Layout::ChannelsLast),
                [0, 2, 3, 1] => Some(Layout::ChannelsFirst),
                _ => None,
            },
            // What leaves every value in its place.
            "Cast" | "Identity" | "Add" | "Sub" | "Mul" | "Div" | "QuantizeLinear" | "DequantizeLinear" | "Clip" => {
                self.layout(user.outputs.first()?, passed + 1)
            }
            _ => None,
        }
    }
}
