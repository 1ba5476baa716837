//! [`Redacted`]: the wrapper that keeps personal data and secrets out of logs by type.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Holds a name, an address, a link part or a token. It prints as `[redacted]`, has no
/// `Display`, and gives its content only to an explicit [`Redacted::expose`], so that every use
/// can be found by searching for that word. It serialises as its content, for the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The content. Never pass it to a log, a metric or an error text.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The content, by value. Same care as [`Redacted::expose`].
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Transforms the content without leaving the wrapper.
    pub fn map<U>(self, transform: impl FnOnce(T) -> U) -> Redacted<U> {
        Redacted(transform(self.0))
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(feature = "ts")]
impl<T: ts_rs::TS> ts_rs::TS for Redacted<T> {
    type WithoutGenerics = T::WithoutGenerics;
    type OptionInnerType = T::OptionInnerType;

    fn name(config: &ts_rs::Config) -> String {
        T::name(config)
    }

    fn inline(config: &ts_rs::Config) -> String {
        T::inline(config)
    }

    fn visit_generics(visitor: &mut impl ts_rs::TypeVisitor)
    where
        Self: 'static,
    {
        visitor.visit::<T>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_value_prints_nothing_of_itself() {
        let name = Redacted::new("Camille Canari".to_owned());
        assert_eq!(format!("{name:?}"), "[redacted]");
        assert_eq!(format!("{:?}", Some(vec![name])), "Some([[redacted]])");
    }
}
