//! Numbers in texts, the types of keys, and floats as texts.
//!
//! The rules are those of `cef_bridge/kubearmor/numbers.py`, `cef_bridge/mapping/program/rules.py` (what a key
//! takes), `cef_bridge/mapping/program/conditions.py` (classes of values, floats as text) and
//! `cef_bridge/mapping/language/condition_forms.py` (numbers that are compared). Digits are ASCII.

use crate::text::{is_space, strip};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A number that a text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without point and exponent.
    Integer(i128),
    /// With one of them; infinite when it is too large.
    Float(f64),
}

const MOST_CHARACTERS: usize = 32;
const MOST_ADDRESS: usize = 45; // INET6_ADDRSTRLEN

/// Returns the number that a text of at most 32 characters is, `None` when it is none.
///
/// ASCII digits with a sign, a point and an exponent (`-5`, `1.5`, `.5`, `1.`, `1.89539e+06`), and
/// white space of ASCII around them. No `_`, no words.
pub fn read_number(text: &str) -> Option<Number> {
    if text.len() > MOST_CHARACTERS || !text.is_ascii() {
        return None;
    }
    let text = strip(text);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_digits(unsigned) {
        return text.parse().ok().map(Number::Integer); // 32 digits fit
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_exists = (is_digits(whole) && (fraction.is_empty() || is_digits(fraction)))
        || (whole.is_empty() && is_digits(fraction));
    let exponent_exists = exponent
        .is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    let exists = mantissa_exists && exponent_exists;
    exists
        .then(|| text.parse().ok())
        .flatten()
        .map(Number::Float)
}

/// Tells whether a text has digits of ASCII, and nothing else.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the decimal digits of the integer that a text is (`whole` of the reference): `-5`, `+5`,
/// `007`, `1.89539e+06`.
pub fn whole_text(text: &str) -> Option<String> {
    match read_number(text)? {
        Number::Integer(number) => Some(number.to_string()),
        Number::Float(number) => whole_float(number),
    }
}

/// Returns the decimal digits of a float that is a whole number, all of them exact.
pub fn whole_float(number: f64) -> Option<String> {
    if !number.is_finite() || number.fract() != 0.0 {
        return None;
    }
    Some(format!("{:.0}", number + 0.0)) // -0.0 is 0
}

/// Returns a float as the text of a field: `1` for 1.0, else as Python writes it.
pub fn float_text(number: f64) -> String {
    whole_float(number).unwrap_or_else(|| repr_float(number))
}

/// Returns a float as Python's `repr` writes it: the shortest digits that give it back.
///
/// With an exponent of at least two digits and its sign below 0.0001 and from 1e16 on (`1e-05`,
/// `1.5e+16`), else with a point and a digit behind it; `inf`, `-inf`, `nan`.
pub fn repr_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let shortest = Shortest::of(number);
    if (-4..16).contains(&shortest.exponent) {
        return shortest.fixed();
    }
    let sign = if shortest.exponent < 0 { '-' } else { '+' };
    format!(
        "{}e{sign}{:02}",
        shortest.mantissa(),
        shortest.exponent.unsigned_abs()
    )
}

/// Returns a float as JSON has it inside of nested values (`compact_json` of the reference).
///
/// As `repr_float`, but with an exponent only below 0.00001, and no zero before that (`0.000015`,
/// `1e-6`, `1e+16`); `null` for what is infinite.
pub fn json_float(number: f64) -> String {
    if !number.is_finite() {
        return "null".to_owned();
    }
    let shortest = Shortest::of(number);
    if (-5..16).contains(&shortest.exponent) {
        return shortest.fixed();
    }
    format!("{}e{:+}", shortest.mantissa(), shortest.exponent)
}

