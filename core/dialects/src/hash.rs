/// FNV-1a, 64 bits (Fowler, Noll, Vo): stable across versions and platforms, which replayed tool
/// ids and names depend on; not for secrets.
pub(crate) fn fnv64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
