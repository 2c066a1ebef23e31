//! Times: text and numbers become microseconds since 1970, UTC, and those become syslog times.
//!
//! The rules are those of `cef_bridge/kubearmor/clock.py` (reading) and `cef_bridge/lines/syslog.py`
//! (writing): own grammars with ASCII digits, so that a time is one everywhere.

use crate::numbers::{self, Number};
use crate::text::strip;

const DAY: i64 = 86_400;
const MICROS: i64 = 1_000_000;
/// 10000-01-01T00:00:00Z in seconds: what is later, a syslog header cannot say.
const LATEST: i64 = 253_402_300_800;
const LEAST_NUMBER: i64 = 100_000_000_000_000; // microseconds: March 1973

/// Returns epoch microseconds of `2023-08-23T18:05:48.301798Z`; `None` when it is no such time.
///
/// Also with a small `t` or `z`, one space instead of the `T`, without seconds, with any count of
/// fraction digits behind a point or comma, with an offset, and with white space around it.
pub fn microseconds(text: &str) -> Option<i64> {
    let mut rest = strip(text).as_bytes();
    let year = digits(&mut rest, 4)?;
    sign(&mut rest, b"-")?;
    let month = digits(&mut rest, 2)?;
    sign(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    sign(&mut rest, b"Tt ")?;
    let hour = digits(&mut rest, 2)?;
    sign(&mut rest, b":")?;
    let minute = digits(&mut rest, 2)?;
    let (mut second, mut micros) = (0, 0);
    if sign(&mut rest, b":").is_some() {
        second = digits(&mut rest, 2)?;
        if sign(&mut rest, b".,").is_some() {
            micros = fraction(&mut rest)?;
        }
    }
    let offset = zone(rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, day)?;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset;
    (0 < seconds && seconds < LATEST).then_some(seconds * MICROS + micros)
}

/// Takes so many ASCII digits off the text.
fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let found = rest.get(..count)?;
    *rest = rest.get(count..)?;
    found.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Takes one of some characters off the text, if it begins with one.
fn sign(rest: &mut &[u8], signs: &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    signs.contains(&first).then(|| {
        *rest = after;
        first
    })
}

/// Takes one digit or more off the text; those beyond microseconds say nothing.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let found = rest.get(..count)?;
    *rest = rest.get(count..)?;
    let padded = found.iter().chain(&[b'0'; 6]).take(6);
    let micros = padded.fold(0, |number, byte| number * 10 + i64::from(byte - b'0'));
    (count > 0).then_some(micros)
}

/// Returns the seconds east of UTC that the rest of a time says: nothing, `Z`, `+02:00`, `+0200` or
/// `+02`.
fn zone(mut rest: &[u8]) -> Option<i64> {
    match sign(&mut rest, b"Zz+-") {
        None => rest.is_empty().then_some(0),
        Some(b'Z' | b'z') => rest.is_empty().then_some(0),
        Some(direction) => {
            let hours = digits(&mut rest, 2)?;
            let mut minutes = 0;
            if !rest.is_empty() {
                sign(&mut rest, b":");
                minutes = digits(&mut rest, 2)?;
            }
            let offset = hours * 3600 + minutes * 60;
            let exists = rest.is_empty() && hours <= 23 && minutes <= 59;
            exists.then_some(if direction == b'-' { -offset } else { offset })
        }
    }
}

/// Returns the days since 1970 of a date of the years 1 to 9999; `None` when there is no such day.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || day == 0 || day > length {
        return None;
    }
    // A year that begins in March ends with its leap day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}

/// Returns (year, month, day) of days since 1970; they may be negative, not before the year 0.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // since 1 March of the year 0
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153; // March is 0
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

/// Returns epoch microseconds of a text that is a number of seconds, ms, us or ns.
pub fn number_text(text: &str) -> Option<i64> {
    match numbers::read_number(text)? {
        Number::Integer(number) => number_int(number),
        Number::Float(number) => number_float(number),
    }
}

/// Returns epoch microseconds of a number of seconds, ms, us or ns, told apart by its size.
pub fn number_int(number: i128) -> Option<i64> {
    if !(0 < number && number < 10_i128.pow(19)) {
        return None;
    }
    let micros = if number < 10_i128.pow(11) {
        number * 1_000_000
    } else if number < 10_i128.pow(14) {
        number * 1000
    } else if number < 10_i128.pow(17) {
        number
    } else {
        number / 1000
    };
    i64::try_from(micros).ok()
}

