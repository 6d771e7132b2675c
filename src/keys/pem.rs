//! Reads an imported private key in PEM (RFC 7468): PKCS#8, or the older forms that openssl writes.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
};
use zeroize::Zeroizing;

use super::pair::PrivateBytes;
use super::signing::SigningKey;
use crate::model::signing_key::SigningAlgorithm;

/// An unusable file. Each message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The file is not PEM.
    #[error("it contains no PEM block (-----BEGIN PRIVATE KEY-----)")]
    NoPem,
    /// The file has several blocks.
    #[error("it contains {0} PEM blocks; import one private key at a time")]
    Several(usize),
    /// A passphrase protects the key.
    #[error(
        "it is encrypted; run `openssl pkey -in FILE | mintery signing-key import -` to decrypt and import it"
    )]
    Encrypted,
    /// The block is not a private key.
    #[error("it is a {0}, not a private key")]
    NotPrivate(String),
    /// No algorithm signs with this private key.
    #[error(
        "unsupported key; supported: EC on P-256 or P-384, RSA of 2048 to 8192 bits, Ed25519{0}"
    )]
    Unusable(&'static str),
    /// The key does not fit the requested algorithm.
    #[error("it is not a key for {0}")]
    OtherAlgorithm(SigningAlgorithm),
}

/// Reads a private key. Only an RSA key needs `algorithm`, because it serves two; the default is
/// RS256.
///
/// # Errors
/// See [`PemError`].
pub fn read(text: &str, algorithm: Option<SigningAlgorithm>) -> Result<SigningKey, PemError> {
    let private = private_key(text)?;
    let found = candidates().into_iter().filter_map(|candidate| {
        let pkcs8 = to_pkcs8(candidate, &private)?;
        SigningKey::from_private(candidate, pkcs8).ok()
    });
    let mut found = found.peekable();
    if found.peek().is_none() {
        return Err(PemError::Unusable(hint(&private)));
    }
    match algorithm {
        None => found.next().ok_or(PemError::Unusable("")),
        Some(wanted) => {
            found.find(|key| key.algorithm() == wanted).ok_or(PemError::OtherAlgorithm(wanted))
        }
    }
}

/// The algorithms with a PEM form; the default first of two for one kind of key.
const fn candidates() -> [SigningAlgorithm; 5] {
    [
        SigningAlgorithm::Es256,
        SigningAlgorithm::Es384,
        SigningAlgorithm::EdDsa,
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Ps256,
    ]
}

fn private_key(text: &str) -> Result<PrivateBytes, PemError> {
    let mut blocks = pem::parse_many(text).map_err(|_| PemError::NoPem)?;
    // `openssl ecparam -genkey` writes the name of the curve before the key.
    blocks.retain(|block| block.tag() != "EC PARAMETERS");
    let count = blocks.len();
    let block = blocks.pop().ok_or(PemError::NoPem)?;
    if count > 1 {
        return Err(PemError::Several(count));
    }
    let tag = block.tag().to_owned();
    let is_encrypted =
        block.headers().iter().any(|(name, _)| name == "DEK-Info" || name == "Proc-Type");
    let bytes = Zeroizing::new(block.into_contents());
    match tag.as_str() {
        "ENCRYPTED PRIVATE KEY" => Err(PemError::Encrypted),
        _ if is_encrypted => Err(PemError::Encrypted),
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => Ok(bytes),
        other => Err(PemError::NotPrivate(other.to_ascii_lowercase())),
    }
}

/// Converts PKCS#8, RFC 5915 or RFC 8017 to PKCS#8; `None` for other keys.
fn to_pkcs8(algorithm: SigningAlgorithm, bytes: &[u8]) -> Option<PrivateBytes> {
    let ec = |curve| {
        let pair = EcdsaKeyPair::from_private_key_der(curve, bytes).ok()?;
        Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
    };
    let pkcs8 = match algorithm {
        SigningAlgorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
        SigningAlgorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING)?,
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
            let pair =
                RsaKeyPair::from_pkcs8(bytes).or_else(|_| RsaKeyPair::from_der(bytes)).ok()?;
            let document: Pkcs8V1Der<'_> = pair.as_der().ok()?;
            document.as_ref().to_vec()
        }
        SigningAlgorithm::EdDsa => bytes.to_vec(),
        SigningAlgorithm::Hs256 => return None,
    };
    Some(Zeroizing::new(pkcs8))
}

