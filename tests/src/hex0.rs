// SPDX-License-Identifier: Apache-2.0 OR MIT

//! hex0 on the host: makes the first binary from its commented source.

/// Puts together the bytes that hex0 source `text` spells.
///
/// # Errors
/// A character that is none of hex0's, or an odd digit at the end; says which line.
pub fn assemble(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut high = None;
    for (number, line) in text.lines().enumerate() {
        let code = line.split(['#', ';']).next().unwrap_or_default();
        for character in code.chars().filter(|character| !character.is_ascii_whitespace()) {
            let digit = character
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or_else(|| format!("line {}: {character:?} is not a digit", number + 1))?;
            high = match high {
                None => Some(digit),
                Some(high) => {
                    bytes.push(high << 4 | digit);
                    None
                }
            };
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err("an odd digit is left over".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::assemble;

    #[test]
    fn digits_become_bytes_and_comments_nothing() {
        assert_eq!(assemble("7F 4\n5 # 99\n; 88\naB"), Ok(vec![0x7f, 0x45, 0xab]));
    }

    #[test]
    fn other_characters_and_odd_digits_are_refused() {
        assert!(assemble("0g").is_err());
        assert!(assemble("012").is_err());
    }
}