/// Returns the same of a float; what is less than a microsecond is rounded, half to even.
pub fn number_float(number: f64) -> Option<i64> {
    if !(number > 0.0 && number < 1e19) {
        return None;
    }
    let micros = if number < 1e11 {
        (number * 1e6).round_ties_even()
    } else if number < 1e14 {
        (number * 1e3).round_ties_even()
    } else if number < 1e17 {
        number.round_ties_even()
    } else {
        return Some((number as i128 / 1000) as i64); // below 1e16
    };
    Some(micros as i64)
}

/// Returns epoch microseconds of a text that is a time, or a number that may be one.
///
/// With `time_of_number` this is `moment` of the reference, for each kind of value.
pub fn moment_text(text: &str) -> Option<i64> {
    microseconds(text).or_else(|| time_of_number(number_text(text)))
}

/// Returns what one of the `number_` functions gave, unless it is before 1973: a small number is
/// something else.
pub fn time_of_number(micros: Option<i64>) -> Option<i64> {
    micros.filter(|&micros| micros >= LEAST_NUMBER)
}

const MONTHS: [[u8; 3]; 12] = [
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct",
    *b"Nov", *b"Dec",
];

/// Returns the seconds in which a syslog header says a time: those of 1970 to 9999. For a zone its
/// offset is looked up by them.
pub fn header_seconds(epoch_us: i64) -> i64 {
    within(epoch_us) / MICROS
}

/// Appends `Aug 23 18:05:48` (RFC 3164 4.1.2) of epoch microseconds, so many seconds east of UTC.
pub fn rfc3164_time(out: &mut Vec<u8>, epoch_us: i64, offset: i32) {
    let seconds = header_seconds(epoch_us) + i64::from(offset);
    let (_, month, day) = civil_from_days(seconds.div_euclid(DAY));
    let name = usize::try_from(month - 1)
        .ok()
        .and_then(|at| MONTHS.get(at))
        .unwrap_or(b"???");
    out.extend_from_slice(name);
    out.push(b' ');
    if day < 10 {
        out.push(b' ');
        push_digits::<1>(out, day);
    } else {
        push_digits::<2>(out, day);
    }
    out.push(b' ');
    push_clock(out, seconds);
}

/// Appends `2023-08-23T18:05:48.301798Z` (RFC 5424 6.2.3) of epoch microseconds; with an offset
/// (seconds east of UTC) the time there, and `+02:00` in place of the Z.
pub fn rfc5424_time(out: &mut Vec<u8>, epoch_us: i64, offset: Option<i32>) {
    let east = i64::from(offset.unwrap_or(0));
    let seconds = (header_seconds(epoch_us) + east).min(LATEST - 1);
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
    push_digits::<4>(out, year);
    out.push(b'-');
    push_digits::<2>(out, month);
    out.push(b'-');
    push_digits::<2>(out, day);
    out.push(b'T');
    push_clock(out, seconds);
    out.push(b'.');
    push_digits::<6>(out, within(epoch_us) % MICROS);
    if offset.is_none() {
        out.push(b'Z');
        return;
    }
    out.push(if east < 0 { b'-' } else { b'+' });
    push_digits::<2>(out, east.abs() / 3600);
    out.push(b':');
    push_digits::<2>(out, east.abs() / 60 % 60);
}

/// Returns the time, or the nearest one from 1970 to 9999: RFC 3339 has four digits for the year.
fn within(epoch_us: i64) -> i64 {
    epoch_us.clamp(0, LATEST * MICROS - 1)
}

fn push_clock(out: &mut Vec<u8>, seconds: i64) {
    let of_day = seconds.rem_euclid(DAY);
    push_digits::<2>(out, of_day / 3600);
    out.push(b':');
    push_digits::<2>(out, of_day / 60 % 60);
    out.push(b':');
    push_digits::<2>(out, of_day % 60);
}

