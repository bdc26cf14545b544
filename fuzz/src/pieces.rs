use bytes::Bytes;

/// The input, and a number that decides what is not in it: the last byte.
pub fn input(data: &[u8]) -> (&[u8], u8) {
    data.split_last().map_or((&[], 0), |(last, rest)| (rest, *last))
}

/// The bytes in pieces of 1 to 64 bytes, cut as `seed` says; 0 does not cut.
pub fn pieces(data: &[u8], seed: u8) -> Vec<Bytes> {
    let mut state = u32::from(seed);
    let mut rest = Bytes::copy_from_slice(data);
    let mut pieces = Vec::new();
    while seed > 0 && !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (state >> 26) as usize;
        pieces.push(rest.split_to(length.min(rest.len())));
    }
    pieces.push(rest);
    pieces
}