/// A hint about a key that fits no algorithm.
fn hint(bytes: &[u8]) -> &'static str {
    // A 1024-bit RSA key has about 600 bytes in either form, a 2048-bit key twice as many; EC and
    // Ed25519 keys have fewer.
    if (300..1000).contains(&bytes.len()) {
        "; this looks like an RSA key of fewer than 2048 bits"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use pem::Pem;

    use super::{PemError, read};
    use crate::keys::signing::SigningKey;
    use crate::model::signing_key::SigningAlgorithm;

    /// RFC 7515 Appendix A.2.1: n, e, d, p, q, dp, dq, qi.
    const RSA: [&str; 8] = [
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "AQAB",
        "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
    ];

    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = contents.len().to_be_bytes();
        let length: Vec<_> = length.into_iter().skip_while(|byte| *byte == 0).collect();
        let form = match contents.len() {
            0 => vec![0],
            1..0x80 => length,
            _ => [vec![0x80 | u8::try_from(length.len()).unwrap()], length].concat(),
        };
        [&[tag], form.as_slice(), contents].concat()
    }

    /// An `RSAPrivateKey` (RFC 8017 Appendix A.1.2).
    fn rsa(numbers: [&str; 8]) -> Result<SigningKey, PemError> {
        let numbers = numbers.map(|text| {
            let digits = URL_SAFE_NO_PAD.decode(text).unwrap();
            let sign = if digits[0] < 0x80 { [].as_slice() } else { &[0] };
            der(2, &[sign, &digits].concat())
        });
        let key = der(0x30, &[der(2, &[0]), numbers.concat()].concat());
        read(&pem::encode(&Pem::new("RSA PRIVATE KEY", key)), None)
    }

    /// 9068-5: RFC 7515 Appendix A.2, to the byte.
    #[test]
    fn an_rsa_key_signs_as_in_its_example() {
        let key = rsa(RSA).unwrap();
        assert_eq!(key.algorithm(), SigningAlgorithm::Rs256);
        let message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = key.pair.sign(message.as_bytes()).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );
    }

    /// JOSE-6: numbers that make no key, or a key that signs everything.
    #[test]
    fn rsa_numbers_that_make_no_key_are_refused() {
        let [n, e, ..] = RSA;
        // The names of the RFC, by their place.
        let with = |changes: &[(usize, &'static str)]| {
            let mut numbers = RSA;
            for (place, number) in changes {
                numbers[*place] = number;
            }
            numbers
        };
        let one = "AQ";
        for (what, numbers) in [
            ("e = d = 1", with(&[(1, one), (2, one), (5, one), (6, one)])),
            ("e = 1", with(&[(1, one)])),
            ("e = 2", with(&[(1, "Ag")])),
            ("e = n", with(&[(1, n)])),
            ("d = e", with(&[(2, e)])),
            ("p twice", with(&[(4, RSA[3])])),
            ("p = 1, q = n", with(&[(3, one), (4, n)])),
            ("n = p", with(&[(0, RSA[3])])),
            ("dq for dp", with(&[(5, RSA[6]), (6, RSA[5])])),
        ] {
            assert!(matches!(rsa(numbers), Err(PemError::Unusable(_))), "{what}");
        }
    }

    /// JOSE-2: RFC 8037 Appendix A.1 to A.4, to the byte.
    #[test]
    fn an_ed25519_key_signs_as_in_its_example() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        // RFC 8410 §7.
        let algorithm = der(0x30, &der(6, &[0x2b, 0x65, 0x70]));
        let contents = [der(2, &[0]), algorithm, der(4, &der(4, &seed))].concat();
        let key = read(&pem::encode(&Pem::new("PRIVATE KEY", der(0x30, &contents))), None).unwrap();
        assert_eq!(key.algorithm(), SigningAlgorithm::EdDsa);
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(key.pair.sign(message).unwrap()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }
}