/// A finite float as its shortest digits and the power of ten that the first of them stands for.
struct Shortest {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Shortest {
    fn of(number: f64) -> Self {
        let written = format!("{:e}", number.abs());
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let digits = mantissa.replace('.', "");
        let exponent = exponent.parse().unwrap_or(0);
        let even = even_half(number.abs(), &digits, exponent);
        Self {
            negative: number.is_sign_negative(),
            digits: even.unwrap_or(digits),
            exponent,
        }
    }

    /// `15` and -1 as `0.15`, and 3 as `1500.0`.
    fn fixed(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = &self.digits;
        match usize::try_from(self.exponent) {
            Err(_) => {
                let zeros = self.exponent.unsigned_abs() as usize - 1;
                format!("{sign}0.{}{digits}", "0".repeat(zeros))
            }
            Ok(exponent) => match parted(digits, exponent + 1) {
                Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
                None => format!("{sign}{digits:0<width$}.0", width = exponent + 1),
            },
        }
    }

    /// `15` as `1.5`, `1` as it is.
    fn mantissa(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        match parted(&self.digits, 1) {
            Some((first, rest)) => format!("{sign}{first}.{rest}"),
            None => format!("{sign}{}", self.digits),
        }
    }
}

/// Returns the digits with an even last one that are as near to a float as its shortest digits.
///
/// Of 562949953421312.25 both `.2` and `.3` are: Python and orjson write the even one, Rust the
/// larger one.
fn even_half(number: f64, digits: &str, exponent: i32) -> Option<String> {
    let count = digits.len() as i32;
    let odd: u64 = digits.parse().ok().filter(|digits| digits % 2 == 1)?;
    let lower = odd - 1;
    // In the middle of two texts is a float that takes one digit more, and no others.
    if count - exponent != fraction_bits(number) {
        return None;
    }
    let exact = format!("{number:.*e}", digits.len()).replace('.', "");
    let middle = exact.starts_with(&format!("{lower}5e"));
    let same: Option<f64> = format!("{lower}e{}", exponent - count + 1).parse().ok();
    (middle && same == Some(number)).then(|| lower.to_string())
}

/// Returns how many bits, and therefore decimal digits, a float has behind the point.
fn fraction_bits(number: f64) -> i32 {
    let bits = number.to_bits();
    let (mantissa, exponent) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7FF) as i32);
    match (mantissa, exponent) {
        (0, 0) => 0,
        (_, 0) => 1074 - mantissa.trailing_zeros() as i32,
        _ => 1075 - exponent - (mantissa | 1 << 52).trailing_zeros() as i32,
    }
}

/// Returns a text in two parts, unless the second one is empty.
fn parted(digits: &str, at: usize) -> Option<(&str, &str)> {
    let parts = (digits.get(..at)?, digits.get(at..)?);
    (!parts.1.is_empty()).then_some(parts)
}

/// Tells whether a text is a decimal integer of at most 64 bits with sign.
pub fn is_integer(text: &str) -> bool {
    integer(text).is_some()
}

/// Tells whether a text is a decimal integer of at most 32 bits with sign.
pub fn is_int32(text: &str) -> bool {
    integer(text).is_some_and(|number| i32::try_from(number).is_ok())
}