/// Appends the last digits of a number, so many of them, with zeros before it.
#[inline]
fn push_digits<const COUNT: usize>(out: &mut Vec<u8>, number: i64) {
    let mut digits = [b'0'; COUNT];
    let mut rest = number.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_692_813_948_301_798;

    #[test]
    fn a_time_is_read_to_the_microsecond_and_never_guessed() {
        for (text, micros) in [
            ("2023-08-23T18:05:48.301798Z", Some(T)),
            (" 2023-08-23t18:05:48,301798z\u{3000}", Some(T)),
            ("2023-08-23 18:05:48.301798999", Some(T)),
            ("2023-08-23T20:05:48.301798+02:00", Some(T)),
            ("2023-08-23T14:35:48.301798-0330", Some(T)),
            ("2023-08-23T18:05:48.3+00", Some(T - 1798)),
            ("2023-08-23T18:05Z", Some(T - 48_301_798)),
            ("2024-02-29T23:59:59.999999Z", Some(1_709_251_199_999_999)),
            ("1970-01-01T00:00:01Z", Some(1_000_000)),
            ("1970-01-01T00:00:00.5Z", None),
            ("9999-12-31T23:59:59.999999Z", Some(253_402_300_799_999_999)),
            ("9999-12-31T23:59:59-00:01", None),
            ("2023-02-29T18:05:48Z", None),
            ("2023-08-23T24:00:00Z", None),
            ("2023-08-23T23:59:60Z", None),
            ("0000-01-01T00:00:00Z", None),
            ("2023-08-23T18:05:48.Z", None),
            ("2023-08-23T18:05.5Z", None),
            ("2023-08-23T18:05:48+24:00", None),
            ("2023-08-23T18:05:48+02:", None),
            ("2023-08-23T18:05:48+02:00:00", None),
            ("2023-08-23T18:05:48.\u{663}01798Z", None),
            ("20230823T180548Z", None),
            ("2023-W01-1", None),
            ("2023-08-23", None),
            ("2023-08-23  18:05:48", None),
            ("", None),
        ] {
            assert_eq!(microseconds(text), micros, "{text}");
        }
    }

    #[test]
    fn the_size_of_a_number_tells_seconds_from_fractions() {
        assert_eq!(number_text("1692813948"), Some(1_692_813_948_000_000));
        assert_eq!(number_text(" 1.692813948e9 "), Some(1_692_813_948_000_000));
        assert_eq!(number_int(1_692_813_948_301), Some(1_692_813_948_301_000));
        assert_eq!(number_int(1_692_813_948_301_798), Some(T));
        assert_eq!(number_int(1_692_813_948_301_798_123), Some(T));
        for nothing in [0, -1, i128::MAX, i128::MIN] {
            assert_eq!(number_int(nothing), None);
        }
        for nothing in [0.0, -1.5, f64::NAN, f64::INFINITY, 1e19] {
            assert_eq!(number_float(nothing), None);
        }
        assert_eq!((number_text("nan"), number_text("1_0")), (None, None));
        assert_eq!(
            (moment_text("3"), moment_text("1692813948.5")),
            (None, Some(T + 198_202))
        );
    }

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in 0..(LATEST / DAY) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
    }

    #[test]
    fn headers_say_times_in_utc_and_in_zones() {
        let old = |micros, offset| {
            let mut out = Vec::new();
            rfc3164_time(&mut out, micros, offset);
            String::from_utf8(out).expect("text")
        };
        let new = |micros, offset| {
            let mut out = Vec::new();
            rfc5424_time(&mut out, micros, offset);
            String::from_utf8(out).expect("text")
        };
        assert_eq!(old(T, 0), "Aug 23 18:05:48");
        assert_eq!(old(-1, -3600), "Dec 31 23:00:00");
        assert_eq!(old(i64::MAX, 3600), "Jan  1 00:59:59");
        assert_eq!(new(T, None), "2023-08-23T18:05:48.301798Z");
        assert_eq!(new(T, Some(-12_600)), "2023-08-23T14:35:48.301798-03:30");
        assert_eq!(new(T, Some(0)), "2023-08-23T18:05:48.301798+00:00");
        assert_eq!(
            new(i64::MAX, Some(3600)),
            "9999-12-31T23:59:59.999999+01:00"
        );
        assert_eq!(new(i64::MIN, Some(i32::MIN)).len(), 32);
    }
}
