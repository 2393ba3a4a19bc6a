//! Meeting codes: easy to read aloud, impossible to guess.

use rand::RngExt;

/// Letters that are not mistaken for a digit or for each other.
const LETTERS: &[u8; 23] = b"abcdefghjkmnpqrstuvwxyz";
const GROUPS: usize = 3;
const GROUP: usize = 4;

/// A new code such as `abcd-efgh-jkmn`: 12 letters, 54 bits.
pub(super) fn new() -> String {
    let mut random = rand::rng();
    let mut code = String::with_capacity(GROUPS * (GROUP + 1));
    for index in 0..GROUPS * GROUP {
        if index > 0 && index % GROUP == 0 {
            code.push('-');
        }
        code.push(char::from(LETTERS[random.random_range(0..LETTERS.len())]));
    }
    code
}

/// The code somebody meant, if it can be one at all. Case and blanks around do not matter.
pub(super) fn meant(typed: &str) -> Option<String> {
    let code = typed.trim().to_ascii_lowercase();
    let fits = (1..=wire::validate::MAX_ID_LENGTH).contains(&code.len());
    (fits && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_three_groups_of_letters_and_its_own_meaning() {
        let code = new();
        let groups: Vec<&str> = code.split('-').collect();
        assert!(groups.len() == 3 && groups.iter().all(|group| group.len() == 4), "{code}");
        assert_eq!(meant(&format!(" {} ", code.to_uppercase())), Some(code.clone()));
        assert_ne!(new(), code);
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in ["", "  ", "a/b", "a b", "ü", &"a".repeat(65)] {
            assert_eq!(meant(typed), None, "{typed:?}");
        }
    }
}
