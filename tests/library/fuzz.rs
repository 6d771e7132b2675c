//! The targets of `make fuzz`, for a moment in every test run: the seeds, changed at random, the
//! same ones each time.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// The folder of `fuzz/`.
fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder().join("seeds").join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The words of libFuzzer's dictionary.
fn words() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder().join("json.dict")).unwrap();
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    let words: Vec<_> = quoted.map(unescaped).collect();
    assert!(words.len() > 20);
    words
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut word = Vec::new();
    while let Some(byte) = bytes.next() {
        word.push(match (byte, byte == b'\\') {
            (_, true) => match bytes.next().unwrap() {
                b'x' => {
                    let mut digit = || char::from(bytes.next().unwrap()).to_digit(16).unwrap();
                    u8::try_from(digit() * 16 + digit()).unwrap()
                }
                other => other,
            },
            (other, false) => other,
        });
    }
    word
}

/// Random numbers, the same in each run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = (at + 1 + self.below(16)).min(bytes.len());
        let place = at.min(bytes.len().saturating_sub(1));
        let byte = u8::try_from(self.below(256)).unwrap();
        match self.below(9) {
            0 if !bytes.is_empty() => bytes[place] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[place] = byte,
            2 => bytes.insert(at, byte),
            3 => drop(bytes.drain(at..end.max(at))),
            4 => {
                let copy = bytes[at..end.max(at)].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            5 => bytes.truncate(at),
            6 => {
                // The beginning of this one and the end of another.
                let from = self.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let word = &words[self.below(words.len())];
                let end = if self.below(2) == 0 { at } else { end.max(at) };
                bytes.splice(at..end, word.iter().copied());
            }
        }
    }
}

/// Gives `target` its seeds, and `count` changed ones.
fn drive(name: &str, target: fn(&[u8]), count: usize) {
    let (seeds, words) = (seeds(name), words());
    assert!(seeds.len() > 2, "{name}");
    for seed in &seeds {
        target(seed);
    }
    let mut random = Random(1);
    for _ in 0..count {
        let mut input = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            let other = random.below(seeds.len());
            random.change(&mut input, &seeds[other], &words);
        }
        target(&input);
    }
}

/// JOSE-1, JOSE-2: an accepted token is signed with a matching key and algorithm.
#[test]
fn fuzz_tokens() {
    drive("token", targets::token, 20_000);
}

/// JOSE-3, JOSE-4, JOSE-5, 9068-1, 9068-2, 9068-4: other code reads an accepted token in the same
/// way.
#[test]
fn fuzz_headers_and_claims() {
    drive("claims", targets::claims, 40_000);
}

/// JOSE-6: an accepted key is public, and of an accepted size.
#[test]
fn fuzz_key_sets() {
    drive("key_set", targets::key_set, 10_000);
}

/// 6749-6: a strict decoder reads an accepted form in the same way.
#[test]
fn fuzz_forms() {
    drive("form", targets::form, 40_000);
}

/// Mutations of a valid token get further than random bytes.
#[test]
fn the_seeds_are_what_they_are_called() {
    let read = |target: &str, name: &str| {
        fs::read(folder().join("seeds").join(target).join(name)).unwrap()
    };
    for name in ["hs256", "eddsa", "other-names"] {
        let token = String::from_utf8(read("token", name)).unwrap();
        assert_eq!(targets::judge(&token), Ok(()), "{name}");
    }
    for name in ["good-claims", "good-header", "both", "several-audiences", "just-good"] {
        assert_eq!(targets::check_claims(&read("claims", name)), Ok(()), "{name}");
    }
    for name in ["twice", "critical", "just-expired", "just-too-early"] {
        assert!(targets::check_claims(&read("claims", name)).is_err(), "{name}");
    }
}
