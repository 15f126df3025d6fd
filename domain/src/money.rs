//! An amount in euros, exact to the cent.
//!
//! In the database `numeric(14,2)`, in Rust a [`Decimal`] of two places, in
//! JSON a string such as `"12.50"`. An amount that does not fit is refused at
//! the edge, never rounded.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest amount `numeric(14,2)` holds, in cents.
const MAX_CENTS: i64 = 99_999_999_999_999;

/// An amount in euros, exact to the cent; negative when money leaves.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(try_from = "Decimal", into = "String")]
#[schemars(with = "String", extend("format" = "decimal"))]
pub struct Money(i64);

/// Why a number is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// More than two decimals.
    #[error("`{0}` has more than two decimals: an amount is exact to the cent")]
    TooManyDecimals(Decimal),
    /// Beyond what `numeric(14,2)` holds.
    #[error("`{0}` is larger than 999 999 999 999.99")]
    TooLarge(Decimal),
    /// Not a number at all.
    #[error("`{0}` is not an amount such as `12.50`")]
    NotANumber(String),
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount of so many cents.
    #[must_use]
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents)
    }

    /// The amount in cents.
    #[must_use]
    pub const fn cents(self) -> i64 {
        self.0
    }

    /// The amount as a decimal of two places.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Whether the amount is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl TryFrom<Decimal> for Money {
    type Error = MoneyError;

    fn try_from(value: Decimal) -> Result<Self, MoneyError> {
        if value != value.trunc_with_scale(2) {
            return Err(MoneyError::TooManyDecimals(value));
        }
        value
            .checked_mul(Decimal::ONE_HUNDRED)
            .and_then(|cents| i64::try_from(cents.trunc()).ok())
            .filter(|cents| cents.abs() <= MAX_CENTS)
            .map(Self)
            .ok_or(MoneyError::TooLarge(value))
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Decimal::from_str_exact(text)
            .map_err(|_| MoneyError::NotANumber(text.to_owned()))
            .and_then(Self::try_from)
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().fmt(f)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_with_three_decimals_is_refused() {
        let error = "12.345".parse::<Money>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`12.345` has more than two decimals: an amount is exact to the cent"
        );
    }

    #[test]
    fn trailing_zeros_are_no_decimals() {
        assert_eq!("12.3000".parse(), Ok(Money::from_cents(1230)));
    }

    #[test]
    fn an_amount_beyond_the_column_is_refused() {
        assert!(matches!(
            "1000000000000.00".parse::<Money>(),
            Err(MoneyError::TooLarge(_))
        ));
        assert_eq!(
            "-999999999999.99".parse(),
            Ok(Money::from_cents(-MAX_CENTS))
        );
    }

    #[test]
    fn json_carries_a_string_of_two_places() {
        let json = serde_json::to_string(&Money::from_cents(1250)).unwrap();
        assert_eq!(json, r#""12.50""#);
        assert_eq!(
            serde_json::from_str::<Money>(&json).unwrap(),
            Money::from_cents(1250)
        );
    }
}
