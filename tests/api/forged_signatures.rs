//! Almost valid signatures for each algorithm: of another form, length or padding, out of range, or
//! constructed to verify without the key. Each is presented at every door.

use std::cmp::Ordering;

use mintery::model::signing_key::SigningAlgorithm::{
    self, EdDsa, Es256, Es384, Hs256, Ps256, Rs256,
};
use mintery_verifier::VerifyError;

use crate::support::doors::Doors;
use crate::support::forge::{self, Forgery, decode, encode, part};

/// The orders of P-256 and P-384 (SEC 2 §2.4.2, §2.5.1), and that of Ed25519 (RFC 8032 §5.1), the
/// latter as it is written in a signature: the last byte first.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384_ORDER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
const ED25519_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

/// The sum of two numbers of one length, the first byte first, with a byte in front where it needs
/// one.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let (mut digits, mut carry) = (Vec::new(), 0);
    for (a, b) in a.iter().zip(b).rev() {
        carry += u16::from(*a) + u16::from(*b);
        digits.push(carry.to_le_bytes()[0]);
        carry >>= 8;
    }
    if carry > 0 {
        digits.push(1);
    }
    digits.reverse();
    digits
}

/// The difference of two numbers of one length, of which the first is the larger one.
fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    assert_eq!(a.cmp(b), Ordering::Greater);
    let inverted: Vec<_> = b.iter().map(|byte| !byte).collect();
    // a - b = a + !b + 1, less the carry.
    let mut one = vec![0; a.len()];
    *one.last_mut().unwrap() = 1;
    let digits = sum(&sum(a, &inverted)[1..], &one);
    digits[digits.len() - a.len()..].to_vec()
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

/// A token and its parts, signed with the key of an algorithm.
struct Signed {
    forgery: Forgery,
    kid: String,
    text: String,
    signature: Vec<u8>,
}

impl Signed {
    fn with(doors: &Doors, algorithm: SigningAlgorithm) -> Self {
        let kid = match algorithm {
            Hs256 => part(&doors.token, 0)["kid"].as_str().unwrap().to_owned(),
            _ => doors.kid(algorithm),
        };
        let forgery = doors
            .real
            .clone()
            .header("alg", algorithm.name())
            .header("kid", kid.as_str())
            .signed_by(&kid);
        let text = forgery.signed();
        let signature = forge::signature(&kid, text.as_bytes());
        Self { forgery, kid, text, signature }
    }

    fn token(&self, signature: impl AsRef<[u8]>) -> String {
        format!("{}.{}", self.text, encode(signature))
    }
}

/// JOSE-2: a signature has one form and one length (RFC 7518 §3), and is over both parts.
#[actix_web::test]
async fn nearly_right_is_wrong_for_every_algorithm() {
    let doors = Doors::with_every_algorithm().await;
    for algorithm in SigningAlgorithm::ALL {
        let signed = Signed::with(&doors, algorithm);
        let good = signed.signature.as_slice();
        doors.accept(algorithm.name(), &signed.token(good)).await;
        let length = good.len();
        let (header, claims) = signed.text.split_once('.').unwrap();
        let over = |message: &str| forge::signature(&signed.kid, message.as_bytes());
        for (what, signature) in [
            ("none", Vec::new()),
            ("one byte", vec![good[0]]),
            ("half of it", good[..length / 2].to_vec()),
            ("without its last byte", good[..length - 1].to_vec()),
            ("without its first byte", good[1..].to_vec()),
            ("a zero after it", [good, &[0]].concat()),
            ("a zero before it", [&[0], good].concat()),
            ("twice", [good, good].concat()),
            ("backwards", reversed(good)),
            ("zeros", vec![0; length]),
            ("ones", vec![0xff; length]),
            ("the number one", [vec![0; length - 1], vec![1]].concat()),
            ("as text", encode(good).into_bytes()),
            ("over the header", over(header)),
            ("over the claims", over(claims)),
            ("over both without the dot", over(&signed.text.replace('.', ""))),
            ("over nothing", over("")),
            ("over the token", over(&signed.token(good))),
            ("over both as they are decoded", over(&String::from_utf8(decode(header)).unwrap())),
        ] {
            doors
                .refuse(
                    &format!("{algorithm}: {what}"),
                    &signed.token(signature),
                    VerifyError::Signature,
                )
                .await;
        }
        let other = signed.forgery.clone().claim("scope", "admin").signed();
        let spliced = format!("{other}.{}", encode(good));
        doors.refuse(&format!("{algorithm}: other claims"), &spliced, VerifyError::Signature).await;
    }
}

/// JOSE-2: no key signs for another algorithm than its own, two RSA keys not even with each other's
/// padding.
#[actix_web::test]
async fn a_key_signs_for_one_algorithm() {
    let doors = Doors::with_every_algorithm().await;
    for algorithm in SigningAlgorithm::ALL {
        let signed = Signed::with(&doors, algorithm);
        for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let what = format!("{algorithm} as {other}");
            let named = signed.forgery.clone().header("alg", other.name());
            doors.refuse(&what, &named.sign(), VerifyError::Algorithm).await;
            let by_other = signed.forgery.clone().signed_by(&Signed::with(&doors, other).kid);
            doors.refuse(&what, &by_other.sign(), VerifyError::Signature).await;
        }
    }
    for (own, other) in [(Rs256, Ps256), (Ps256, Rs256)] {
        let signed = Signed::with(&doors, own);
        let signature = forge::signature_as(other, &signed.kid, signed.text.as_bytes());
        doors.refuse("another padding", &signed.token(signature), VerifyError::Signature).await;
        let named = signed.forgery.clone().header("alg", other.name()).signed();
        let signature = encode(forge::signature_as(other, &signed.kid, named.as_bytes()));
        let token = format!("{named}.{signature}");
        doors.refuse("another padding, by its name", &token, VerifyError::Algorithm).await;
    }
}