fn integer(text: &str) -> Option<i64> {
    if text.len() < 10 && is_digits(text) {
        return Some(
            text.bytes()
                .fold(0, |all, byte| all * 10 + i64::from(byte - b'0')),
        );
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    (is_digits(digits) && digits.len() <= 19)
        .then(|| text.parse().ok())
        .flatten()
}

/// Tells whether a text is a number that is not too large for a float.
pub fn is_float(text: &str) -> bool {
    match read_number(text) {
        None => false,
        Some(Number::Integer(_)) => true,
        Some(Number::Float(number)) => number.is_finite(),
    }
}

/// Tells whether a text is a time for CEF: ten or thirteen digits, or `Aug 23 2023 18:05:48.301 UTC`
/// of which the year, the thousandths and the zone may be missing.
pub fn is_timestamp(text: &str) -> bool {
    if matches!(text.len(), 10 | 13) && is_digits(text) {
        return true;
    }
    let Some(rest) = like(text, "Aaa 00 ") else {
        return false;
    };
    let rest = like(rest, "0000 ").unwrap_or(rest);
    let Some(rest) = like(rest, "00:00:00") else {
        return false;
    };
    let rest = like(rest, ".000").unwrap_or(rest);
    match rest.strip_prefix(' ') {
        Some(zone) => !zone.is_empty() && !zone.contains(is_space),
        None => rest.is_empty(),
    }
}

/// Takes off the text what looks like a form: `A` a capital, `a` a small letter, `0` a digit.
fn like<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let (begin, rest) = (text.get(..form.len())?, text.get(form.len()..)?);
    let fits = begin
        .bytes()
        .zip(form.bytes())
        .all(|(byte, kind)| match kind {
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            b'0' => byte.is_ascii_digit(),
            _ => byte == kind,
        });
    fits.then_some(rest)
}

/// Tells whether a text is a MAC address: six bytes of two hexadecimal digits, `:` or `-` between.
pub fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| match at % 3 {
            2 => matches!(byte, b':' | b'-'),
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Tells whether a text is an IPv4 address in dotted form, without leading zeros.
pub fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Tells whether a text is an IPv6 address of at most 45 characters, without a zone.
pub fn is_ipv6(text: &str) -> bool {
    text.len() <= MOST_ADDRESS && text.parse::<Ipv6Addr>().is_ok()
}

/// A number of `{min: …}` and `{max: …}`, and of what is compared with it: exact, no float.
///
/// Two of them compare as numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    whole: i128,
    fraction: i128, // of 10^30, with the sign of the number
}

const MOST_DIGITS: usize = 30; // before and after the point

impl Decimal {
    /// Returns the number that a text is, `None` when it is none: ASCII digits, a minus, a point.
    ///
    /// At most 30 digits before and after the point; no exponent, no plus, no white space.
    pub fn read(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let number = Self {
            whole: thirty(whole, 0)?,
            fraction: thirty(fraction, MOST_DIGITS)?,
        };
        if unsigned.len() == text.len() {
            return Some(number);
        }
        Some(Self {
            whole: -number.whole,
            fraction: -number.fraction,
        })
    }
}

