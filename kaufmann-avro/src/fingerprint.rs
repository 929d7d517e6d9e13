//! Fingerprints of schemas: of the canonical form, to look a schema up; of any other text, to compare two.

use sha2::{Digest, Sha256};

/// CRC-64-AVRO, the Rabin fingerprint of the specification.
///
/// ```
/// assert_eq!(kaufmann_avro::crc64(br#""int""#), 0x7275_d51a_3f39_5c8f);
/// ```
#[must_use]
pub fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ TABLE[usize::from(low ^ byte)]
    })
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The fingerprint of nothing, and the polynomial.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

/// What each byte contributes.
const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (EMPTY & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{crc64, sha256};

    #[test]
    fn nothing_has_the_fingerprint_that_the_specification_names_empty() {
        assert_eq!(crc64(b""), 0xc15d_213a_a4d7_a795);
    }

    #[test]
    fn sha256_is_that_of_fips_180() {
        let digest: String = sha256(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
