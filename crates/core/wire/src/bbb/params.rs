//! The parameters of a call, bounded.

/// Longest query or form, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most parameters of a call.
const MAX_COUNT: usize = 256;
/// Longest name, in bytes.
const MAX_NAME: usize = 256;
/// Longest value, in bytes.
const MAX_VALUE: usize = 32 * 1024;
/// Most items of a comma-separated list; what comes after them is passed over.
const MAX_ITEMS: usize = 100;

/// The parameters cannot be understood, or there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("We can not parse request")]
pub struct Unreadable;

/// Decoded parameters. Of several with the same name the first counts, and an empty one counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query or a form.
    ///
    /// # Errors
    /// When there is more than a call may have.
    pub fn parse(raw: &str) -> Result<Self, Unreadable> {
        if raw.len() > MAX_BYTES {
            return Err(Unreadable);
        }
        let mut read = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            if read.len() == MAX_COUNT || name.len() > MAX_NAME || value.len() > MAX_VALUE {
                return Err(Unreadable);
            }
            read.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(read))
    }

    /// A text, if it says anything.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// A yes or no.
    ///
    /// # Errors
    /// When it is neither.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Unreadable> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        match value.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" => Ok(Some(true)),
            "false" | "0" | "no" | "off" | "f" => Ok(Some(false)),
            _ => Err(Unreadable),
        }
    }

    /// A number above zero; zero and what lies below it mean that there is none.
    ///
    /// # Errors
    /// When it is no number, or one beyond 32 bits.
    pub fn number(&self, name: &str) -> Result<Option<u32>, Unreadable> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        let value: i64 = value.trim().parse().map_err(|_| Unreadable)?;
        let value = u32::try_from(value.max(0)).map_err(|_| Unreadable)?;
        Ok((value > 0).then_some(value))
    }

    /// The items of a comma-separated list.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).take(MAX_ITEMS).collect()
    }

    /// Everything whose name starts with `prefix`, without it.
    pub fn starting_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}