/// JOSE-2: an ECDSA signature is two numbers of full length, each above zero and below the order of
/// the curve.
///
/// Every (r, s) has a twin (r, n-s) that anyone can compute. Twins are accepted: RFC 7518 §3.4
/// allows them, half of all signatures are such twins, and nothing here depends on the text of a
/// token, which keeps its claims and its `jti`, by which it is revoked.
#[actix_web::test]
async fn ecdsa_signatures_are_two_numbers_in_range() {
    let doors = Doors::with_every_algorithm().await;
    for (algorithm, order) in [(Es256, hex(P256_ORDER)), (Es384, hex(P384_ORDER))] {
        let signed = Signed::with(&doors, algorithm);
        let (r, s) = signed.signature.split_at(order.len());
        let zero = vec![0; order.len()];
        let one = [&zero[1..], &[1]].concat();
        let ones = vec![0xff; order.len()];
        let mut der = vec![0x30, 0];
        for number in [r, s] {
            let digits: Vec<_> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
            let sign = if digits[0] < 0x80 { [].as_slice() } else { &[0] };
            der.extend([2, u8::try_from(digits.len() + sign.len()).unwrap()]);
            der.extend([sign, &digits].concat());
        }
        der[1] = u8::try_from(der.len() - 2).unwrap();
        for (what, signature) in [
            ("DER", der),
            ("r = 0", [&zero, s].concat()),
            ("s = 0", [r, &zero].concat()),
            ("both 0", [zero.clone(), zero.clone()].concat()),
            ("r = 1, s = 0", [&one, &zero[..]].concat()),
            ("r = 0, s = 1", [&zero, &one[..]].concat()),
            ("both 1", [one.clone(), one].concat()),
            ("r = n", [&order, s].concat()),
            ("s = n", [r, &order].concat()),
            ("both n", [order.clone(), order.clone()].concat()),
            ("r beyond the field", [&ones, s].concat()),
            ("s beyond the order", [r, &ones].concat()),
            ("the other way round", [s, r].concat()),
            ("n - r", [&difference(&order, r), s].concat()),
            ("a zero before both", [&[0], r, &[0], s].concat()),
        ] {
            doors
                .refuse(
                    &format!("{algorithm}: {what}"),
                    &signed.token(signature),
                    VerifyError::Signature,
                )
                .await;
        }
        let twin = [r, &difference(&order, s)].concat();
        doors.accept("n - s", &signed.token(twin)).await;
    }
}

/// JOSE-2: an Ed25519 signature has no twin (RFC 8032 §5.1.7: s is below the order).
#[actix_web::test]
async fn ed25519_signatures_have_no_twin() {
    let doors = Doors::with_every_algorithm().await;
    let signed = Signed::with(&doors, EdDsa);
    let (point, s) = signed.signature.split_at(32);
    let order = hex(ED25519_ORDER);
    let beyond = reversed(&sum(&reversed(s), &reversed(&order)));
    // The neutral element: what a signature with s = 0 has for a point, under a key that is it.
    let neutral = [vec![1], vec![0; 31]].concat();
    for (what, signature) in [
        ("s + L", [point, &beyond].concat()),
        ("s = L", [point, &order].concat()),
        ("s = 0", [point, &[0; 32]].concat()),
        ("the neutral element and 0", [neutral.clone(), vec![0; 32]].concat()),
        ("the neutral element and s", [&neutral, s].concat()),
        ("the point with the other sign", {
            let mut other = signed.signature.clone();
            other[31] ^= 0x80;
            other
        }),
        ("a high bit of s", {
            let mut other = signed.signature.clone();
            other[63] |= 0x20;
            other
        }),
        ("the other way round", [s, point].concat()),
    ] {
        doors.refuse(what, &signed.token(signature), VerifyError::Signature).await;
    }
}

/// JOSE-2: an RSA signature is a number below the modulus (RFC 8017 §5.2.2), written in full
/// length.
#[actix_web::test]
async fn rsa_signatures_are_below_the_modulus() {
    let doors = Doors::with_every_algorithm().await;
    for algorithm in [Rs256, Ps256] {
        let signed = Signed::with(&doors, algorithm);
        let mut keys = doors.jwks["keys"].as_array().unwrap().iter();
        let key = keys.find(|key| key["kid"] == *signed.kid).unwrap();
        let modulus = decode(key["n"].as_str().unwrap());
        let one = [vec![0; 255], vec![1]].concat();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, signed.text.as_bytes());
        let prefix = hex("3031300d060960864801650304020105000420");
        let padded = [&[0, 1], vec![0xff; 202].as_slice(), &[0], &prefix, digest.as_ref()].concat();
        assert_eq!(padded.len(), 256);
        for (what, signature) in [
            // 257 bytes, where it is too large for 256.
            ("s + n", sum(&signed.signature, &modulus)),
            ("n - s", difference(&modulus, &signed.signature)),
            ("n", modulus.clone()),
            ("n - 1", difference(&modulus, &one)),
            ("what is padded, as it stands", padded),
            ("the digest alone", digest.as_ref().to_vec()),
        ] {
            doors
                .refuse(
                    &format!("{algorithm}: {what}"),
                    &signed.token(signature),
                    VerifyError::Signature,
                )
                .await;
        }
    }
}