/// Returns the number of 1 to 30 digits, with zeros behind them up to a length.
fn thirty(digits: &str, length: usize) -> Option<i128> {
    let exists = is_digits(digits) && digits.len() <= MOST_DIGITS;
    exists
        .then(|| format!("{digits:0<length$}").parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_number_by_a_grammar_of_our_own() {
        for (text, number) in [
            ("5", Some(Number::Integer(5))),
            (" -007\x1f", Some(Number::Integer(-7))),
            ("+99999999999999999999999999999999", None),
            (
                "99999999999999999999999999999999",
                Some(Number::Integer(10_i128.pow(32) - 1)),
            ),
            ("1.5", Some(Number::Float(1.5))),
            ("1.", Some(Number::Float(1.0))),
            ("-.5e+1", Some(Number::Float(-5.0))),
            ("1.89539e+06", Some(Number::Float(1_895_390.0))),
            ("1e999", Some(Number::Float(f64::INFINITY))),
        ] {
            assert_eq!(read_number(text), number, "{text}");
        }
        for text in [
            "", ".", "1_0", "nan", "inf", "0x1", "1e", "1e+", "e5", "--1", "1 0", "\u{663}",
            "1\u{a0}",
        ] {
            assert_eq!(read_number(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_keep_all_their_digits() {
        let whole = |text| whole_text(text);
        assert_eq!(whole("007").as_deref(), Some("7"));
        assert_eq!(whole("-0.0").as_deref(), Some("0"));
        assert_eq!(
            whole("1e30").as_deref(),
            Some("1000000000000000019884624838656")
        );
        assert_eq!(
            (whole("1.5"), whole("1e999"), whole("x")),
            (None, None, None)
        );
        assert_eq!(
            (float_text(1.0), float_text(0.25)),
            ("1".into(), "0.25".into())
        );
    }

    #[test]
    fn floats_are_written_as_python_and_orjson_write_them() {
        for (number, python, json) in [
            (0.0, "0.0", "0.0"),
            (-0.0, "-0.0", "-0.0"),
            (1.0, "1.0", "1.0"),
            (-1500.0, "-1500.0", "-1500.0"),
            (123.456, "123.456", "123.456"),
            (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
            (0.0001, "0.0001", "0.0001"),
            (0.000_015, "1.5e-05", "0.000015"),
            (1e-6, "1e-06", "1e-6"),
            (
                9_007_199_254_740_993.0,
                "9007199254740992.0",
                "9007199254740992.0",
            ),
            (1e16, "1e+16", "1e+16"),
            (-1.5e300, "-1.5e+300", "-1.5e+300"),
            (5e-324, "5e-324", "5e-324"),
            (
                562_949_953_421_312.2,
                "562949953421312.2",
                "562949953421312.2",
            ),
            (
                562_949_953_421_312.8,
                "562949953421312.8",
                "562949953421312.8",
            ),
            (
                5.960464477539063e-08,
                "5.960464477539063e-08",
                "5.960464477539063e-8",
            ),
            (f64::INFINITY, "inf", "null"),
            (f64::NAN, "nan", "null"),
        ] {
            assert_eq!(
                (repr_float(number).as_str(), json_float(number).as_str()),
                (python, json)
            );
        }
    }

    #[test]
    fn keys_take_what_their_type_says() {
        let min = "-9223372036854775808";
        assert!(is_integer(min) && is_integer("0") && is_integer("-0012"));
        for text in [
            "9223372036854775808",
            "+1",
            "",
            "-",
            "1.0",
            "00000000000000000001",
        ] {
            assert!(!is_integer(text), "{text}");
        }
        assert!(is_int32("-2147483648") && !is_int32("2147483648"));
        assert!(is_float("1e5") && is_float("-.5") && !is_float("1e999") && !is_float("nan"));
        for text in [
            "1692813948",
            "1692813948301",
            "Aug 23 18:05:48",
            "Aug 23 2023 18:05:48.301 \u{e9}",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "169281394",
            "Aug 23 18:05",
            "aug 23 18:05:48",
            "Aug 23 18:05:48 a b",
            "Aug 23 18:05:48 ",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
        assert!(
            is_mac("00:1b-44:11:3A:b7") && !is_mac("00:1b:44:11:3A:bg") && !is_mac("001b44113ab7")
        );
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        assert!(
            is_ipv4("10.0.0.255") && !is_ipv4("10.0.0.010") && !is_ipv4("10.0.0") && !is_ipv4("")
        );
        assert!(is_ipv6("::") && is_ipv6("fe80::1") && is_ipv6("::ffff:10.0.0.1"));
        assert!(!is_ipv6("fe80::1%eth0") && !is_ipv6("[::1]") && !is_ipv6("1::2:3:4:5:6:7:8"));
        assert!(is_ipv6("1:2:3:4:5:6:7::"));
    }

    #[test]
    fn decimals_compare_as_numbers() {
        let number = |text| Decimal::read(text).expect("a number");
        let ordered = [
            "-10",
            "-1.5",
            "-1.05",
            "-0.5",
            "0",
            "0.5",
            "1.05",
            "1.5",
            "9",
            "10.000001",
        ];
        for pair in ordered.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        assert_eq!(number("-0.0"), number("000"));
        assert_eq!(number("7"), number("7.000"));
        assert!(number(&"9".repeat(30)) > number("0"));
        for text in ["", "-", ".5", "5.", "+5", "1e5", " 5", "1.2.3", "\u{663}"] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
        assert_eq!(Decimal::read(&"9".repeat(31)), None);
    }
}
