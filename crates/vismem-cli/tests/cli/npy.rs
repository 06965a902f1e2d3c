//! Writes `.npy` files by hand, wrong ones too.

/// A file with this header and these bytes of values.
pub fn raw(descr: &str, fortran_order: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran_order { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}");
    // Magic, version and length take 10 bytes; all of it is padded to a multiple of 64 and ends in a line break.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}

/// N × D values of f32.
pub fn rows<const D: usize>(rows: &[[f32; D]]) -> Vec<u8> {
    raw("<f4", false, &format!("{}, {D}", rows.len()), &bytes(rows.as_flattened()))
}

pub fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// `count` rows of 16 values that are all different, without a pattern.
pub fn scattered(count: usize) -> Vec<[f32; 16]> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| std::array::from_fn(|_| next())).collect()
}
